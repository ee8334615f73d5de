"""Times in whole steps: how a span of time is put together from minutes up to months."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum


class Step(StrEnum):
    """In UTC; each is a whole number of those before it."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


STEPS = tuple(Step)
FAR_OFF = datetime(9000, 1, 1, tzinfo=UTC)  # nothing is there, nor is the calendar's end
_AT_MOST = {  # of each step; one is added and the sum cut to the step's beginning
    Step.MINUTE: timedelta(minutes=1),
    Step.HOUR: timedelta(hours=1),
    Step.DAY: timedelta(days=1),
    Step.MONTH: timedelta(days=31),
}


@dataclass(frozen=True, kw_only=True)
class Span:
    """From `since` to before `until`, where a step begins; None: all that there is."""

    step: Step
    since: datetime | None
    until: datetime | None


Edge = tuple[datetime, datetime]  # a part of a minute: from, to


def begin(time: datetime, step: Step) -> datetime:
    """When the step began that the time, in UTC, is in."""
    match step:
        case Step.MINUTE:
            return time.replace(second=0, microsecond=0)
        case Step.HOUR:
            return time.replace(minute=0, second=0, microsecond=0)
        case Step.DAY:
            return time.replace(hour=0, minute=0, second=0, microsecond=0)
        case Step.MONTH:
            return time.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def put_together(
    since: datetime | None, until: datetime | None, coarsest: Step
) -> tuple[list[Span], list[Edge]]:
    """The fewest steps, none coarser than that, and the parts of minutes that are left.

    All together they are [since, until), and no two of them overlap.
    """
    if since is not None and since > FAR_OFF:
        return [], []
    since = None if since is None else since.astimezone(UTC)
    until = None if until is None or until > FAR_OFF else until.astimezone(UTC)
    if since is not None and until is not None:
        first, last = _end(since, Step.MINUTE), begin(until, Step.MINUTE)
        if first > last:  # within one minute
            return [], [(since, until)] if since < until else []
    edges = []
    if since is not None and since < (first := _end(since, Step.MINUTE)):
        edges.append((since, first))
        since = first
    if until is not None and until > (last := begin(until, Step.MINUTE)):
        edges.append((last, until))
        until = last
    steps = STEPS[: STEPS.index(coarsest) + 1]
    return list(_spans(since, until, steps)), edges


def _spans(
    since: datetime | None, until: datetime | None, steps: tuple[Step, ...]
) -> Iterator[Span]:
    """Of the coarsest step in the middle, of finer ones around it."""
    if since is not None and since == until:
        return
    step, finer = steps[-1], steps[:-1]
    if not finer:
        yield Span(step=step, since=since, until=until)
        return
    first = None if since is None else _end(since, step)
    last = None if until is None else begin(until, step)
    if first is not None and last is not None and first > last:
        yield from _spans(since, until, finer)
        return
    if since is not None:
        yield from _spans(since, first, finer)
    if first is None or first != last:
        yield Span(step=step, since=first, until=last)
    if until is not None:
        yield from _spans(last, until, finer)


def _end(time: datetime, step: Step) -> datetime:
    """The first beginning of such a step at or behind the time."""
    start = begin(time, step)
    return start if start == time else begin(start + _AT_MOST[step], step)
