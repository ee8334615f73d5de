"""The sealer: gives every event of both logs its place in the tree, once and for ever.

It takes what is behind its positions, up to `PAGE` events of each log, and in one
transaction stores their leaves, the tiles that changed, the ends of the teams' chains, and
where it now stands. One sealer may write: taking over counts the epoch up, and whoever has
an older one finds its transaction refused, however long it was frozen.

Positions become visible in order (see `adapters/postgres/recorder.py`), so what is behind
a position is all there is behind it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL, Identifier

from adapters.postgres.database import Cursor, Database
from adapters.postgres.recorder import TABLES
from domain.errors import ConcurrentChange, Unavailable
from domain.log import CALLS, FLEET
from domain.sealing.leaves import ChainEnd, Leaf, StoredEvent, said_in, sealed
from domain.sealing.tiles import Place, TreeIsDamaged, grown, last_tiles

ROLE = "clawbot_sealer"
PAGE = 2000
BUSY_SECONDS = 0.03  # until it looks again, after it found something
IDLE_SECONDS = 0.1  # after it found nothing
AWAY_SECONDS = 1.0
DAMAGED_SECONDS = 10.0
NO_TEAM = UUID(int=0)

BEHIND: LiteralString = """
SELECT EXISTS (SELECT FROM fleet_events WHERE notification_id > fleet_position)
    OR EXISTS (SELECT FROM calls_events WHERE notification_id > calls_position)
FROM log_state
"""
TAKE_OVER: LiteralString = "UPDATE log_state SET epoch = epoch + 1 RETURNING epoch"
STATE: LiteralString = """
SELECT size, fleet_position, calls_position FROM log_state WHERE epoch = %s FOR UPDATE
"""
EVENTS: LiteralString = """
SELECT notification_id, originator_id, originator_version, topic, state
FROM {} WHERE notification_id > %s ORDER BY notification_id LIMIT %s
"""
ENDS: LiteralString = """
SELECT team_id, team_seq, leaf_hash FROM log_team WHERE team_id = ANY(%s)
"""
TILES: LiteralString = """
SELECT level, n, hashes FROM log_tile
JOIN unnest(%s::int[], %s::bigint[]) AS wanted (level, n) USING (level, n)
"""
PUT_LEAVES: LiteralString = """
INSERT INTO log_leaf (log_index, log, position, team_id, team_seq, header)
SELECT * FROM unnest(
    %s::bigint[], %s::text[], %s::bigint[], %s::uuid[], %s::bigint[], %s::bytea[])
"""
PUT_TILE: LiteralString = """
INSERT INTO log_tile (level, n, hashes) VALUES (%s, %s, %s)
ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes
"""
PUT_END: LiteralString = """
INSERT INTO log_team (team_id, team_seq, leaf_hash) VALUES (%s, %s, %s)
ON CONFLICT (team_id)
DO UPDATE SET team_seq = excluded.team_seq, leaf_hash = excluded.leaf_hash
"""
MOVE: LiteralString = """
UPDATE log_state SET size = %s, fleet_position = %s, calls_position = %s
WHERE size = %s AND epoch = %s
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _State:
    """Where the tree stands, locked for this transaction."""

    size: int
    positions: dict[str, int]


