"""Months of the calls log: one that is over can be taken out, and brought back.

What is taken out leaves its leaves in the tree. The event says how many there are and their
root: the RFC 6962 tree over the month's leaf hashes in the order of the log. By it a
verifier knows that nothing but the whole month is gone, and that a file is that month.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict, InvalidFields
from domain.events import Event

AFTER_ITS_END = timedelta(days=31)  # by then nothing of its calls is open or corrected

_MONTHS = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a22")
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class CallsMonthDetached(Event, topic="calls_month.detached"):
    """`root` is in hex digits, `sha256` that of the file in which the month is kept."""

    month: str
    events: int
    root: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class CallsMonthAttached(Event, topic="calls_month.attached"):
    month: str


CallsMonthEvent = CallsMonthDetached | CallsMonthAttached


class MonthIsNotOver(Conflict):
    """A month is taken out 31 days after its end at the earliest."""

    code = "month-is-not-over"


class MonthIsThere(Conflict):
    """The month is in the log; there is nothing to bring back."""

    code = "month-is-there"


class MonthIsOut(Conflict):
    """What is asked for is told by a month of the calls log that was taken out."""

    code = "month-is-out"


@dataclass(frozen=True, kw_only=True)
class MonthOut:
    """A month that is not in the log, and where and until when its events were recorded."""

    month: str
    first_position: int
    last_position: int
    last_at: datetime

    @property
    def begin(self) -> datetime:
        """When it began."""
        return begin_of(self.month)

    @property
    def end(self) -> datetime:
        """When it was over."""
        return end_of(self.month)


@dataclass(frozen=True, kw_only=True)
class CallsMonth:
    """One month of the calls log; `detached` is what was said when it was taken out."""

    detached: CallsMonthDetached | None = None

    def detach(self, said: CallsMonthDetached) -> list[CallsMonthEvent]:
        """Take it out; said once, unless something came in before it was gone."""
        return [] if self.detached == said else [said]

    def attach(self, month: str) -> list[CallsMonthEvent]:
        """Bring it back."""
        if self.detached is None:
            raise MonthIsThere
        return [CallsMonthAttached(month=month)]

    def evolve(self, event: CallsMonthEvent) -> CallsMonth:
        match event:
            case CallsMonthDetached():
                return replace(self, detached=event)
            case CallsMonthAttached():
                return replace(self, detached=None)
            case _:
                assert_never(event)


def month_stream(month: str) -> UUID:
    """The stream of that month."""
    return uuid5(_MONTHS, month)


def refuse_before_its_time(month: str, *, now: datetime) -> None:
    """`MonthIsNotOver`, `InvalidFields`."""
    if now < end_of(month) + AFTER_ITS_END:
        raise MonthIsNotOver


def end_of(month: str) -> datetime:
    """When the month is over; `InvalidFields` if it is none."""
    return (begin_of(month) + timedelta(days=32)).replace(day=1)


def begin_of(month: str) -> datetime:
    """When the month begins; `InvalidFields` if it is none."""
    if not _MONTH.fullmatch(month):
        raise InvalidFields(month="not-a-choice")
    return datetime.strptime(f"{month}-01", "%Y-%m-%d").replace(tzinfo=UTC)
