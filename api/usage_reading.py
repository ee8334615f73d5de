"""Usage from two views that agree: whole hours from one, anything finer from the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from api.usage_shapes import Granularity
from api.wired import Wired
from domain.errors import InvalidFields
from projections.usage import UsageFilter, UsageTotals
from projections.view import View

LONGEST_BY_MINUTE = timedelta(days=7)


def view_for(system: Wired, wanted: UsageFilter) -> View[Any]:
    """The view that a question with these times is put to."""
    return system.usage_by_hour if _by_hours(wanted) else system.call_log


def totals(system: Wired, wanted: UsageFilter) -> UsageTotals:
    """What the calls add up to."""
    if _by_hours(wanted):
        return system.usage_by_hour.totals(wanted)
    return system.call_log.totals(wanted)


def trend(
    system: Wired, wanted: UsageFilter, granularity: Granularity
) -> list[tuple[datetime, UsageTotals]]:
    """The same, step by step, oldest first; steps without calls are left out."""
    if granularity == "minute":
        _refuse_long(wanted)
        return system.call_log.by_minute(wanted)
    if _by_hours(wanted):
        parts = system.usage_by_hour.by_hour(wanted)
    else:
        parts = system.call_log.by_minute(wanted)
    steps: dict[datetime, UsageTotals] = {}
    for start, part in parts:
        step = step_of(start, granularity)
        steps[step] = steps.get(step, UsageTotals()) + part
    return sorted(steps.items())


def step_of(time: datetime, granularity: Granularity) -> datetime:
    """When the step began that the time is in, in UTC; weeks begin on Mondays."""
    hour = time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    midnight = hour.replace(hour=0)
    match granularity:
        case "minute":
            return time.astimezone(UTC).replace(second=0, microsecond=0)
        case "hour":
            return hour
        case "day":
            return midnight
        case "week":
            return midnight - timedelta(days=midnight.weekday())
        case "month":
            return midnight.replace(day=1)


def _by_hours(wanted: UsageFilter) -> bool:
    """What stood at an earlier position is known call by call only."""
    return wanted.upto is None and all(
        time is None or step_of(time, "hour") == time
        for time in (wanted.since, wanted.until)
    )


def _refuse_long(wanted: UsageFilter) -> None:
    """Minutes of years would be a long answer."""
    if wanted.since is None:
        raise InvalidFields(**{"from": "missing"})
    if (wanted.until or datetime.now(UTC)) - wanted.since > LONGEST_BY_MINUTE:
        raise InvalidFields(**{"from": "more-than-7-days"})