class Sealer:
    """One sealer, from its taking over until another does. Used by one thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._epoch: int | None = None

    def seal(self) -> int:
        """Up to `PAGE` events of each log have their place; how many were given one.

        `ConcurrentChange`: another sealer took over; the next call takes over from it.
        """
        with self._database.cursor() as cursor:
            if self._epoch is None:
                self._epoch = int(_one(cursor.execute(TAKE_OVER)))
            if not _one(cursor.execute(BEHIND)):
                return 0
        epoch, self._epoch = self._epoch, None
        with (
            self._database.connection() as connection,
            connection.transaction(),
            connection.cursor(binary=True) as cursor,
        ):
            count = _seal(cursor, epoch)
        self._epoch = epoch
        return count


def _one(cursor: Cursor) -> Any:
    row = cursor.fetchone()
    assert row is not None, "the state has one row"
    return row[0]


def _seal(cursor: Cursor, epoch: int) -> int:
    row = cursor.execute(STATE, (epoch,)).fetchone()
    if row is None:
        raise ConcurrentChange(ROLE)
    state = _State(size=row[0], positions={FLEET: row[1], CALLS: row[2]})
    events = [one for name in (FLEET, CALLS) for one in _events(cursor, state, name)]
    if not events:
        return 0
    leaves = _leaves(cursor, events)
    _put_leaves(cursor, state.size, events, leaves)
    tiles = _tiles(cursor, state.size)
    changed = grown(
        state.size,
        lambda level, n: tiles.get((level, n), b""),
        [leaf.hash for leaf in leaves],
    )
    cursor.executemany(PUT_TILE, [(*place, tile) for place, tile in changed.items()])
    reached = state.positions | {one.log: one.position for one in events}
    size = state.size + len(events)
    cursor.execute(MOVE, (size, reached[FLEET], reached[CALLS], state.size, epoch))
    if cursor.rowcount != 1:
        raise ConcurrentChange(ROLE)
    return len(events)


def _events(cursor: Cursor, state: _State, name: str) -> list[StoredEvent]:
    statement = SQL(EVENTS).format(Identifier(TABLES[name]))
    cursor.execute(statement, (state.positions[name], PAGE))
    return [
        StoredEvent(
            log=name,
            position=position,
            stream_id=stream_id,
            version=version,
            topic=topic,
            state=stored,
        )
        for position, stream_id, version, topic, stored in cursor.fetchall()
    ]


def _leaves(cursor: Cursor, events: Sequence[StoredEvent]) -> list[Leaf]:
    """The leaves in order, each behind the last one of its team, and the new ends kept."""
    said = [said_in(one.state) for one in events]
    teams = list({one.team_id or NO_TEAM for one in said})
    cursor.execute(ENDS, (teams,))
    ends = {team: ChainEnd(seq=seq, leaf=leaf) for team, seq, leaf in cursor.fetchall()}
    leaves = []
    for event, words in zip(events, said, strict=True):
        team = words.team_id or NO_TEAM
        leaf = sealed(event, words, ends.get(team, ChainEnd()))
        ends[team] = leaf.chain_end
        leaves.append(leaf)
    cursor.executemany(PUT_END, [(team, end.seq, end.leaf) for team, end in ends.items()])
    return leaves


def _put_leaves(
    cursor: Cursor, size: int, events: Sequence[StoredEvent], leaves: Sequence[Leaf]
) -> None:
    cursor.execute(
        PUT_LEAVES,
        (
            list(range(size, size + len(leaves))),
            [event.log for event in events],
            [event.position for event in events],
            [leaf.team_id for leaf in leaves],
            [leaf.team_seq for leaf in leaves],
            [leaf.header for leaf in leaves],
        ),
    )


def _tiles(cursor: Cursor, size: int) -> dict[Place, bytes]:
    """The tiles that a tree of this size goes on from."""
    places = last_tiles(size)
    cursor.execute(TILES, ([level for level, _ in places], [n for _, n in places]))
    return {(level, n): hashes for level, n, hashes in cursor.fetchall()}


def keep_sealing(sealer: Sealer, stop: threading.Event) -> None:
    """Seal until told to stop: what is away is waited for, a bug is raised.

    Nothing is put on top of a damaged tree; it is said until somebody has repaired it.
    """
    while not stop.is_set():
        try:
            found = sealer.seal()
        except (Unavailable, ConcurrentChange) as error:
            log.warning("sealer.waits", extra={"error": str(error)})
            stop.wait(AWAY_SECONDS)
            continue
        except TreeIsDamaged as error:
            log.error("sealer.tree_is_damaged", extra={"tile": str(error)})  # noqa: TRY400
            stop.wait(DAMAGED_SECONDS)
            continue
        if found < PAGE:
            stop.wait(BUSY_SECONDS if found else IDLE_SECONDS)
