"""Writes batches of call events in one transaction, and in one round trip where it can.

It keeps the order of the log (see `recorder.py`) and tells, for each event, its position,
or why it has none. A batch in which quotas have a say takes the longer way
(`budget_writer.py`). Which teams have quotas is learned by trying: the statement that does
without them admits no call of such a team.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, assert_never
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
from adapters.postgres.budget_writer import STATEMENTS as BUDGETS
from adapters.postgres.budget_writer import BudgetWriter
from adapters.postgres.call_entry import Entry, Missed, Place, Written
from adapters.postgres.pipeline import Pipeline
from adapters.postgres.recorder import LOCKS
from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallExtended,
    CallRefused,
    CallSettled,
)
from domain.log import CALLS

# The lease is read in the statement's snapshot. A statement that began while the lease
# stood may commit after its end, by at most the batch timeout: the reaper looks again.
# Rows come back in the order of the arrays: each is returned as it is inserted. A team is
# given for calls that quotas may have a say in.
INSERT = b"""
WITH lock AS MATERIALIZED (SELECT pg_advisory_xact_lock($1::bigint)),
     lease AS MATERIALIZED (
        SELECT EXISTS (SELECT FROM call_lease
                       WHERE process_id = $2::uuid AND ends_at > now()) AS stands)
INSERT INTO calls_events (originator_id, originator_version, topic, state)
SELECT e.id, e.version, e.topic, e.state
FROM lock, lease,
     unnest($3::uuid[], $4::bigint[], $5::text[], $6::bytea[], $7::uuid[])
        AS e (id, version, topic, state, team)
WHERE e.topic <> 'call.admitted'
   OR lease.stands AND NOT EXISTS (SELECT FROM quota AS q WHERE q.team_id = e.team)
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
# And a process that freezes between the two steps of a batch lets go of its balances.
PATIENCE = b"""
SELECT set_config('lock_timeout', '1000ms', false),
       set_config('idle_in_transaction_session_timeout', '1500ms', false)
"""

STATEMENTS = {b"insert": INSERT, b"found": FOUND, b"patience": PATIENCE}
FORGET_SECONDS = 60.0  # which teams have quotas, in case they have none any more
NO_TEAM = UUID(int=0)
POSITION, CALL_ID, VERSION, STATE = range(4)  # the columns of what comes back


class CallWriter:
    """The one connection through which a process writes the calls log.

    Another batch may be written while one is on its way: it is sent behind it.
    """

    def __init__(self, conninfo: str, process_id: UUID) -> None:
        self._conninfo = conninfo
        self._pipeline: Pipeline | None = None
        self._connecting = asyncio.Lock()
        self._constants = (bigint(LOCKS[CALLS]), process_id.bytes)
        self._budgets = BudgetWriter(process_id)
        self._teams: set[int] = set()  # that have quotas, by number
        self._forget_at = 0.0  # monotonic seconds

    def has_quotas(self, team_id: UUID) -> bool:
        """Whether the team is known to have quotas."""
        return team_id.int in self._teams

    async def write(self, batch: list[Entry], *, within_seconds: float) -> list[Written]:
        """What became of each event of the batch, in its order.

        When the time is over: `TimeoutError` or `OperationalError`.
        """
        pipeline = self._pipeline
        if pipeline is None or pipeline.closed:
            pipeline = await self._connected(within_seconds)
        # `closed_after` by hand: as a block it costs a batch 5 µs more.
        timer = asyncio.get_running_loop().call_later(within_seconds, pipeline.close)
        try:
            return await self._written(pipeline, batch)
        except (psycopg.Error, TimeoutError, OSError):
            pipeline.close()  # this one: there may be another by now
            raise
        finally:
            timer.cancel()

    async def _written(self, pipeline: Pipeline, batch: list[Entry]) -> list[Written]:
        for entry in batch:
            if self._has_quotas(entry):
                break
        else:
            return await self._plainly(pipeline, batch)
        tried = {entry.place: entry.state for entry in batch if entry.tried}
        if not tried:
            return await self._budgets.write(pipeline, batch)
        found = await self._compare(pipeline, tried)
        there = [found.get(entry.place) if entry.tried else None for entry in batch]
        left = [entry for entry, one in zip(batch, there, strict=True) if one is None]
        became = iter(await self._budgets.write(pipeline, left))
        news = [one or next(became) for one in there]
        # What takes an entry's place may be its own earlier try, which landed only now.
        late = {
            entry.place: entry.state
            for entry, one in zip(batch, news, strict=True)
            if one is Missed.PLACE_TAKEN and tried.get(entry.place) == entry.state
        }
        if not late:
            return news
        landed = await self._compare(pipeline, late)
        return [
            landed.get(entry.place, one) if one is Missed.PLACE_TAKEN else one
            for entry, one in zip(batch, news, strict=True)
        ]

    def _has_quotas(self, entry: Entry) -> bool:
        """Whether a balance may change with the entry, as far as is known here."""
        match entry.event:
            case CallAdmitted(holds=holds) if holds:  # decided, in a try that failed
                return True
            case CallAdmitted() | CallRefused():
                return (
                    entry.asks is not None and entry.asks.facts.team_id.int in self._teams
                )
            case CallExtended() | None:
                return True
            case CallSettled() | CallAbandoned() | CallCorrected():
                return bool(entry.event.bookings)
            case _:
                assert_never(entry.event)

    async def _plainly(self, pipeline: Pipeline, batch: list[Entry]) -> list[Written]:
        values = (
            *self._constants,
            uuid_array([entry.call_id for entry in batch]),
            bigint_array([entry.version for entry in batch]),
            text_array([entry.event.TOPIC for entry in batch if entry.event]),
            bytea_array([entry.state for entry in batch]),
            uuid_array([e.asks.facts.team_id if e.asks else NO_TEAM for e in batch]),
        )
        (rows,) = await pipeline.run((b"insert", values))
        if rows.ntuples == len(batch):
            value, number = rows.get_value, int.from_bytes
            return [number(value(n, POSITION) or b"", "big") for n in range(len(batch))]
        written: dict[Place, Written] = {
            _place(rows, nth): _number(rows, nth, POSITION) for nth in range(rows.ntuples)
        }
        missing = {
            entry.place: entry.state for entry in batch if entry.place not in written
        }
        written |= await self._compare(pipeline, missing)
        return [written.get(entry.place) or self._not_taken(entry) for entry in batch]

    def _not_taken(self, entry: Entry) -> Written:
        """An admission that is nowhere: there is no lease, or its team has quotas."""
        if entry.asks is None:
            return Missed.NO_LEASE
        now = time.monotonic()
        if now >= self._forget_at:
            self._teams.clear()
            self._forget_at = now + FORGET_SECONDS
        self._teams.add(entry.asks.facts.team_id.int)
        return Missed.BUDGETED

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
        async with asyncio.timeout(within_seconds), self._connecting:
            pipeline = self._pipeline
            if pipeline is not None and not pipeline.closed:  # made for the other batch
                return pipeline
            pipeline = await Pipeline.opened(
                self._conninfo, STATEMENTS | BUDGETS, within_seconds=within_seconds
            )
            try:
                await pipeline.run((b"patience", ()))
            except BaseException:
                pipeline.close()
                raise
            self._pipeline = pipeline
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
