"""The sealed log in PostgreSQL, as it is read: tiles, leaves, and what was signed.

Plays `application.sealing.SealedLog`. Which tables can be read is the role's matter; a
team's leaves are seen by that team only.
"""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from adapters.postgres.database import Database
from application.sealing import SignedCheckpoint
from domain.errors import ConcurrentChange
from domain.sealing.tiles import ReadTile, Tree, TreeIsDamaged

KEPT_TILES = 64  # of 8 KiB, while one tree is read


class PostgresSealedLog:
    """What can be asked of the tree."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def size(self) -> int:
        """How many events have a place in the tree."""
        with self._database.cursor() as cursor:
            row = cursor.execute("SELECT size FROM log_state").fetchone()
        return int(row[0]) if row else 0

    def tree(self, size: int) -> Tree:
        """The tree as it was at that size; tiles are read as they are needed."""
        return Tree(size, lru_cache(maxsize=KEPT_TILES)(self._tile()))

    def _tile(self) -> ReadTile:
        def read(level: int, n: int) -> bytes:
            with self._database.cursor() as cursor:
                row = cursor.execute(
                    "SELECT hashes FROM log_tile WHERE level = %s AND n = %s", (level, n)
                ).fetchone()
            if row is None:
                raise TreeIsDamaged((level, n))
            return bytes(row[0])

        return read

    def header(self, team_id: UUID, index: int) -> bytes | None:
        """What was hashed of one of the team's events."""
        with self._database.team_cursor(team_id) as cursor:
            row = cursor.execute(
                "SELECT header FROM log_leaf WHERE team_id = %s AND log_index = %s",
                (team_id, index),
            ).fetchone()
        return bytes(row[0]) if row else None

    def headers(self, team_id: UUID, *, after: int, limit: int) -> list[tuple[int, bytes]]:
        """The team's leaves behind an index, in order."""
        with self._database.team_cursor(team_id) as cursor:
            cursor.execute(
                "SELECT log_index, header FROM log_leaf "
                "WHERE coalesce(team_id, '00000000-0000-0000-0000-000000000000') = %s "
                "AND team_seq > coalesce((SELECT team_seq FROM log_leaf "
                "WHERE log_index = %s), 0) ORDER BY team_seq LIMIT %s",
                (team_id, after, limit),
            )
            return [(index, bytes(header)) for index, header in cursor.fetchall()]

    def latest(self) -> SignedCheckpoint | None:
        """The last checkpoint that was signed; None before the first."""
        with self._database.cursor() as cursor:
            row = cursor.execute(
                "SELECT size, key, note FROM log_checkpoint "
                "ORDER BY signed_at DESC, size DESC LIMIT 1"
            ).fetchone()
        return SignedCheckpoint(size=row[0], key=row[1], note=row[2]) if row else None

    def thin(self) -> int:
        """Of every hour that is over, the last checkpoint is left; how many are gone."""
        with self._database.cursor() as cursor:
            cursor.execute(
                "DELETE FROM log_checkpoint USING ("
                "SELECT key AS of_key, max(size) AS last, "
                "date_trunc('hour', signed_at, 'UTC') AS hour FROM log_checkpoint "
                "GROUP BY 1, 3) AS kept "
                "WHERE key = of_key AND size < last "
                "AND date_trunc('hour', signed_at, 'UTC') = hour "
                "AND hour + interval '1 hour' <= now()"
            )
            return cursor.rowcount

    def keep(self, checkpoint: SignedCheckpoint) -> None:
        """The checkpoint is there for all to read; there before, it stays as it was.

        `ConcurrentChange`: the same key signed something else at that size.
        """
        with self._database.cursor() as cursor:
            cursor.execute(
                "INSERT INTO log_checkpoint (size, key, note) VALUES (%s, %s, %s) "
                "ON CONFLICT (size, key) DO NOTHING",
                (checkpoint.size, checkpoint.key, checkpoint.note),
            )
            row = cursor.execute(
                "SELECT note FROM log_checkpoint WHERE size = %s AND key = %s",
                (checkpoint.size, checkpoint.key),
            ).fetchone()
        if row != (checkpoint.note,):
            raise ConcurrentChange(checkpoint.key)
