"""`/api/call/{call_id}/explain`: why a call went as it did, from its own stream.

Holds carry the balance that they were decided on, so nothing is folded but the call.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from fastapi import APIRouter, Response

from api.callers import TheUser
from api.explain_shapes import (
    BalanceThen,
    BookingOut,
    CandidateOut,
    CorrectionOut,
    ExplainedCallOut,
    Explanation,
    HoldOut,
    PassedOverOut,
    PriceOut,
    RefusalOut,
    RequestOut,
    RoutingOut,
    ScopeShown,
    SettlementOut,
    UsageOut,
)
from api.positions import tag_version
from api.wired import TheSystem
from domain.budgets import QuotaExceeded, UnpricedCall
from domain.calls import (
    Call,
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallExtended,
    CallRefused,
    CallSettled,
    CallStatus,
)
from domain.errors import NotFound
from domain.events import Recorded
from domain.holds import Booking, Hold
from domain.log import CALLS

router = APIRouter(prefix="/api/call", tags=["calls"])

Told = Sequence[Recorded[CallEvent]]


@router.get("/{call_id}/explain")
def explain(
    call_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> Explanation:
    """What was asked, held, used and settled; of a refusal, which quota said no and why."""
    position = system.calls.head()
    told = cast("Told", system.calls.history(call_id))
    if not told or told[0].event.facts.team_id != user.team_id:
        raise NotFound
    response.headers["X-Log-Position"] = f"{CALLS}={position}"
    tag_version(response, len(told))
    return explained(call_id, told)


def explained(call_id: UUID, told: Told) -> Explanation:
    """What the call's stream tells."""
    call = Call()
    for recorded in told:
        call = call.evolve(recorded.event)
    first, end = told[0].event, call.end
    facts = first.facts if end is None else end.facts
    if end is not None and end.model is not None:
        facts = replace(facts, model=end.model)
    holds = list(_holds(told))
    shown = {"call_id": call_id, "status": call.status, **asdict(facts)}
    decided_on = [hold for hold, _ in holds]
    if isinstance(first, CallRefused) and first.hold is not None:
        decided_on = [first.hold]
    routing = _routing(first)
    return Explanation(
        call=ExplainedCallOut.model_validate(shown),
        request=_request(first),
        routing=routing,
        candidates=_candidates(told, routing),
        passed_over=_passed_over(told[0]),
        holds=[_hold(hold, at) for hold, at in holds],
        balances=[_balance(hold) for hold in decided_on],
        price=None
        if end is None
        else PriceOut(
            cost_micro_usd=end.cost_micro_usd,
            price_source=end.price_source,
            model=facts.model or facts.requested_model,
        ),
        usage=None if end is None else UsageOut.model_validate(end.usage),
        settlement=_settlement(told),
        refusal=_refusal(told[0]),
    )


def _request(first: CallEvent) -> RequestOut:
    """From the call's first event, whose facts are those of the request."""
    facts = first.facts
    asked = RequestOut(
        at=facts.admitted_at,
        bot_id=facts.bot_id,
        hostname=facts.hostname,
        vendor=facts.vendor,
        requested_model=facts.requested_model,
    )
    if not isinstance(first, CallAdmitted):
        return asked
    return asked.model_copy(
        update={
            "method": first.method,
            "path": first.path,
            "format": first.format,
            "streaming": first.streaming,
            "request_bytes": first.request_bytes,
            "input_estimate": first.input_estimate,
            "changes": list(first.changes),
        }
    )


def _routing(first: CallEvent) -> RoutingOut | None:
    """What was decided before the call was admitted, or refused."""
    if not isinstance(first, CallAdmitted | CallRefused) or first.routing is None:
        return None
    return RoutingOut.model_validate(first.routing)


def _candidates(told: Told, routing: RoutingOut | None) -> list[CandidateOut]:
    """The keys that were tried; of a single good attempt the end itself tells all."""
    first = told[0].event.facts
    vendors = {
        key: candidate.target.vendor
        for candidate in (routing.decision.candidates if routing else ())
        for key in candidate.keys
    }
    for recorded in told:
        event = recorded.event
        if not isinstance(event, CallSettled):
            continue
        if event.attempt_log:
            return [
                CandidateOut(
                    provider_key_id=one.provider_key_id,
                    vendor=vendors.get(one.provider_key_id, first.vendor),
                    model=one.model or first.requested_model,
                    http_status=one.http_status,
                    verdict=one.verdict,
                    error=one.error,
                    ms=one.ms,
                    cooling_until=one.cooling_until,
                    changes=None if one.changes is None else list(one.changes),
                )
                for one in event.attempt_log
            ]
        if event.facts.provider_key_id is not None:
            return [
                CandidateOut(
                    provider_key_id=event.facts.provider_key_id,
                    vendor=event.facts.vendor,
                    model=event.facts.requested_model,
                    http_status=event.http_status,
                    verdict=None,
                    error=event.error,
                    ms=event.duration_ms,
                )
            ]
    return []


