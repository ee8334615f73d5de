"""Usage at one position: whole minutes from the rollup, parts of minutes call by call.

What stood at an earlier position (`upto`) only the call log can tell, and tells all of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Generic, TypeVar

from api.refusals import NotReadYet
from api.usage_shapes import Granularity
from api.waiting import LOOK_SECONDS, WAIT_SECONDS
from api.wired import Wired
from domain.errors import InvalidFields
from domain.log import CALLS
from projections.call_log import Group
from projections.usage import UsageFilter, UsageTotals
from projections.usage_rollup import Part, Reading
from projections.usage_steps import Step, begin

LONGEST_BY_MINUTE = timedelta(days=7)
MOST_MINUTES = 1_500  # in one answer
FIRST = datetime(2020, 1, 1, tzinfo=UTC)  # no call was before
# The coarsest steps that each can be told from.
_STEPS = {
    "minute": Step.MINUTE,
    "hour": Step.HOUR,
    "day": Step.DAY,
    "week": Step.DAY,
    "month": Step.MONTH,
}

FoundT = TypeVar("FoundT")
KeyT = TypeVar("KeyT", bound=Hashable)


@dataclass(frozen=True, kw_only=True)
class Answer(Generic[FoundT]):
    """What was found, and at which position of the calls log."""

    position: int
    found: FoundT


def totals(system: Wired, wanted: UsageFilter) -> Answer[UsageTotals]:
    """What the calls add up to."""
    call_log = system.call_log
    if wanted.upto is not None:
        return Answer(position=wanted.upto, found=call_log.totals(wanted))
    reading = system.usage_rollup.read(wanted)
    edges = _edges(system, wanted, reading)
    parts = [part.totals for part in reading.parts] + [
        call_log.totals(one) for one in edges
    ]
    return Answer(position=reading.position, found=sum(parts, start=UsageTotals()))


def trend(
    system: Wired, wanted: UsageFilter, granularity: Granularity
) -> Answer[list[tuple[datetime, UsageTotals]]]:
    """The same, step by step, oldest first; steps without calls are left out.

    By minute it is of the last seven days, unless a beginning is named: `InvalidFields` of
    more days than that, or of more than `MOST_MINUTES` with calls.
    """
    if granularity == "minute":
        wanted = _not_long(wanted)
    by_minute, step = system.call_log.by_minute, _STEPS[granularity]
    if wanted.upto is not None:
        position, parts, minutes = wanted.upto, list[Part](), by_minute(wanted)
    else:
        reading = system.usage_rollup.read(wanted, step=step)
        position, parts = reading.position, reading.parts
        edges = _edges(system, wanted, reading)
        minutes = [*chain.from_iterable(map(by_minute, edges))]
    steps = _added(
        chain(
            ((part.start, part.totals) for part in parts if part.start),
            ((begin(minute.astimezone(UTC), step), totals) for minute, totals in minutes),
        )
    )
    if granularity == "minute" and len(steps) > MOST_MINUTES:
        raise InvalidFields(**{"from": "more-than-1500-minutes"})
    if granularity == "week":
        steps = _added((_monday(start), totals) for start, totals in steps.items())
    return Answer(position=position, found=sorted(steps.items()))


def by_group(
    system: Wired, wanted: UsageFilter, group: Group
) -> Answer[list[tuple[Hashable, UsageTotals]]]:
    """The same, group by group, in no order."""
    in_log = system.call_log.by_group
    if wanted.upto is not None:
        return Answer(position=wanted.upto, found=in_log(wanted, group))
    reading = system.usage_rollup.read(wanted, group=group)
    parts = [(part.group, part.totals) for part in reading.parts]
    for edge in _edges(system, wanted, reading):
        parts += in_log(edge, group)
    return Answer(position=reading.position, found=list(_added(parts).items()))


def _monday(start: datetime) -> datetime:
    return start - timedelta(days=start.weekday())


def _added(parts: Iterable[tuple[KeyT, UsageTotals]]) -> dict[KeyT, UsageTotals]:
    found: dict[KeyT, UsageTotals] = {}
    for key, part in parts:
        before = found.get(key)
        found[key] = part if before is None else before + part
    return found


def _edges(system: Wired, wanted: UsageFilter, reading: Reading) -> list[UsageFilter]:
    """What to ask the call log for, which has read as far as the rollup had."""
    if reading.edges:
        _wait_for(lambda: system.call_log.position(CALLS) >= reading.position)
    return [
        replace(wanted, since=since, until=until, upto=reading.position)
        for since, until in reading.edges
    ]


def _wait_for(reached: Callable[[], bool]) -> None:
    """Two projections are a few milliseconds apart; `NotReadYet` after five seconds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise NotReadYet
        time.sleep(LOOK_SECONDS)


def _not_long(wanted: UsageFilter) -> UsageFilter:
    """Minutes of years would be a long answer."""
    until = wanted.until or datetime.now(UTC)
    if wanted.since is None:
        since = max(until, FIRST + LONGEST_BY_MINUTE) - LONGEST_BY_MINUTE
        return replace(wanted, since=begin(since.astimezone(UTC), Step.MINUTE))
    if until - wanted.since > LONGEST_BY_MINUTE:
        raise InvalidFields(**{"from": "more-than-7-days"})
    return wanted
