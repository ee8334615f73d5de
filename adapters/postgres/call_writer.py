"""Writes batches of call events in one statement, which is one transaction.

It keeps the order of the log (see `recorder.py`) and tells, for each event, its position,
that another event stands in its place, or that it was not taken for want of a lease.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent

from adapters.postgres.binary_array import (
    bigint_array,
    bytea_array,
    register,
    text_array,
    uuid_array,
)
from adapters.postgres.impatience import cut_after
from adapters.postgres.recorder import LOCKS
from domain.calls import CallEvent
from domain.log import CALLS

# The lease is read in the statement's snapshot. A statement that began while the lease
# stood may commit after its end, by at most the batch timeout: the reaper looks again.
INSERT = """
WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock(%(lock)s)),
     lease AS MATERIALIZED (
        SELECT EXISTS (SELECT FROM call_lease
                       WHERE process_id = %(process)s AND ends_at > now()) AS stands)
INSERT INTO calls_events (originator_id, originator_version, topic, state)
SELECT e.id, e.version, e.topic, e.state
FROM lock, lease,
     unnest(%(ids)s::uuid[], %(versions)s::bigint[], %(topics)s::text[],
            %(states)s::bytea[]) AS e (id, version, topic, state)
WHERE lease.stands OR e.topic <> 'call.admitted'
ON CONFLICT DO NOTHING
RETURNING originator_id, originator_version, notification_id
"""

FOUND = """
SELECT e.originator_id, e.originator_version, e.notification_id, e.state
FROM calls_events AS e
JOIN unnest(%s::uuid[], %s::bigint[]) AS k (id, version)
  ON e.originator_id = k.id AND e.originator_version = k.version
"""


STREAM = """
SELECT originator_version, topic, state FROM calls_events
WHERE originator_id = %s ORDER BY originator_version
"""

# Below the time after which the meter gives a connection up: a statement that waits for the
# log's lock ends before its connection does, and leaves no session behind that waits on.
LOCK_MILLISECONDS = 1000


class PlaceTaken(Exception):
    """Another event stands where this one was to go."""


@dataclass(eq=False, slots=True, kw_only=True)
class Entry:
    """One event on its way into the log, and who waits for it."""

    call_id: UUID
    version: int
    event: CallEvent
    state: bytes  # as it is to be stored
    since: float  # monotonic seconds
    tries_on: bool  # until it is in; else it may be given up
    done: asyncio.Future[int]

    @property
    def place(self) -> tuple[UUID, int]:
        """Where in the log it belongs: its stream and its version there."""
        return self.call_id, self.version

    def succeed(self, position: int) -> None:
        """Tell the one who waits where the event is."""
        if not self.done.done():
            self.done.set_result(position)

    def fail(self, error: Exception) -> None:
        """Tell the one who waits, if anybody still does."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # looked at: nobody may be waiting any more


class CallWriter:
    """The one connection through which a process writes the calls log."""

    def __init__(self, conninfo: str, process_id: UUID) -> None:
        self._conninfo = conninfo
        self._process_id = process_id
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def write(
        self, batch: list[Entry], *, within_seconds: float
    ) -> dict[tuple[UUID, int], int | None]:
        """The position of each event that is in the log now; None if another has its place.

        An event that is missing from the answer was not taken: the lease does not stand.
        When the time is over: `TimeoutError` or `OperationalError`.
        """
        connection = self._connection
        if connection is None or connection.closed:
            connection = await self._connected(within_seconds)
        with cut_after(within_seconds, connection):
            return await self._written(connection, batch)

    async def _written(
        self, connection: psycopg.AsyncConnection[tuple[Any, ...]], batch: list[Entry]
    ) -> dict[tuple[UUID, int], int | None]:
        cursor = await connection.execute(
            INSERT,
            {
                "lock": LOCKS[CALLS],
                "process": self._process_id,
                "ids": uuid_array([entry.call_id for entry in batch]),
                "versions": bigint_array([entry.version for entry in batch]),
                "topics": text_array([entry.event.TOPIC for entry in batch]),
                "states": bytea_array([entry.state for entry in batch]),
            },
            prepare=True,
            binary=True,
        )
        written: dict[tuple[UUID, int], int | None] = {
            (call_id, version): position
            for call_id, version, position in await cursor.fetchall()
        }
        if len(written) < len(batch):
            await self._compare(connection, batch, written)
        return written

    async def _compare(
        self,
        connection: psycopg.AsyncConnection[tuple[Any, ...]],
        batch: list[Entry],
        written: dict[tuple[UUID, int], int | None],
    ) -> None:
        """Tell our own earlier tries, which are in the log, from events of others."""
        missing = {
            entry.place: entry.state for entry in batch if entry.place not in written
        }
        cursor = await connection.execute(
            FOUND, ([k for k, _ in missing], [v for _, v in missing]), binary=True
        )
        for call_id, version, position, state in await cursor.fetchall():
            ours = missing[call_id, version] == state
            written[call_id, version] = position if ours else None

    async def _connected(
        self, within_seconds: float
    ) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        async with asyncio.timeout(within_seconds):
            connection = await self._connect()
        register(connection)
        self._connection = connection
        with cut_after(within_seconds, connection):
            await connection.execute(f"SET lock_timeout = {LOCK_MILLISECONDS}")
        return connection

    async def _connect(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        return await psycopg.AsyncConnection[tuple[Any, ...]].connect(
            self._conninfo, autocommit=True
        )

    async def stream(self, call_id: UUID) -> list[StoredEvent]:
        """Every event of one call, oldest first; on a connection of its own, being rare."""
        async with await self._connect() as connection:
            cursor = await connection.execute(STREAM, (call_id,))
            return [
                StoredEvent(
                    originator_id=call_id,
                    originator_version=version,
                    topic=topic,
                    state=state,
                )
                for version, topic, state in await cursor.fetchall()
            ]

    async def close(self) -> None:
        """Drop the connection; the next write makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
