"""Rebuilds a view from the logs beside the live one, compares the two, and may replace it.

The copy is filled in schema `rebuild` while the projector goes on. Then the live view's
positions are locked, which holds its projector for that moment, the copy is read on to
exactly there, and both are compared. What differs is put right in the same transaction,
row by row, so that no reader ever sees a part of a view.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from adapters.bootstrap.followers import ROLE, VIEWS, event_logs
from adapters.follower import PAGE, Reader, ViewFollower, catch_up
from adapters.postgres.database import Connection, Database
from domain.errors import BadSetup, Conflict
from domain.log import Page

SCHEMA = "rebuild"
SAMPLES = 10
ROUNDS = 20  # of catching up before the lock; more would not bring the copy nearer

Progress = Callable[[int, int], None]


class RebuildIsRunning(Conflict):
    """Somebody else is rebuilding that view."""

    code = "rebuild-is-running"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How the live view differs from what the logs say, in rows."""

    missing: int  # that the live view lacks, or has otherwise
    extra: int  # that it has and should not, or has otherwise
    samples: tuple[str, ...]  # of both, as JSON behind `missing` or `extra`

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


def rebuild(
    url: str, view_name: str, *, check: bool, progress: Progress = _silent
) -> Difference:
    """How the view differs from its logs; unless it is a `check`, it does no more.

    `progress` is told how many positions are read, and of how many. Raises `BadSetup` for a
    view that there is not, `RebuildIsRunning`, and `Unavailable`.
    """
    if view_name not in VIEWS:
        msg = f"There is no view {view_name}; there are {', '.join(sorted(VIEWS))}."
        raise BadSetup(msg)
    database = Database(url, role=ROLE, size=3)
    database.open()
    try:
        with database.connection() as connection, _side_table(connection, view_name):
            return _Rebuild(database, connection, view_name, progress).run(check=check)
    finally:
        database.close()


@contextmanager
def _side_table(connection: Connection, view_name: str) -> Iterator[None]:
    """An empty copy of the view, for us alone; gone in the end, or when the next begins."""
    lock = f"clawbot rebuild {view_name}"
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (lock,)
    ).fetchone()
    if row != (True,):
        raise RebuildIsRunning
    try:
        _drop(connection, view_name)
        connection.execute(
            SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                Identifier(SCHEMA, view_name), Identifier("public", view_name)
            )
        )
        yield
    finally:
        # Where the connection is gone, its lock is too, and the next one clears up.
        with suppress(psycopg.OperationalError):
            _drop(connection, view_name)
            connection.execute(
                "SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (lock,)
            )


def _drop(connection: Connection, view_name: str) -> None:
    with connection.transaction():
        side = Identifier(SCHEMA, view_name)
        connection.execute(SQL("DROP TABLE IF EXISTS {}").format(side))
        connection.execute(
            "DELETE FROM view_position WHERE view = %s", (_side_name(view_name),)
        )


def _side_name(view_name: str) -> str:
    """Under which the copy keeps its positions."""
    return f"{SCHEMA}:{view_name}"


class _Rebuild:
    """One rebuild, once its table is there."""

    def __init__(
        self, database: Database, connection: Connection, name: str, progress: Progress
    ) -> None:
        self._connection = connection
        self._name = name
        self._progress = progress
        projector, view = VIEWS[name]
        self._key: tuple[str, ...] = projector.row.KEY
        side = view(database, table=Identifier(SCHEMA, name), name=_side_name(name))
        self._copy: ViewFollower = ViewFollower(projector(), side)
        logs = event_logs(database)
        self._readers = {log: Reader(logs[log]) for log in projector.logs}
        self._done = dict.fromkeys(self._readers, 0)
        self._total = 0

    def run(self, *, check: bool) -> Difference:
        """Bring the copy to where the live view is, hold that, and compare."""
        self._come_near()
        with self._connection.transaction():
            # Nobody is idle here: this waits while another connection fills the copy.
            self._connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            self._read_to(self._live(lock=True))
            difference = self._compare()
            if difference and not check:
                self._put_right()
        return difference

    def _come_near(self) -> None:
        for log in self._readers:
            # A view that has never run has no row that could be locked.
            self._connection.execute(
                "INSERT INTO view_position (view, log, position) VALUES (%s, %s, 0) "
                "ON CONFLICT DO NOTHING",
                (self._name, log),
            )
        for _ in range(ROUNDS):
            live = self._live(lock=False)
            if sum(live.values()) - sum(self._done.values()) <= PAGE:
                return
            self._read_to(live)

    def _live(self, *, lock: bool) -> dict[str, int]:
        """Where the live view is in each log, and will stay if they are locked."""
        rows: list[tuple[str, int]] = self._connection.execute(
            SQL("SELECT log, position FROM view_position WHERE view = %s ORDER BY log")
            + SQL(" FOR UPDATE" if lock else ""),
            (self._name,),
        ).fetchall()
        return {log: position for log, position in rows if log in self._readers}

    def _read_to(self, live: dict[str, int]) -> None:
        self._total = sum(live.values())
        for log, position in live.items():
            after_page = partial(self._tell, log)
            catch_up(self._copy, self._readers[log], upto=position, after_page=after_page)
            self._done[log] = position
        self._progress(sum(self._done.values()), self._total)

    def _tell(self, log: str, page: Page) -> None:
        self._done[log] = page.upto
        self._progress(sum(self._done.values()), self._total)

    def _compare(self) -> Difference:
        row: tuple[Any, ...] | None = self._connection.execute(
            SQL(
                "WITH missing AS MATERIALIZED ({}), extra AS MATERIALIZED ({}), samples AS "
                "(SELECT 'missing ' || to_jsonb(m)::text AS sample FROM missing AS m "
                "UNION ALL SELECT 'extra ' || to_jsonb(e)::text FROM extra AS e) "
                "SELECT (SELECT count(*) FROM missing), (SELECT count(*) FROM extra), "
                "ARRAY(SELECT sample FROM samples LIMIT %s)"
            ).format(self._missing(), self._extra()),
            (SAMPLES,),
        ).fetchone()
        missing, extra, samples = row or (0, 0, ())
        return Difference(missing=missing, extra=extra, samples=tuple(samples))

    def _put_right(self) -> None:
        live = Identifier("public", self._name)
        key = SQL(", ").join(map(Identifier, self._key))
        self._connection.execute(
            SQL("DELETE FROM {} WHERE ({}) IN (SELECT {} FROM ({}) AS extra)").format(
                live, key, key, self._extra()
            )
        )
        self._connection.execute(SQL("INSERT INTO {} {}").format(live, self._missing()))

    def _missing(self) -> Composed:
        return SQL("SELECT * FROM {} EXCEPT SELECT * FROM {}").format(
            Identifier(SCHEMA, self._name), Identifier("public", self._name)
        )

    def _extra(self) -> Composed:
        return SQL("SELECT * FROM {} EXCEPT SELECT * FROM {}").format(
            Identifier("public", self._name), Identifier(SCHEMA, self._name)
        )
