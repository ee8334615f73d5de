"""The meter on PostgreSQL: admissions and settlements in group commits.

One writer task per process collects what is waiting and writes it in one statement, which
is one transaction and one round trip; the callers wait for it. A failed batch fails its own
callers and no others. A row that is already there is compared: the same bytes mean that an
earlier try of ours was committed although its answer was lost.

Admissions live under the process's lease (`call_lease`): without a lease in force by the
database's clock the statement admits nothing, so that the reaper finds every call. A
settlement is tried until it is in, whether its caller still waits or not; where the reaper
was first it becomes a correction. An admission that waited too long is given up, and its
place is taken by a refusal, or it is ended as not sent if it had landed after all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import psycopg

from adapters.event_store import EventMapper
from adapters.patience import Patience
from adapters.postgres.call_entry import Entry, Missed, PlaceTaken, entry_of
from adapters.postgres.call_lease import CallLease
from adapters.postgres.call_writer import CallWriter
from adapters.postgres.database import connection_info
from application.watch import NobodyWatches, Watch
from domain.calls import (
    Call,
    CallAdmitted,
    CallEvent,
    CallHasEnded,
    CallRefused,
    CallSettled,
)
from domain.errors import Unavailable
from domain.events import Event, Recorded
from domain.usage import Usage, UsageSource

log = logging.getLogger(__name__)

MAX_BATCH = 512
# An admission is answered within the sum of these three, which must stay below 2 s.
BATCH_SECONDS = 1.2  # then the connection is given up
GIVE_UP_SECONDS = 0.5  # an admission that is older is not tried again
PAUSE_SECONDS = 0.1
RENEWAL_SECONDS = 0.02  # that a renewal of the lease is waited for
STOP_SECONDS = 2.0

NOTHING_SENT = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)


class PostgresMeter:
    """Plays `Meter`; one per process, started and stopped with it."""

    def __init__(
        self, url: str, *, role: str = "clawbot_proxy", watch: Watch | None = None
    ) -> None:
        self._process_id = uuid4()
        self._watch = watch or NobodyWatches()
        conninfo = connection_info(url, role=role)
        self._lease = CallLease(conninfo, self._process_id)
        self._writer = CallWriter(conninfo, self._process_id)
        self._mapper = EventMapper()
        self._waiting: list[Entry] = []
        self._writing: list[Entry] = []
        self._sleeping: asyncio.Future[None] | None = None  # while nothing is waiting
        # One loop for the meter's whole life.
        self._loop = cache(asyncio.get_running_loop)
        self._patience = cache(Patience)
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def process_id(self) -> UUID:
        return self._process_id

    @property
    def open_calls(self) -> int:
        """Calls that were admitted here and have no end yet."""
        return self._lease.open_calls

    async def start(self) -> None:
        """Begin to write; does not wait for the database."""
        self._keep(self._write())
        self._keep(self._lease.keep())

    async def stop(self) -> None:
        """Write what is waiting, for at most `STOP_SECONDS`, then let go."""
        waiting = [entry.done for entry in (*self._writing, *self._waiting)]
        if waiting:
            await asyncio.wait(waiting, timeout=STOP_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._patience().stop()
        self._writer.close()
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

    async def settle(
        self, call_id: UUID, settled: CallSettled, *, within_seconds: float
    ) -> int:
        entry = self._enter(call_id, 2, settled)
        return await self._patience().wait(entry.done, within_seconds=within_seconds)

    async def _close_unsent(self, call_id: UUID, admitted: CallAdmitted) -> None:
        """Make sure that an admission nobody waits for any more holds nothing."""
        refused = CallRefused(facts=admitted.facts, code=Unavailable.code)
        try:
            await self._record(call_id, 1, refused, tries_on=True)
        except PlaceTaken:
            await self._record(call_id, 2, unsent(admitted))
        self._lease.settled_doubt(call_id)

    async def _correct(self, entry: Entry, settled: CallSettled) -> None:
        """The reaper was first, while this process slept: its estimate is corrected."""
        history = await self._history(entry.call_id)
        call = Call()
        for recorded in history:
            call = call.evolve(recorded.event)  # type: ignore[arg-type]
        try:
            [correction] = call.settle(settled)
        except CallHasEnded as error:
            self._lease.ended(entry.call_id)
            entry.fail(error)
            return
        position = await self._record(entry.call_id, len(history) + 1, correction)
        entry.succeed(position)

    async def _history(self, call_id: UUID) -> list[Recorded[Event]]:
        while True:
            try:
                async with asyncio.timeout(BATCH_SECONDS):
                    stored = await self._writer.stream(call_id)
            except (psycopg.Error, TimeoutError, OSError) as error:
                log.warning("meter.cannot_look", extra={"error": repr(error)})
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                return [self._mapper.to_recorded(one) for one in stored]

    async def _record(
        self, call_id: UUID, version: int, event: CallEvent, *, tries_on: bool = False
    ) -> int:
        return await self._enter(call_id, version, event, tries_on=tries_on).done

    def _enter(
        self, call_id: UUID, version: int, event: CallEvent, *, tries_on: bool = False
    ) -> Entry:
        """The event waits for the next batch from now on."""
        done = self._loop().create_future()
        entry = entry_of(call_id, version, event, done, tries_on=tries_on or version > 1)
        self._waiting.append(entry)
        self._rouse()
        return entry

    def _rouse(self) -> None:
        """There is something to write."""
        sleeping, self._sleeping = self._sleeping, None
        if sleeping is not None and not sleeping.done():
            sleeping.set_result(None)

    async def _write(self) -> None:
        while True:
            if not self._waiting:
                self._sleeping = self._loop().create_future()
                await self._sleeping
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            self._writing = batch
            await self._commit(batch)
            self._writing = []

    async def _commit(self, batch: list[Entry]) -> None:
        began = time.monotonic()
        try:
            written = await self._writer.write(batch, within_seconds=BATCH_SECONDS)
        except (psycopg.Error, TimeoutError, OSError) as error:
            extra = {"size": len(batch), "error": repr(error)}
            log.warning("meter.batch_failed", extra=extra)
            self._writer.close()
            self._again(batch)
            await asyncio.sleep(PAUSE_SECONDS)
            return
        except Exception as error:  # a bug must not stop the calls behind it
            log.exception("meter.batch_refused", extra={"size": len(batch)})
            for entry in batch:
                entry.fail(error)
            return
        taken, left = [], []
        for entry, became in zip(batch, written, strict=True):
            if isinstance(became, int):
                opens = isinstance(entry.event, CallAdmitted)
                self._lease.wrote(entry.call_id, became, opens=opens)
                entry.succeed(became)
                taken.append(entry)
            elif became is Missed.NO_LEASE:
                left.append(entry)
            elif isinstance(entry.event, CallSettled):
                self._keep(self._correct(entry, entry.event))
            else:
                entry.fail(PlaceTaken(entry.place))
        self._tell(taken, began)
        if left:
            self._lease.renew_now()
            self._again(left)
            await asyncio.sleep(RENEWAL_SECONDS)

    def _tell(self, taken: list[Entry], began: float) -> None:
        """Whoever watches hears what is in the log now, and since when it waited."""
        now, recorded = time.monotonic(), self._watch.recorded
        try:
            for entry in taken:
                recorded(entry.call_id, entry.event, now - entry.since)
            self._watch.committed(len(taken), now - began)
        except Exception:  # a bug must not stop the calls behind it
            log.exception("meter.watch_failed")

    def _again(self, batch: list[Entry]) -> None:
        """Put back what must get in; give up admissions that waited too long."""
        oldest = time.monotonic() - GIVE_UP_SECONDS
        kept = []
        for entry in (*batch, *self._waiting):
            if entry.tries_on or entry.since > oldest:
                kept.append(entry)
            else:
                entry.fail(Unavailable("the log does not answer"))
        self._waiting = kept

    def _keep(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


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
