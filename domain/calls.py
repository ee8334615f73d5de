"""Calls: one stream per proxied call, admitted or refused, then ended exactly once.

    CallRefused                                  nothing was sent
    CallAdmitted                                 with a hold on every quota that applies
                 -> CallExtended                 more was held for a stream; many times
                 -> CallSettled                  what the vendor reported, or our estimate
                 -> CallAbandoned                its process died; closed by the reaper
                 (either) -> CallCorrected       a better number came later; it wins,
                                                 and so does a price put right

Ends repeat who called what (`CallFacts`), so that each can be added up by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.attempts import Attempt
from domain.errors import Conflict
from domain.events import Event, made_often
from domain.holds import Booking, Hold, Outcome, PassedOver, WindowId, corrected
from domain.routing_kept import KeptRouting
from domain.usage import SERVED, Usage

SETTLED_LATE = "settled-late"  # by a process that was believed dead
REPRICED = "repriced"  # the same usage at another price


class CallStatus(StrEnum):
    """Where a call stands."""

    NEW = "new"
    OPEN = "open"
    REFUSED = "refused"
    SETTLED = "settled"
    ABANDONED = "abandoned"


@made_often
@dataclass(frozen=True, kw_only=True)  # no slots: written down twice as fast without
class CallFacts:
    """Who called what. `bot_id` is None for a check of a key by the worker."""

    team_id: UUID
    bot_id: UUID | None
    hostname: str | None
    vendor: str
    model: str | None  # the one the answer names, else the requested one
    requested_model: str | None
    provider_key_id: UUID | None
    admitted_at: datetime


@made_often
@dataclass(frozen=True, kw_only=True)
class CallAdmitted(Event, topic="call.admitted"):
    """Recorded before the secret is opened and before a byte goes upstream."""

    facts: CallFacts
    process_id: UUID  # whose lease the call lives under
    secret_version: int
    format: str | None  # None: nothing in the answer is counted
    method: str
    path: str
    streaming: bool
    request_bytes: int
    input_estimate: int  # tokens
    changes: tuple[str, ...] = ()  # what we changed in the request
    holds: tuple[Hold, ...] = ()
    routing: KeptRouting | None = None  # of an `auto` call: why it went where it did
    passed_over: tuple[PassedOver, ...] = ()  # before it came to where it was admitted
    token_id: str | None = None  # whose token it came with; None: a check of a key


@dataclass(frozen=True, kw_only=True)
class CallExtended(Event, topic="call.extended"):
    """More was held for a call under way: its stream goes on, or another key serves it."""

    facts: CallFacts
    holds: tuple[Hold, ...]


@dataclass(frozen=True, kw_only=True)
class CallRefused(Event, topic="call.refused"):
    """Recorded for a known bot only; a stranger leaves no trace in the log."""

    facts: CallFacts
    code: str
    hold: Hold | None = None  # the one that could not be taken, where a quota said no
    routing: KeptRouting | None = None
    passed_over: tuple[PassedOver, ...] = ()  # where else there was no room either


@made_often
@dataclass(frozen=True, kw_only=True)
class CallSettled(Event, topic="call.settled"):
    """Recorded before the last byte reaches the client."""

    facts: CallFacts
    http_status: int | None  # None: no answer came
    usage: Usage
    cost_micro_usd: int | None
    price_source: str | None
    attempts: int
    first_byte_ms: int | None
    duration_ms: int
    client_left: bool
    error: str | None
    # Every attempt, in order; none if the first one had nothing to tell of its key.
    attempt_log: tuple[Attempt, ...] = ()
    bookings: tuple[Booking, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CallAbandoned(Event, topic="call.abandoned"):
    """The lease of the call's process ran out before an end was recorded."""

    facts: CallFacts
    usage: Usage
    bookings: tuple[Booking, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CallCorrected(Event, topic="call.corrected"):
    """A better number for a call that has ended: `now` replaces `before` in every total.

    Either a settlement that came after another end, or the same usage at another price.
    """

    facts: CallFacts  # those of the first end, so that sums meet
    ended_as: CallStatus
    before: Usage
    now: Usage
    before_cost_micro_usd: int | None
    cost_micro_usd: int | None
    http_status: int | None
    reason: str  # SETTLED_LATE or REPRICED
    price_source: str | None = None
    model: str | None = None  # the one the answer names, where `facts` do not know it
    bookings: tuple[Booking, ...] = ()


CallEnding = CallSettled | CallAbandoned | CallCorrected
CallEvent = CallAdmitted | CallRefused | CallExtended | CallEnding


class CallHasEnded(Conflict):
    """A call ends once."""


@dataclass(frozen=True, kw_only=True)
class CallEnd:
    """How a call ended, as far as is known by now."""

    facts: CallFacts  # those of the first end
    ended_as: CallStatus  # by the first end
    usage: Usage
    model: str | None = None  # the one the answer names
    http_status: int | None = None
    cost_micro_usd: int | None = None
    price_source: str | None = None

    @property
    def priced_as(self) -> CallFacts:
        """Who called what, with the model that the answer names: it is charged for that."""
        return replace(self.facts, model=self.model or self.facts.model)


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call, as far as its own rules need to know it."""

    status: CallStatus = CallStatus.NEW
    end: CallEnd | None = None
    holds: tuple[Hold, ...] = ()
    settled: Mapping[WindowId, int] = field(default_factory=dict)  # of each hold's quota

    def settle(self, settlement: CallSettled) -> list[CallEvent]:
        """End the call, or correct an abandonment; refused after an end of our own."""
        if self.status is CallStatus.OPEN:
            return [settlement]
        if self.status is CallStatus.ABANDONED and self.end is not None:
            return [
                CallCorrected(
                    facts=self.end.facts,
                    ended_as=self.end.ended_as,
                    before=self.end.usage,
                    now=settlement.usage,
                    before_cost_micro_usd=self.end.cost_micro_usd,
                    cost_micro_usd=settlement.cost_micro_usd,
                    http_status=settlement.http_status,
                    reason=SETTLED_LATE,
                    price_source=settlement.price_source,
                    model=settlement.facts.model,
                    bookings=corrected(self.settled, self.holds, outcome_of(settlement)),
                )
            ]
        raise CallHasEnded

    def reprice(self, cost_micro_usd: int | None, source: str | None) -> list[CallEvent]:
        """What the call used costs something else; what is known never becomes unknown."""
        end = self.end
        if self.status is not CallStatus.SETTLED or end is None:
            return []
        if cost_micro_usd is None or cost_micro_usd == end.cost_micro_usd:
            return []
        return [
            CallCorrected(
                facts=end.facts,
                ended_as=end.ended_as,
                before=end.usage,
                now=end.usage,
                before_cost_micro_usd=end.cost_micro_usd,
                cost_micro_usd=cost_micro_usd,
                http_status=end.http_status,
                reason=REPRICED,
                price_source=source,
                model=end.model,
                bookings=corrected(self.settled, self.holds, _outcome(end, cost_micro_usd)),
            )
        ]

    def evolve(self, event: CallEvent) -> Call:
        match event:
            case CallAdmitted():
                return replace(self, status=CallStatus.OPEN, holds=event.holds)
            case CallRefused():
                return replace(self, status=CallStatus.REFUSED)
            case CallExtended():
                return replace(self, holds=(*self.holds, *event.holds))
            case CallSettled() | CallCorrected():
                return self._ended(CallStatus.SETTLED, event)
            case CallAbandoned():
                return self._ended(CallStatus.ABANDONED, event)
            case _:
                assert_never(event)

    def _ended(self, status: CallStatus, event: CallEnding) -> Call:
        settled = dict(self.settled)
        for booking in event.bookings:
            settled[booking.window] = settled.get(booking.window, 0) + booking.settled
        return replace(self, status=status, end=end_of(event), settled=settled)


def outcome_of(event: CallSettled) -> Outcome:
    """What the quotas ask of a settlement."""
    facts = event.facts
    return Outcome(
        event.usage,
        event.cost_micro_usd,
        event.http_status in SERVED,
        facts.provider_key_id,
        facts.requested_model,
    )


def _outcome(end: CallEnd, cost_micro_usd: int | None) -> Outcome:
    return Outcome(
        usage=end.usage,
        cost_micro_usd=cost_micro_usd,
        answered=end.http_status in SERVED,
        provider_key_id=end.facts.provider_key_id,
        model=end.facts.requested_model,
    )


def end_of(event: CallEnding) -> CallEnd:
    """What the event says of the end of its call."""
    match event:
        case CallSettled():
            return CallEnd(
                facts=event.facts,
                ended_as=CallStatus.SETTLED,
                model=event.facts.model,
                http_status=event.http_status,
                usage=event.usage,
                cost_micro_usd=event.cost_micro_usd,
                price_source=event.price_source,
            )
        case CallAbandoned():
            return CallEnd(
                facts=event.facts, ended_as=CallStatus.ABANDONED, usage=event.usage
            )
        case CallCorrected():
            return CallEnd(
                facts=event.facts,
                ended_as=event.ended_as,
                model=event.model,
                http_status=event.http_status,
                usage=event.now,
                cost_micro_usd=event.cost_micro_usd,
                price_source=event.price_source,
            )
        case _:
            assert_never(event)
