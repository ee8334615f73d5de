"""Usage by hour: what was used by whom, with what, added up by hour of admission.

A call counts when it ends (or is refused), in the hour in which it was admitted.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, assert_never, cast
from uuid import UUID

from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallExtended,
    CallFacts,
    CallRefused,
    CallSettled,
    CallStatus,
)
from domain.log import CALLS, Placed
from domain.usage import Usage
from projections.usage import SUMS, UsageFilter, UsageTotals
from projections.view import Key, Projector, View

NOBODY = UUID(int=0)  # stands for None in the key, which has no room for it


@dataclass(frozen=True, kw_only=True)
class UsageRow(UsageTotals):
    KEY: ClassVar[tuple[str, ...]] = (
        "team_id",
        "hour",
        "bot_id",
        "hostname",
        "vendor",
        "model",
        "provider_key_id",
        "status",
    )
    team_id: UUID
    hour: datetime
    bot_id: UUID
    hostname: str
    vendor: str
    model: str
    provider_key_id: UUID
    status: CallStatus


class UsageByHour(View[UsageRow]):
    """What can be asked of usage, in whole hours."""

    @abstractmethod
    def totals(self, wanted: UsageFilter) -> UsageTotals:
        """What matches, added up; the filter's times are whole hours."""

    @abstractmethod
    def by_hour(self, wanted: UsageFilter) -> list[tuple[datetime, UsageTotals]]:
        """The same for each hour that has calls, oldest first."""


class UsageByHourProjector(Projector[UsageRow]):
    name = "usage_by_hour"
    logs = (CALLS,)
    row = UsageRow

    def key(self, placed: Placed) -> Key | None:
        event = cast("CallEvent", placed.recorded.event)
        if isinstance(event, CallAdmitted | CallExtended):
            return None
        facts = event.facts
        return (
            facts.team_id,
            facts.admitted_at.replace(minute=0, second=0, microsecond=0),
            facts.bot_id or NOBODY,
            facts.hostname or "",
            facts.vendor,
            _model(facts),
            facts.provider_key_id or NOBODY,
            _counted_as(event),
        )

    def project(self, row: UsageRow | None, placed: Placed) -> UsageRow | None:
        event = cast("CallEvent", placed.recorded.event)
        key = self.key(placed)
        if key is None:
            return row
        if row is None:
            row = UsageRow(**dict(zip(UsageRow.KEY, key, strict=True)))  # type: ignore[arg-type]
        added = increments(event)
        return replace(
            row, **{name: getattr(row, name) + getattr(added, name) for name in SUMS}
        )


def _model(facts: CallFacts) -> str:
    return facts.model or facts.requested_model or ""


def _counted_as(event: CallEvent) -> CallStatus:
    """A corrected call stays in the row of its first end, so that sums stay differences."""
    match event:
        case CallRefused():
            return CallStatus.REFUSED
        case CallAbandoned():
            return CallStatus.ABANDONED
        case CallCorrected():
            return event.ended_as
        case CallSettled() | CallAdmitted() | CallExtended():
            return CallStatus.SETTLED
        case _:
            assert_never(event)


def increments(event: CallEvent) -> UsageTotals:
    """What the event adds to the totals."""
    match event:
        case CallAdmitted() | CallExtended():
            return UsageTotals()
        case CallRefused():
            return UsageTotals(calls=1, refused=1)
        case CallSettled():
            return replace(_tokens(event.usage, event.cost_micro_usd), calls=1, settled=1)
        case CallAbandoned():
            return replace(_tokens(event.usage, None), calls=1, abandoned=1)
        case CallCorrected():
            before = _tokens(event.before, event.before_cost_micro_usd)
            now = _tokens(event.now, event.cost_micro_usd)
            return UsageTotals(
                **{name: getattr(now, name) - getattr(before, name) for name in SUMS}
            )
        case _:
            assert_never(event)


def _tokens(usage: Usage, cost_micro_usd: int | None) -> UsageTotals:
    unknown = usage.input_tokens is None and usage.output_tokens is None
    return UsageTotals(
        unmetered=int(unknown),
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        cache_read_tokens=usage.cache_read_tokens or 0,
        cache_write_tokens=usage.cache_write_tokens or 0,
        reasoning_tokens=usage.reasoning_tokens or 0,
        cost_micro_usd=cost_micro_usd or 0,
        unpriced=int(cost_micro_usd is None),
    )
