"""Verdicts: what a vendor's answer says about the key that was used.

Rules are data: each vendor's own first (its catalog file), then the general ones below;
the first that fits decides. The same status means different things at different vendors
(HTTP 498 is a dead key at Cohere and a busy service at Groq), so rules may name the code,
the type and the message too. What these are, by format:

    format               type            code                                message
    OpenAI and its kin   error.type      error.code                          error.message
    Anthropic            error.type      error.details.error_code            error.message
    Gemini               error.status    error.details[].reason, else .code  error.message

A message may quote what the bot sent. A rule that punishes a key for a message that
comes with a 400 must therefore look at its start, which no bot can choose.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What follows for the key."""

    OK = "ok"
    THROTTLED = "throttled"  # a temporary limit: cool down, use another meanwhile
    OVERLOADED = "overloaded"  # the vendor is busy or broken: the key is fine
    NO_FUNDS = "no_funds"  # the key is valid and the account is empty: park it
    DEAD = "dead"  # invalid or revoked: disable it
    CLIENT_ERROR = "client_error"  # about the request: another key would not help


# Statuses whose message comes from the vendor's gate, before it read what the bot sent.
GATE_STATUSES = frozenset({401, 402, 403, 412, 429})


@dataclass(frozen=True, kw_only=True, slots=True)
class VerdictRule:
    """Fits when everything it names is so. Texts are lower case; a code may end in `*`."""

    verdict: Verdict
    status: frozenset[int] = frozenset()
    code: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    message_has: tuple[str, ...] = ()
    message_starts: tuple[str, ...] = ()
    retry_after: bool | None = None  # whether the answer named a time to wait

    def __post_init__(self) -> None:
        texts = (*self.code, *self.type, *self.message_has, *self.message_starts)
        if not (self.status or texts):
            msg = "a rule names a status, a code, a type or a message"
            raise ValueError(msg)
        if any(not text or text != text.lower() for text in texts):
            msg = "the texts of a rule are lower case and not empty"
            raise ValueError(msg)
        punishes = self.verdict in {Verdict.DEAD, Verdict.NO_FUNDS}
        from_the_gate = self.status and self.status <= GATE_STATUSES
        if self.message_has and punishes and not from_the_gate:
            msg = "a bot could put this message there: use message_starts, or name a status"
            raise ValueError(msg)

    def fits(self, answer: Answer) -> bool:
        return (
            (not self.status or answer.status in self.status)
            and (not self.code or any(_named(code, answer.code) for code in self.code))
            and (not self.type or any(_named(kind, answer.type) for kind in self.type))
            and (
                not self.message_has
                or any(has in answer.message for has in self.message_has)
            )
            and (not self.message_starts or answer.message.startswith(self.message_starts))
            and (self.retry_after is None or self.retry_after is answer.retry_after)
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a rule looks at: lower case, and empty where the vendor said nothing."""

    status: int
    type: str
    code: str
    message: str
    retry_after: bool


def _named(name: str, said: str) -> bool:
    return said.startswith(name[:-1]) if name.endswith("*") else said == name


_EMPTY = ("insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached")
_SLOW = ("rate_limit*", "resource_exhausted", "too_many_requests", "slow_down")
_WRONG = ("invalid_request*", "invalid_argument", "content_filter", "context_length*")
_IN_STREAM = frozenset({200})

GENERAL: tuple[VerdictRule, ...] = (
    VerdictRule(verdict=Verdict.NO_FUNDS, code=_EMPTY),
    VerdictRule(verdict=Verdict.NO_FUNDS, type=_EMPTY),
    VerdictRule(verdict=Verdict.DEAD, status=frozenset({401})),
    VerdictRule(verdict=Verdict.NO_FUNDS, status=frozenset({402})),
    VerdictRule(verdict=Verdict.THROTTLED, status=frozenset({429})),
    VerdictRule(verdict=Verdict.OVERLOADED, status=frozenset({408, *range(500, 600)})),
    VerdictRule(verdict=Verdict.THROTTLED, status=_IN_STREAM, code=_SLOW),
    VerdictRule(verdict=Verdict.THROTTLED, status=_IN_STREAM, type=_SLOW),
    VerdictRule(verdict=Verdict.CLIENT_ERROR, status=_IN_STREAM, code=_WRONG),
    VerdictRule(verdict=Verdict.CLIENT_ERROR, status=_IN_STREAM, type=_WRONG),
)


def judge(  # noqa: PLR0913 - what an error answer can say
    rules: Iterable[VerdictRule],
    status: int,
    error_type: str | None = None,
    error_code: str | int | None = None,
    message: str | None = None,
    *,
    retry_after: bool = False,
) -> Verdict:
    """What the answer says about the key.

    A 2xx with an error in its body or stream is judged as an error: by the rules, then by
    a code that is an HTTP status, and else it is the vendor's failure. Only a rule can call
    the key dead there: it was good enough for the answer to begin.
    """
    answer = Answer(
        status=status,
        type=(error_type or "").lower(),
        code=str(error_code or "").lower(),
        message=(message or "").lower(),
        retry_after=retry_after,
    )
    succeeded = 200 <= status < 300  # noqa: PLR2004 - HTTP
    if succeeded and not (answer.type or answer.code or answer.message):
        return Verdict.OK
    for rule in (*rules, *GENERAL):
        if rule.fits(answer):
            return rule.verdict
    if not succeeded:
        return Verdict.CLIENT_ERROR
    if answer.code in _HTTP_ERRORS:
        return judge((), int(answer.code))
    return Verdict.OVERLOADED


_HTTP_ERRORS = frozenset(str(status) for status in range(400, 600) if status != 401)  # noqa: PLR2004
