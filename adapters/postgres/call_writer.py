"""Writes batches of call events in one transaction and one round trip.

It keeps the order of the log (see `recorder.py`) and tells, for each event, its position,
that another event stands in its place, or that it was not taken for want of a lease.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent
from psycopg.pq.abc import PGresult

from adapters.postgres.binary_array import (
    bigint,
    bigint_array,
    bytea_array,
    text_array,
    uuid_array,
)
from adapters.postgres.call_entry import Entry, Missed, Place, Written
from adapters.postgres.impatience import cut_after
from adapters.postgres.pipeline import Pipeline
from adapters.postgres.recorder import LOCKS
from domain.log import CALLS

# The lease is read in the statement's snapshot. A statement that began while the lease
# stood may commit after its end, by at most the batch timeout: the reaper looks again.
# Rows come back in the order of the arrays: each is returned as it is inserted.
INSERT = b"""
WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock($1::bigint)),
     lease AS MATERIALIZED (
        SELECT EXISTS (SELECT FROM call_lease
                       WHERE process_id = $2::uuid AND ends_at > now()) AS stands)
INSERT INTO calls_events (originator_id, originator_version, topic, state)
SELECT e.id, e.version, e.topic, e.state
FROM lock, lease,
     unnest($3::uuid[], $4::bigint[], $5::text[], $6::bytea[])
        AS e (id, version, topic, state)
WHERE lease.stands OR e.topic <> 'call.admitted'
ON CONFLICT DO NOTHING
RETURNING notification_id, originator_id, originator_version
"""

FOUND = b"""
SELECT e.notification_id, e.originator_id, e.originator_version, e.state
FROM calls_events AS e
JOIN unnest($1::uuid[], $2::bigint[]) AS k (id, version)
  ON e.originator_id = k.id AND e.originator_version = k.version
"""

STREAM = """
SELECT originator_version, topic, state FROM calls_events
WHERE originator_id = %s ORDER BY originator_version
"""

# Below the time after which the meter gives a connection up: a statement that waits for the
# log's lock ends before its connection does, and leaves no session behind that waits on.
PATIENCE = b"SET lock_timeout = 1000"  # milliseconds

STATEMENTS = {b"insert": INSERT, b"found": FOUND, b"patience": PATIENCE}
POSITION, CALL_ID, VERSION, STATE = range(4)  # the columns of what comes back


class CallWriter:
    """The one connection through which a process writes the calls log."""

    def __init__(self, conninfo: str, process_id: UUID) -> None:
        self._conninfo = conninfo
        self._pipeline: Pipeline | None = None
        self._constants = (bigint(LOCKS[CALLS]), process_id.bytes)

    async def write(self, batch: list[Entry], *, within_seconds: float) -> list[Written]:
        """What became of each event of the batch, in its order.

        When the time is over: `TimeoutError` or `OperationalError`.
        """
        pipeline = self._pipeline
        if pipeline is None or pipeline.closed:
            pipeline = await self._connected(within_seconds)
        with cut_after(within_seconds, pipeline):
            return await self._written(pipeline, batch)

    async def _written(self, pipeline: Pipeline, batch: list[Entry]) -> list[Written]:
        values = (
            *self._constants,
            uuid_array([entry.call_id for entry in batch]),
            bigint_array([entry.version for entry in batch]),
            text_array([entry.event.TOPIC for entry in batch]),
            bytea_array([entry.state for entry in batch]),
        )
        (rows,) = await pipeline.run((b"insert", values))
        if rows.ntuples == len(batch):
            return [_number(rows, nth, POSITION) for nth in range(len(batch))]
        written: dict[Place, Written] = {
            _place(rows, nth): _number(rows, nth, POSITION) for nth in range(rows.ntuples)
        }
        missing = {
            entry.place: entry.state for entry in batch if entry.place not in written
        }
        written |= await self._compare(pipeline, missing)
        return [written.get(entry.place, Missed.NO_LEASE) for entry in batch]

    async def _compare(
        self, pipeline: Pipeline, missing: dict[Place, bytes]
    ) -> dict[Place, Written]:
        """Tell our own earlier tries, which are in the log, from events of others."""
        values = (
            uuid_array([call_id for call_id, _ in missing]),
            bigint_array([version for _, version in missing]),
        )
        (rows,) = await pipeline.run((b"found", values))
        found: dict[Place, Written] = {}
        for nth in range(rows.ntuples):
            place = _place(rows, nth)
            ours = missing[place] == rows.get_value(nth, STATE)
            found[place] = _number(rows, nth, POSITION) if ours else Missed.PLACE_TAKEN
        return found

    async def _connected(self, within_seconds: float) -> Pipeline:
        pipeline = self._pipeline = await Pipeline.opened(
            self._conninfo, STATEMENTS, within_seconds=within_seconds
        )
        with cut_after(within_seconds, pipeline):
            await pipeline.run((b"patience", ()))
        return pipeline

    async def stream(self, call_id: UUID) -> list[StoredEvent]:
        """Every event of one call, oldest first; on a connection of its own, being rare."""
        async with await psycopg.AsyncConnection[tuple[Any, ...]].connect(
            self._conninfo, autocommit=True
        ) as connection:
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

    def close(self) -> None:
        """Drop the connection; the next write makes a new one."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            pipeline.close()


def _number(rows: PGresult, nth: int, column: int) -> int:
    return int.from_bytes(rows.get_value(nth, column) or b"", "big")


def _place(rows: PGresult, nth: int) -> Place:
    call_id = UUID(bytes=rows.get_value(nth, CALL_ID))
    return call_id, _number(rows, nth, VERSION)
