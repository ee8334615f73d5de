"""The outside, played in memory: for tests and for trying things out.

The unit of work does not roll back: what needs that is tested on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Generic, TypeVar
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.popo import POPOApplicationRecorder

from domain.bot_events import Runtime
from domain.errors import ConcurrentChange
from domain.log import Page
from projections.bot_directory import BotDirectory, BotRow
from projections.key_ring import KeyRing, KeyRow
from projections.view import Key, Projector, Row, View

RowT = TypeVar("RowT", bound=Row)


@contextmanager
def no_unit_of_work() -> Iterator[None]:
    """Nothing is rolled back."""
    yield


class MemoryRecorder(POPOApplicationRecorder):
    """The library's recorder in memory, which also tells streams and positions."""

    def select_streams(self, originator_ids: Sequence[UUID]) -> Sequence[StoredEvent]:
        return [one for each in originator_ids for one in self.select_events(each)]

    def position_of(self, originator_id: UUID, version: int) -> int:
        for position, one in enumerate(self._stored_events, start=1):
            if (one.originator_id, one.originator_version) == (originator_id, version):
                return position
        return 0


class MemoryView(View[RowT], Generic[RowT]):
    """Rows in a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[Key, RowT] = {}
        self._positions: dict[str, int] = {}

    def position(self, log: str) -> int:
        return self._positions.get(log, 0)

    def advance(self, projector: Projector[RowT], page: Page) -> None:
        if self.position(page.log) != page.after:
            raise ConcurrentChange(projector.name)
        for key, row in projector.fold(page, self.rows).items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        self._positions[page.log] = page.upto


class MemoryBotDirectory(MemoryView[BotRow], BotDirectory):
    def of_team(self, team_id: UUID, *, after: str, limit: int) -> list[BotRow]:
        mine = (
            row
            for row in self.rows.values()
            if row.team_id == team_id and row.hostname > after
        )
        return sorted(mine, key=lambda row: row.hostname)[:limit]


class MemoryKeyRing(MemoryView[KeyRow], KeyRing):
    def of_team(self, team_id: UUID, *, after: UUID | None, limit: int) -> list[KeyRow]:
        mine = (
            row
            for row in self.rows.values()
            if row.team_id == team_id and (after is None or row.key_id > after)
        )
        return sorted(mine, key=lambda row: row.key_id)[:limit]

    def awaiting_check(self) -> list[KeyRow]:
        return [row for row in self.rows.values() if row.open_check is not None]

    def awaiting_time(self) -> list[KeyRow]:
        return [
            row
            for row in self.rows.values()
            if row.cooling_until or row.parked_at or row.old_secrets
        ]


class MemoryJobQueue:
    """Keeps what was asked for."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, dict[str, str]]] = []

    def enqueue(self, job: str, **arguments: str) -> None:
        self.jobs.append((job, arguments))


class MemoryRuntimes:
    """Plays `Runtimes`: those engines answer that a test says."""

    def __init__(self, *engines: Runtime) -> None:
        self.engines = set(engines)

    def available(self) -> AbstractSet[Runtime]:
        return self.engines | {Runtime.EXTERNAL}

    def preferred(self) -> Runtime:
        return min(self.engines, default=Runtime.EXTERNAL)
