"""What is noticed of a quota in a window of its own: it nears its end, or is at it.

Each window of a quota is a stream of its own, and says each thing once for each threshold:
a limit that was changed meanwhile has thresholds of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID, uuid5

from domain.events import Event


def quota_window_id(quota_id: UUID, window_start: datetime) -> UUID:
    """The stream of that window, whatever time zone its start is written in."""
    return uuid5(quota_id, str(int(window_start.timestamp())))


@dataclass(frozen=True, kw_only=True)
class QuotaWarned(Event, topic="quota_window.warned"):
    quota_id: UUID
    window_start: datetime
    window_end: datetime | None
    limit: int  # a raise in force included
    warn_at_permille: int
    settled: int


@dataclass(frozen=True, kw_only=True)
class QuotaExhausted(Event, topic="quota_window.exhausted"):
    """All of it is used, or a call found no room in what is left."""

    quota_id: UUID
    window_start: datetime
    window_end: datetime | None
    limit: int
    settled: int
    held: int


QuotaWindowEvent = QuotaWarned | QuotaExhausted


@dataclass(frozen=True, kw_only=True)
class QuotaUse:
    """How a quota stands in a window, and whether a call was refused for it."""

    quota_id: UUID
    window_start: datetime
    window_end: datetime | None
    limit: int
    warn_at_permille: int | None
    settled: int
    held: int
    refused: bool = False

    @property
    def nears_its_end(self) -> bool:
        """Whether the share is used at which to warn."""
        share = self.warn_at_permille
        return share is not None and self.settled * 1000 >= max(1, self.limit * share)

    @property
    def is_at_its_end(self) -> bool:
        """Whether nothing is left, or too little was for a call."""
        return self.refused or self.settled >= self.limit


@dataclass(frozen=True, kw_only=True)
class QuotaWindow:
    """One window, as far as it is known what was said of it."""

    warned: frozenset[tuple[int, int]] = frozenset()  # limit and share
    exhausted: frozenset[int] = frozenset()  # limit

    def note(self, use: QuotaUse) -> list[QuotaWindowEvent]:
        """Say what has come to be so, and was not said."""
        noted: list[QuotaWindowEvent] = []
        share = use.warn_at_permille
        if (
            share is not None
            and use.nears_its_end
            and (use.limit, share) not in self.warned
        ):
            noted.append(
                QuotaWarned(
                    quota_id=use.quota_id,
                    window_start=use.window_start,
                    window_end=use.window_end,
                    limit=use.limit,
                    warn_at_permille=share,
                    settled=use.settled,
                )
            )
        if use.is_at_its_end and use.limit not in self.exhausted:
            noted.append(
                QuotaExhausted(
                    quota_id=use.quota_id,
                    window_start=use.window_start,
                    window_end=use.window_end,
                    limit=use.limit,
                    settled=use.settled,
                    held=use.held,
                )
            )
        return noted

    def evolve(self, event: QuotaWindowEvent) -> QuotaWindow:
        match event:
            case QuotaWarned(limit=limit, warn_at_permille=share):
                return replace(self, warned=self.warned | {(limit, share)})
            case QuotaExhausted(limit=limit):
                return replace(self, exhausted=self.exhausted | {limit})
            case _:
                assert_never(event)
