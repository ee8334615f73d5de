"""A process's way into PostgreSQL: a pool under the process's own role, and units of work.

Inside a unit of work every cursor belongs to its one transaction; outside, each statement
commits by itself. What the driver raises becomes `Unavailable`, so that callers see one
error for "the database is away", within two seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, LiteralString, Protocol
from uuid import UUID

import orjson
import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.types.json import set_json_loads
from psycopg_pool import ConnectionPool, PoolTimeout

from domain.errors import Unavailable

log = logging.getLogger(__name__)

Connection = psycopg.Connection[tuple[Any, ...]]
Cursor = psycopg.Cursor[tuple[Any, ...]]

GET_CONNECTION_SECONDS = 1.5


@dataclass
class Unit:
    """One open unit of work. `wrote` is one event of it, to be looked for if need be."""

    connection: Connection
    wrote: tuple[LiteralString, UUID, int, bytes] | None = None


class Companion(Protocol):
    """Something more to be committed with a unit of work; refusing it refuses the unit."""

    def write(self, connection: Connection) -> None:
        """In the unit's transaction, just before it commits."""

    def landed(self) -> None:
        """The unit is committed."""


_unit: ContextVar[Unit | None] = ContextVar("unit", default=None)
_companion: ContextVar[Companion | None] = ContextVar("companion", default=None)


@contextmanager
def accompanied(companion: Companion) -> Iterator[None]:
    """Every unit of work that is begun inside, here or in a thread, takes it along."""
    token = _companion.set(companion)
    try:
        yield
    finally:
        _companion.reset(token)


def current_unit() -> Unit | None:
    """The unit of work that this thread is in, if any."""
    return _unit.get()


def connection_info(url: str, *, role: str) -> str:
    """The address with our role, and with limits that make a dead server noticed."""
    return make_conninfo(
        url,
        options=f"-c role={role} -c idle_in_transaction_session_timeout=30000",
        application_name=role,
        connect_timeout=2,
        tcp_user_timeout=4000,
        # The same while an answer is waited for: else a lost machine is, for two hours.
        keepalives_idle=3,
        keepalives_interval=2,
        keepalives_count=3,
    )


def _reads_json_fast(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Long lists of rows are mostly jsonb; the library's own reader is the slow part."""
    set_json_loads(orjson.loads, connection)


class Database:
    """A pool of connections that act under one role."""

    def __init__(
        self,
        url: str,
        *,
        role: str,
        size: int = 8,
        wait_seconds: float = GET_CONNECTION_SECONDS,
    ) -> None:
        self.url = url
        self.role = role
        self._pool = ConnectionPool(
            connection_info(url, role=role),
            connection_class=psycopg.Connection[tuple[Any, ...]],
            kwargs={"autocommit": True},
            min_size=1,
            max_size=size,
            open=False,
            configure=_reads_json_fast,
            timeout=wait_seconds,
            check=ConnectionPool.check_connection,
            # A short spell of tries: whoever needs a connection next starts another one,
            # instead of waiting out the pool's growing pauses after a long outage.
            reconnect_timeout=2,
        )

    def open(self) -> None:
        """Begin to connect; nothing waits for it."""
        self._pool.open()

    def close(self) -> None:
        """Give every connection back to the server."""
        self._pool.close()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection of its own, in autocommit; `Unavailable` if none is to be had."""
        try:
            with self._pool.connection() as connection:
                yield connection
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            msg = "the database does not answer"
            raise Unavailable(msg) from error

    @contextmanager
    def cursor(self) -> Iterator[Cursor]:
        """A cursor of the unit of work, or of a connection of its own outside one."""
        unit = _unit.get()
        if unit is not None:
            with unit.connection.cursor() as cursor:
                yield cursor
            return
        with self.connection() as connection, connection.cursor() as cursor:
            yield cursor

    @contextmanager
    def team_cursor(self, team_id: UUID, *, still: bool = False) -> Iterator[Cursor]:
        """A cursor that sees the rows of this team and of no other.

        `still`: everything that it reads is of one moment.
        """
        with (
            self.connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            if still:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(
                "SELECT set_config('clawbot.team_id', %s, true)", (str(team_id),)
            )
            yield cursor

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read inside is of one moment."""
        with self.connection() as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            token = _unit.set(Unit(connection))
            try:
                yield
            finally:
                _unit.reset(token)

    @contextmanager
    def unit_of_work(self) -> Iterator[None]:
        """All that is written inside is committed at its end, or rolled back.

        If the answer to the commit is lost, one of the unit's events is looked for: found,
        the unit stands; not found or not known, `Unavailable`.
        """
        unit: Unit | None = None
        companion = _companion.get()
        try:
            with self._pool.connection() as connection:
                unit = Unit(connection)
                token = _unit.set(unit)
                try:
                    with connection.transaction():
                        yield
                        if companion is not None:
                            companion.write(connection)
                finally:
                    _unit.reset(token)
        except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout) as error:
            if unit is None or not self._landed(unit):
                msg = "the database does not answer"
                raise Unavailable(msg) from error
        if companion is not None:
            companion.landed()

    def _landed(self, unit: Unit) -> bool:
        if unit.wrote is None:
            return False
        table, stream_id, version, state = unit.wrote
        statement = (
            f"SELECT state = %s FROM {table} "  # noqa: S608  # a literal of ours
            "WHERE originator_id = %s AND originator_version = %s"
        )
        with self.connection() as connection:
            row = connection.execute(statement, (state, stream_id, version)).fetchone()
        log.warning("commit.answer_lost", extra={"landed": bool(row and row[0])})
        return bool(row and row[0])
