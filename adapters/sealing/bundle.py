"""The whole sealed log as lines that an auditor verifies without us.

Every leaf comes with its event as it is stored now and the hash that the tree has for it.
What does not fit is written down as it is found: a leaf without its event, an event that
has no leaf. It is the verifier who judges. Nothing that is sealed changes any more, so no
snapshot is held however long it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL, Identifier

from adapters.postgres.database import Database
from adapters.postgres.recorder import TABLES
from adapters.sealing.cloud_events import checkpoint_line, event_line, leaf_tie
from application.sealing import SignedCheckpoint
from domain.log import CALLS, FLEET
from domain.sealing.leaves import StoredEvent
from domain.sealing.merkle import HASH_BYTES
from domain.sealing.tiles import WIDTH

PAGE = 16 * WIDTH  # leaves at a time
MOST_CHECKPOINTS = 1000  # evenly spread; the last one is always there

STATE: LiteralString = "SELECT size, fleet_position, calls_position FROM log_state"
LEAVES: LiteralString = """
SELECT log_index, log, position, header FROM log_leaf
WHERE log_index >= %s AND log_index < %s
"""
LEAF_TILES: LiteralString = """
SELECT n, hashes FROM log_tile WHERE level = 0 AND n >= %s AND n < %s
"""
EVENTS: LiteralString = """
SELECT notification_id, originator_id, originator_version, topic, state FROM {}
WHERE (notification_id, originator_id, originator_version) > (%s, %s, %s)
  AND notification_id <= %s
ORDER BY notification_id, originator_id, originator_version LIMIT %s
"""
BEFORE_ALL = (0, UUID(int=0), 0)
CHECKPOINTS: LiteralString = """
SELECT size, key, note FROM (
    SELECT *, row_number() OVER (ORDER BY signed_at DESC, size DESC) - 1 AS back,
           count(*) OVER () / %s + 1 AS step
    FROM log_checkpoint) AS numbered
WHERE back %% step = 0 ORDER BY back DESC
"""


class WholeLog:
    """Everything that is sealed, as it stands in the database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        ((self.size, *positions),) = self._rows(STATE)
        self._upto = dict(zip((FLEET, CALLS), positions, strict=True))

    def checkpoints(self) -> Iterator[SignedCheckpoint]:
        """What was signed, oldest first."""
        for size, key, note in self._rows(CHECKPOINTS, MOST_CHECKPOINTS):
            yield SignedCheckpoint(size=size, key=key, note=note)

    def checkpoint_lines(self) -> Iterator[bytes]:
        """One for each checkpoint."""
        return map(checkpoint_line, self.checkpoints())

    def event_lines(self) -> Iterator[bytes]:
        """One for each leaf in order, and one for each event that has no leaf."""
        stored = {name: _Peekable(self._events(name)) for name in TABLES}
        for start in range(0, self.size, PAGE):
            end = min(start + PAGE, self.size)
            rows = self._rows(LEAVES, start, end)
            leaves = {index: leaf for index, *leaf in rows}
            hashes = self._hashes(start, end)
            for index in range(start, end):
                yield from _leaf_lines(index, leaves.get(index), hashes, stored)
        for events in stored.values():
            for event in events.upto(None):
                yield event_line(event, index=None, header=None, ties={})

    def _hashes(self, start: int, end: int) -> Mapping[int, bytes]:
        found = {}
        for n, hashes in self._rows(LEAF_TILES, start // WIDTH, -(-end // WIDTH)):
            for place in range(len(hashes) // HASH_BYTES):
                one = bytes(hashes[place * HASH_BYTES : (place + 1) * HASH_BYTES])
                found[n * WIDTH + place] = one
        return found

    def _events(self, name: str) -> Iterator[StoredEvent]:
        statement = SQL(EVENTS).format(Identifier(TABLES[name]))
        after: Sequence[object] = BEFORE_ALL
        while rows := self._rows(statement, *after, self._upto[name], PAGE):
            for position, stream_id, version, topic, state in rows:
                yield StoredEvent(
                    log=name,
                    position=position,
                    stream_id=stream_id,
                    version=version,
                    topic=topic,
                    state=state,
                )
            after = rows[-1][:3]

    def _rows(self, statement: Any, *values: object) -> list[tuple[Any, ...]]:
        with self.database.cursor() as cursor:
            return cursor.execute(statement, values, binary=True).fetchall()


class _Peekable:
    """A log's events in order, taken up to a position at a time."""

    def __init__(self, events: Iterator[StoredEvent]) -> None:
        self._events = events
        self._next = next(events, None)

    def upto(self, position: int | None) -> Iterator[StoredEvent]:
        """Those that are left up to a position, or all."""
        while self._next is not None and (
            position is None or self._next.position <= position
        ):
            one, self._next = self._next, next(self._events, None)
            yield one


def _leaf_lines(
    index: int,
    leaf: list[Any] | None,
    hashes: Mapping[int, bytes],
    stored: Mapping[str, _Peekable],
) -> Iterator[bytes]:
    """The leaf with its event, behind whatever stands before that event without a leaf."""
    hashed = hashes.get(index)
    if leaf is None:
        yield event_line(None, index=index, header=None, ties=leaf_tie(hashed))
        return
    name, position, header = leaf
    found = None
    for event in stored[name].upto(position) if name in stored else ():
        if event.position == position and found is None:  # several may claim one position
            found = event
        else:
            yield event_line(event, index=None, header=None, ties={})
    yield event_line(found, index=index, header=bytes(header), ties=leaf_tie(hashed))
