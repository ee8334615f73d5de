"""How far each follower has read each log: one row a follower and log.

A position moves from where it was read, under the version that it was stored with, or not
at all. So two projectors, or two releases, never both move one view.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.follower import POLICY_VERSION
from adapters.postgres.database import Connection, Cursor, Database
from domain.errors import ConcurrentChange
from domain.log import Page


def position_of(cursor: Cursor, name: str, log: str) -> int:
    """How far the follower of that name has read the log."""
    cursor.execute(
        "SELECT position FROM view_position WHERE view = %s AND log = %s", (name, log)
    )
    found = cursor.fetchone()
    return int(found[0]) if found else 0


def move(cursor: Cursor, name: str, page: Page, *, version: int) -> None:
    """Take the position from where the page begins to its end.

    `ConcurrentChange` if it is elsewhere, or what is stored is of another version.
    """
    cursor.execute(
        "INSERT INTO view_position AS p (view, log, position, version) "
        "VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (view, log) DO UPDATE SET position = excluded.position "
        "WHERE p.position = %s AND p.version = excluded.version",
        (name, page.log, page.upto, version, page.after),
    )
    if cursor.rowcount != 1:
        raise ConcurrentChange(name)


def stored_version(connection: Connection, name: str) -> tuple[int | None, int]:
    """Of which version of its projector a view's rows are, and how far it read in all.

    There is no version if it never ran.
    """
    row = connection.execute(
        "SELECT min(version), coalesce(sum(position), 0)::bigint "
        "FROM view_position WHERE view = %s",
        (name,),
    ).fetchone()
    return (row[0], row[1]) if row else (None, 0)


def ensure_positions(
    connection: Connection, name: str, logs: Sequence[str], *, version: int
) -> None:
    """There is a row for each log; of a follower that never ran, of that version."""
    stored = stored_version(connection, name)[0] or version
    for log in logs:
        connection.execute(
            "INSERT INTO view_position (view, log, position, version) "
            "VALUES (%s, %s, 0, %s) ON CONFLICT DO NOTHING",
            (name, log, stored),
        )


class PostgresPositions:
    """Where policies keep their place."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def position(self, name: str, log: str) -> int:
        with self._database.cursor() as cursor:
            return position_of(cursor, name, log)

    def move(self, name: str, page: Page) -> None:
        with self._database.cursor() as cursor:
            move(cursor, name, page, version=POLICY_VERSION)
