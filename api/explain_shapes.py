"""What an explained call looks like: what was asked, held, used and settled, and why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.calls import CallStatus
from domain.quotas import Metric, Mode, ScopeKind
from domain.routing_decision import Decision
from domain.routing_facts import RequestFacts
from domain.usage import OtherUnits, UsageSource
from domain.verdicts import Verdict


class Shown(BaseModel):
    """Read from the attributes of an event, or a part of one."""

    model_config = ConfigDict(from_attributes=True)


class ExplainedCallOut(Shown):
    """Who called what, and where the call stands."""

    call_id: UUID
    status: CallStatus
    bot_id: UUID | None
    hostname: str | None
    vendor: str
    model: str | None  # that the answer names, else the requested one
    requested_model: str | None
    provider_key_id: UUID | None
    admitted_at: datetime


class RequestOut(Shown):
    """What came in, when and from whom; `changes` is what was changed of it on its way.

    Of a refused call no more is kept than who asked whom for what: the rest is None.
    """

    at: datetime
    bot_id: UUID | None
    hostname: str | None
    vendor: str
    requested_model: str | None
    method: str | None = None
    path: str | None = None
    format: str | None = None
    streaming: bool | None = None
    request_bytes: int | None = None
    input_estimate: int | None = None
    changes: list[str] | None = None


class RoutingOut(BaseModel):
    """Of an `auto` call: what it asked for, and the decision as its policy made it.

    `decision.skipped` are the targets that could not serve it, each with the reason.
    """

    policy_version: int  # of the bot's stream; 0: no policy
    shelf_version: int
    built_in: str
    facts: RequestFacts
    decision: Decision


class CandidateOut(Shown):
    """A key that was tried: what its vendor answered, and what that says of the key."""

    provider_key_id: UUID
    vendor: str
    model: str | None  # that was asked for
    http_status: int | None
    verdict: Verdict | None
    error: str | None
    ms: int | None
    cooling_until: datetime | None = None
    changes: list[str] | None = None  # of the request; None: those that `request` tells


class ScopeShown(BaseModel):
    kind: ScopeKind
    id: str


class HoldOut(BaseModel):
    """What was set aside of a quota, when, and by which version of it."""

    quota_id: UUID
    version: int
    scope: ScopeShown
    metric: Metric
    mode: Mode
    amount: int
    at: datetime


class BalanceThen(BaseModel):
    """How a quota stood just before the hold of the same place in `holds`.

    Of a refused call there is one: how the quota stood that said no.
    """

    quota_id: UUID
    limit: int
    settled: int
    held: int
    remaining: int
    window_start: datetime
    window_end: datetime | None


class PassedOverOut(BaseModel):
    """Where the call could have gone: what it needed there, and the quota that said no."""

    vendor: str
    model: str | None
    provider_key_id: UUID | None
    code: str
    why: str
    quota: HoldOut
    balance: BalanceThen


class PriceOut(BaseModel):
    """What the call costs by now, in micro-dollars, and whose price that is."""

    cost_micro_usd: int | None
    price_source: str | None
    model: str | None  # that is charged for


class UsageOut(Shown):
    """Tokens, and what else is charged for. None: not known."""

    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cache_write_1h_tokens: int | None
    reasoning_tokens: int | None
    total_tokens: int | None
    reported_cost_micro_usd: int | None
    other: OtherUnits | None
    source: UsageSource


class BookingOut(Shown):
    """What an end, or a correction of it, changed in the balance of a quota."""

    quota_id: UUID
    window_start: datetime
    released: int
    settled: int


class CorrectionOut(BaseModel):
    """A better number that came later."""

    at: datetime
    reason: str
    before_cost_micro_usd: int | None
    cost_micro_usd: int | None
    bookings: list[BookingOut]


class SettlementOut(BaseModel):
    """How the call ended."""

    at: datetime
    ended_as: CallStatus
    http_status: int | None
    attempts: int | None
    first_byte_ms: int | None
    duration_ms: int | None
    client_left: bool | None
    error: str | None
    bookings: list[BookingOut]
    corrections: list[CorrectionOut]


class RefusalOut(BaseModel):
    """Why nothing was sent. `needed` is the least of the quota that would have done."""

    code: str
    why: str
    quota: HoldOut | None
    balance: BalanceThen | None
    needed: int | None


class Explanation(BaseModel):
    """A call from its request to its settlement, as its stream tells it.

    `candidates` were tried. `passed_over` were not, having no room in a quota.
    """

    call: ExplainedCallOut
    request: RequestOut
    routing: RoutingOut | None
    candidates: list[CandidateOut]
    passed_over: list[PassedOverOut]
    holds: list[HoldOut]
    balances: list[BalanceThen]
    price: PriceOut | None
    usage: UsageOut | None
    settlement: SettlementOut | None
    refusal: RefusalOut | None
