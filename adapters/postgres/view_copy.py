"""A copy of a view beside it, and the moment in which the view becomes what the copy is.

The copy is a table of schema `rebuild`: unlogged, without the indexes that only readers
need, seen by nobody. It is not the tables that change places but the rows that differ, in
one transaction: readers wait for nothing and see all of the old rows or all of the new
ones, and rights, indexes, and what else hangs on the table stay where they are.

One session holds the lock of a view's copy. When it is gone, so is the lock, and whoever
comes next begins with an empty copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from adapters.postgres.database import Connection
from domain.errors import Conflict

SCHEMA = "rebuild"
SAMPLES = 10


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


def copy_name(view: str) -> str:
    """Under which the copy keeps its positions."""
    return f"{SCHEMA}:{view}"


def copied_view(name: str) -> str | None:
    """Whose copy keeps its positions under that name; None: it is nobody's."""
    schema, colon, view = name.partition(":")
    return view if colon and schema == SCHEMA else None


@contextmanager
def view_copy(connection: Connection, view: str, key: Sequence[str]) -> Iterator[None]:
    """An empty copy of the view, for us alone; gone in the end, or when the next begins.

    `RebuildIsRunning` if another session has one.
    """
    lock = f"clawbot rebuild {view}"
    row = connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (lock,)
    ).fetchone()
    if row != (True,):
        raise RebuildIsRunning(view)
    try:
        _drop(connection, view)
        _create(connection, view, key)
        yield
    finally:
        # Where the connection is gone, its lock is too, and the next one clears up.
        with suppress(psycopg.OperationalError):
            _drop(connection, view)
            connection.execute(
                "SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (lock,)
            )


def _create(connection: Connection, view: str, key: Sequence[str]) -> None:
    with connection.transaction():
        connection.execute(
            SQL(
                "CREATE UNLOGGED TABLE {copy} (LIKE {live} INCLUDING DEFAULTS "
                "INCLUDING GENERATED INCLUDING CONSTRAINTS, PRIMARY KEY ({key}))"
            ).format(copy=_copy(view), live=_live(view), key=_columns(key))
        )


def _drop(connection: Connection, view: str) -> None:
    with connection.transaction():
        connection.execute(SQL("DROP TABLE IF EXISTS {}").format(_copy(view)))
        connection.execute("DELETE FROM view_position WHERE view = %s", (copy_name(view),))


def compare(connection: Connection, view: str, key: Sequence[str]) -> Difference:
    """How the view differs from its copy; kept until the transaction ends."""
    if _is_empty(connection, view):
        return _all_of(connection, view)
    names = {"copy": _copy(view), "live": _live(view), "key": _columns(key)}
    connection.execute(SQL("ANALYZE {copy}").format(**names))
    connection.execute(
        SQL(
            "CREATE TEMP TABLE differing ON COMMIT DROP AS "
            "SELECT {key}, l.tableoid IS NOT NULL AS extra, "
            "c.tableoid IS NOT NULL AS missing "
            "FROM {live} AS l FULL JOIN {copy} AS c USING ({key}) "
            "WHERE l IS DISTINCT FROM c"
        ).format(**names)
    )
    connection.execute("ANALYZE differing")
    row: tuple[Any, ...] | None = connection.execute(
        SQL(
            "SELECT count(*) FILTER (WHERE missing), count(*) FILTER (WHERE extra), "
            "ARRAY(SELECT 'missing ' || to_jsonb(c)::text FROM {copy} AS c "
            "JOIN differing USING ({key}) LIMIT %(samples)s) || "
            "ARRAY(SELECT 'extra ' || to_jsonb(l)::text FROM {live} AS l "
            "JOIN differing USING ({key}) LIMIT %(samples)s) FROM differing"
        ).format(**names),
        {"samples": SAMPLES},
    ).fetchone()
    missing, extra, samples = row or (0, 0, ())
    return Difference(missing=missing, extra=extra, samples=tuple(samples[:SAMPLES]))


def _is_empty(connection: Connection, view: str) -> bool:
    """Whether the view has no rows: it is new, or nothing happened in it yet."""
    some = SQL("SELECT FROM {} LIMIT 1").format(_live(view))
    return connection.execute(some).fetchone() is None


def _all_of(connection: Connection, view: str) -> Difference:
    """Everything in the copy is missing."""
    row: tuple[Any, ...] | None = connection.execute(
        SQL(
            "SELECT count(*), ARRAY(SELECT 'missing ' || to_jsonb(c)::text "
            "FROM {copy} AS c LIMIT %s) FROM {copy}"
        ).format(copy=_copy(view)),
        (SAMPLES,),
    ).fetchone()
    missing, samples = row or (0, ())
    return Difference(missing=missing, extra=0, samples=tuple(samples))


def put_right(connection: Connection, view: str, key: Sequence[str]) -> None:
    """The view has the copy's rows, in the transaction in which they were compared."""
    if _is_empty(connection, view):  # its rows come in their order, without a join
        fill = SQL("INSERT INTO {} SELECT * FROM {}")
        connection.execute(fill.format(_live(view), _copy(view)))
        return
    names = {"copy": _copy(view), "live": _live(view), "key": _columns(key)}
    matches = SQL(" AND ").join(
        SQL("l.{0} = differing.{0}").format(Identifier(name)) for name in key
    )
    connection.execute(
        SQL("DELETE FROM {live} AS l USING differing WHERE {matches}").format(
            **names, matches=matches
        )
    )
    connection.execute(
        SQL(
            "INSERT INTO {live} SELECT c.* FROM {copy} AS c JOIN differing USING ({key})"
        ).format(**names)
    )


def take_position(
    connection: Connection, view: str, positions: Mapping[str, int], version: int
) -> None:
    """The view has read so far, and its rows are of that version."""
    for log, position in positions.items():
        connection.execute(
            "UPDATE view_position SET position = %s, version = %s "
            "WHERE view = %s AND log = %s",
            (position, version, view, log),
        )


def _copy(view: str) -> Identifier:
    return Identifier(SCHEMA, view)


def _live(view: str) -> Identifier:
    return Identifier("public", view)


def _columns(names: Sequence[str]) -> Composed:
    return SQL(", ").join(map(Identifier, names))
