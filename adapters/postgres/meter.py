"""The meter on PostgreSQL: admissions and settlements in group commits.

One writer task per process collects what is waiting and writes it in one statement, which
is one transaction and one round trip; the callers wait for it. A failed batch fails its own
callers and no others. A row that is already there is compared: the same bytes mean that an
earlier try of ours was committed although its answer was lost.

Admissions live under the process's lease (`call_lease`): without a lease in force by the
database's clock the statement admits nothing, so that the reaper finds every call. A
settlement is tried until it is in. An admission that waited too long is given up, and its
place is taken by a refusal, or it is ended as not sent if it had landed after all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg

from adapters.event_store import EventMapper
from adapters.postgres.call_lease import CallLease
from adapters.postgres.call_writer import CallWriter, Entry, PlaceTaken
from adapters.postgres.database import connection_info
from domain.calls import (
    Call,
    CallAdmitted,
    CallEvent,
    CallFacts,
    CallRefused,
    CallSettled,
    Usage,
    UsageSource,
)
from domain.errors import Unavailable
from domain.events import Recorded

log = logging.getLogger(__name__)

MAX_BATCH = 512
BATCH_SECONDS = 1.5  # then the connection is given up
GIVE_UP_SECONDS = 1.0  # an admission that is older is not tried again
PAUSE_SECONDS = 0.1

NOTHING_SENT = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)


class PostgresMeter:
    """Plays `Meter`; one per process, started and stopped with it."""

    def __init__(self, url: str, *, role: str = "clawbot_proxy") -> None:
        self._process_id = uuid4()
        conninfo = connection_info(url, role=role)
        self._lease = CallLease(conninfo, self._process_id)
        self._writer = CallWriter(conninfo, self._process_id)
        self._mapper = EventMapper()
        self._waiting: list[Entry] = []
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.batches = 0  # committed ones, and the events in them: for the metrics
        self.events = 0

    @property
    def process_id(self) -> UUID:
        return self._process_id

    async def start(self) -> None:
        """Begin to write; does not wait for the database."""
        self._keep(self._write())
        self._keep(self._lease.keep())

    async def stop(self) -> None:
        """Write what is waiting, for at most `BATCH_SECONDS`, then let go."""
        waiting = [entry.done for entry in self._waiting]
        if waiting:
            await asyncio.wait(waiting, timeout=BATCH_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._writer.close()
        await self._lease.close()

    async def admit(self, call_id: UUID, admitted: CallAdmitted) -> int:
        before = self._lease.last_position
        try:
            return await self._record(call_id, 1, admitted)
        except Unavailable:
            self._lease.doubt(call_id, before)
            self._keep(self._close_unsent(call_id, admitted))
            raise

    async def refuse(self, call_id: UUID, refused: CallRefused) -> int:
        return await self._record(call_id, 1, refused)

    async def settle(self, call_id: UUID, settled: CallSettled) -> int:
        try:
            return await self._record(call_id, 2, settled)
        except PlaceTaken:
            return await self._correct(call_id, settled)

    async def _correct(self, call_id: UUID, settled: CallSettled) -> int:
        """The reaper was first, while this process slept: its estimate is corrected."""
        history = [
            self._mapper.to_recorded(one) for one in await self._lease.stream(call_id)
        ]
        call = Call()
        for recorded in history:
            call = call.evolve(recorded.event)  # type: ignore[arg-type]
        [correction] = call.settle(settled)
        position = await self._record(call_id, len(history) + 1, correction)
        self._lease.ended(call_id)
        return position

    async def _close_unsent(self, call_id: UUID, admitted: CallAdmitted) -> None:
        """Make sure that an admission nobody waits for any more holds nothing."""
        refused = CallRefused(facts=admitted.facts, code=Unavailable.code)
        try:
            await self._record(call_id, 1, refused, tries_on=True)
        except PlaceTaken:
            await self._record(call_id, 2, unsent(admitted))
        self._lease.settled_doubt(call_id)

    async def _record(
        self, call_id: UUID, version: int, event: CallEvent, *, tries_on: bool = False
    ) -> int:
        facts = event.facts
        state = self._mapper.to_stored_event(
            Recorded(
                originator_id=call_id,
                originator_version=version,
                at=datetime.now(UTC),
                actor=actor(facts),
                team_id=facts.team_id,
                correlation_id=str(call_id),
                causation_id=f"call:{call_id}:{version - 1}" if version > 1 else "-",
                event=event,
            )
        )
        entry = Entry(
            call_id=call_id,
            version=version,
            topic=state.topic,
            state=state.state,
            since=time.monotonic(),
            tries_on=tries_on or version > 1,
            done=asyncio.get_running_loop().create_future(),
        )
        self._waiting.append(entry)
        self._wake.set()
        return await entry.done

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._commit(batch)

    async def _commit(self, batch: list[Entry]) -> None:
        try:
            async with asyncio.timeout(BATCH_SECONDS):
                written = await self._writer.write(batch)
        except (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            TimeoutError,
            OSError,
        ) as e:
            log.warning("meter.batch_failed", extra={"size": len(batch), "error": repr(e)})
            await self._writer.close()
            self._again(batch)
            await asyncio.sleep(PAUSE_SECONDS)
            return
        except Exception as error:  # a bug must not stop the calls behind it
            log.exception("meter.batch_refused", extra={"size": len(batch)})
            for entry in batch:
                entry.fail(error)
            return
        self.batches += 1
        self.events += len(written)
        for entry in batch:
            self._answer(entry, written)

    def _answer(self, entry: Entry, written: dict[tuple[UUID, int], int | None]) -> None:
        """Tell the entry's caller; the lease learns of it first."""
        place = (entry.call_id, entry.version)
        if place not in written:
            self._lease.renew_now()
            self._again([entry])
            return
        position = written[place]
        if position is None:
            entry.fail(PlaceTaken(place))
            return
        self._lease.wrote(entry.call_id, position, opens=entry.topic == CallAdmitted.TOPIC)
        if not entry.done.done():
            entry.done.set_result(position)

    def _again(self, batch: list[Entry]) -> None:
        """Put back what must get in; give up admissions that waited too long."""
        oldest = time.monotonic() - GIVE_UP_SECONDS
        kept = [entry for entry in batch if entry.tries_on or entry.since > oldest]
        for entry in batch:
            if entry not in kept:
                entry.fail(Unavailable("the log does not answer"))
        self._waiting[:0] = kept
        if kept:
            self._wake.set()

    def _keep(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def actor(facts: CallFacts) -> str:
    """Who called: the bot, or the worker that checks a key."""
    return f"bot:{facts.bot_id}" if facts.bot_id else "system:worker"


def unsent(admitted: CallAdmitted) -> CallSettled:
    """The end of a call of which no byte went upstream."""
    return CallSettled(
        facts=replace(admitted.facts, model=None),
        http_status=None,
        usage=NOTHING_SENT,
        cost_micro_usd=0,
        price_source=None,
        attempts=0,
        first_byte_ms=None,
        duration_ms=0,
        client_left=False,
        error=Unavailable.code,
    )
