"""Whether a failed attempt goes on to the next candidate, as a chain's trigger says.

Error types that a trigger may name:

    rate_limit    the vendor limits the key for a while
    overloaded    the vendor is busy or broken, or did not answer at all
    timeout       no byte of an answer within the trigger's time
    no_funds      the account is empty          dead_key   the key is invalid or revoked
    context_length_exceeded                     the request is too long for the model
    model_not_found                             the vendor has no such model

A key that is dead, empty or limited is never the end of a call that has other candidates,
whatever the trigger says: the bot can do nothing about it.
"""

from __future__ import annotations

from domain.routing_policy import Trigger
from domain.verdicts import Verdict

TIMEOUT = "timeout"
TOO_LONG = "context_length_exceeded"
NOT_FOUND = "model_not_found"
_BY_VERDICT = {
    Verdict.THROTTLED: "rate_limit",
    Verdict.OVERLOADED: "overloaded",
    Verdict.NO_FUNDS: "no_funds",
    Verdict.DEAD: "dead_key",
}
ERROR_TYPES = frozenset({*_BY_VERDICT.values(), TIMEOUT, TOO_LONG, NOT_FOUND})
_BY_THE_KEY = frozenset({Verdict.THROTTLED, Verdict.NO_FUNDS, Verdict.DEAD})
# Signs in a vendor's code, type or message, lower case. A message may quote the request:
# the worst that comes of it is that another model is asked.
_SIGNS = {
    TOO_LONG: (
        *("context_length", "context_window", "maximum context length"),
        *("prompt is too long", "too many tokens", "input token count"),
    ),
    NOT_FOUND: (
        *("model_not_found", "model_not_exist", "modelnotfound", "invalid_model"),
        *("not_found_error", "model not found", "model does not exist"),
        *("model not exist", "is not found for api version"),  # DeepSeek, Google
        *("not found, try pulling", "invalidendpointormodel"),  # Ollama, Doubao
    ),
}


def error_type(verdict: Verdict, error: str | None, *, timed_out: bool) -> str | None:
    """The error type of an attempt that ended so; None: none that a trigger could name.

    `error` is what the vendor said of it: its code or type, and its message.
    """
    if timed_out:
        return TIMEOUT
    said = (error or "").lower()
    for name, signs in _SIGNS.items():
        if any(sign in said for sign in signs):
            return name
    return _BY_VERDICT.get(verdict)


def goes_on(
    trigger: Trigger | None,
    *,
    status: int | None,
    verdict: Verdict,
    error: str | None,
    timed_out: bool = False,
) -> bool:
    """Whether the next candidate is tried after this attempt.

    Without a trigger after all but what is wrong with the request itself: that the vendor
    has not the model that routing chose is not.
    """
    found = error_type(verdict, error, timed_out=timed_out)
    if trigger is None:
        return verdict is not Verdict.CLIENT_ERROR or found == NOT_FOUND
    if verdict in _BY_THE_KEY or status in trigger.status_codes:
        return True
    return found in trigger.error_types