def _passed_over(recorded: Recorded[CallEvent]) -> list[PassedOverOut]:
    """Before the call was admitted somewhere, or nowhere."""
    first = recorded.event
    if not isinstance(first, CallAdmitted | CallRefused):
        return []
    return [
        PassedOverOut(
            vendor=one.vendor,
            model=one.model,
            provider_key_id=one.provider_key_id,
            code=one.code,
            why=_why(one.code, one.hold),
            quota=_hold(one.hold, recorded.at),
            balance=_balance(one.hold),
        )
        for one in first.passed_over
    ]


def _holds(told: Told) -> Iterable[tuple[Hold, datetime]]:
    for recorded in told:
        if isinstance(recorded.event, CallAdmitted | CallExtended):
            for hold in recorded.event.holds:
                yield hold, recorded.at


def _hold(hold: Hold, at: datetime) -> HoldOut:
    return HoldOut(
        quota_id=hold.quota_id,
        version=hold.version,
        scope=ScopeShown(kind=hold.scope, id=hold.scope_id),
        metric=hold.metric,
        mode=hold.mode,
        amount=hold.amount,
        at=at,
    )


def _balance(hold: Hold) -> BalanceThen:
    return BalanceThen(
        quota_id=hold.quota_id,
        limit=hold.limit,
        settled=hold.settled,
        held=hold.held,
        remaining=max(0, hold.limit - hold.settled - hold.held),
        window_start=hold.window_start,
        window_end=hold.window_end,
    )


def _settlement(told: Told) -> SettlementOut | None:
    corrections = [
        CorrectionOut(
            at=recorded.at,
            reason=event.reason,
            before_cost_micro_usd=event.before_cost_micro_usd,
            cost_micro_usd=event.cost_micro_usd,
            bookings=_bookings(event.bookings),
        )
        for recorded in told
        if isinstance(event := recorded.event, CallCorrected)
    ]
    for recorded in told:
        event = recorded.event
        if isinstance(event, CallSettled | CallAbandoned):
            settled = event if isinstance(event, CallSettled) else None
            ended_as = CallStatus.SETTLED if settled else CallStatus.ABANDONED
            return SettlementOut(
                at=recorded.at,
                ended_as=ended_as,
                http_status=settled.http_status if settled else None,
                attempts=settled.attempts if settled else None,
                first_byte_ms=settled.first_byte_ms if settled else None,
                duration_ms=settled.duration_ms if settled else None,
                client_left=settled.client_left if settled else None,
                error=settled.error if settled else None,
                bookings=_bookings(event.bookings),
                corrections=corrections,
            )
    return None


def _bookings(bookings: Iterable[Booking]) -> list[BookingOut]:
    return [BookingOut.model_validate(one) for one in bookings]


def _refusal(recorded: Recorded[Any]) -> RefusalOut | None:
    event = recorded.event
    if not isinstance(event, CallRefused):
        return None
    hold = event.hold
    return RefusalOut(
        code=event.code,
        why=_why(event.code, hold),
        quota=None if hold is None else _hold(hold, recorded.at),
        balance=None if hold is None else _balance(hold),
        needed=None if hold is None or event.code == UnpricedCall.code else hold.amount,
    )


def _why(code: str, hold: Hold | None) -> str:
    """The refusal in a sentence."""
    if hold is None:
        return f"The call was refused before a quota was asked: {code}."
    if code == QuotaExceeded.code:
        ends = hold.window_end
        end = "has no end"
        if ends is not None:
            end = f"ends at {ends.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return (
            f"The call needs {hold.amount} at least, and of {hold.limit} {hold.metric} "
            f"{hold.settled} are used and {hold.held} held by calls under way. "
            f"Its window {end}."
        )
    return "A quota of money applies, and nobody knows what the call can cost."
