"""Group commits: what waits at the same moment is written in one transaction.

Two tasks per process collect what is waiting and write it; the callers wait for it. While
one batch is on its way another may follow behind it, so that neither we nor the database
wait for the other between the two; if it is no smaller, as each costs a transaction. A
failed batch fails its own callers and no others; what must get in is tried again, in the
order in which it came. A row that is already there is compared: the same bytes mean that an
earlier try of ours was committed although its answer was lost.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import cache
from itertools import chain
from uuid import UUID

import psycopg

from adapters.postgres.call_entry import Entry, Missed, PlaceTaken, Written
from adapters.postgres.call_lease import CallLease
from adapters.postgres.call_writer import CallWriter
from application.watch import Watch
from domain.budgets import Extension, Wants
from domain.calls import CallAdmitted, CallEvent, CallExtended, CallSettled
from domain.errors import Unavailable

log = logging.getLogger(__name__)

MAX_BATCH = 512
AT_ONCE = 2  # batches on their way
SECOND = 8  # events, at least, of a batch that is sent behind another
# An admission is answered within the sum of these three, which must stay below 2 s.
BATCH_SECONDS = 1.2  # then the connection is given up
GIVE_UP_SECONDS = 0.5  # an admission that is older is not tried again
PAUSE_SECONDS = 0.1
RENEWAL_SECONDS = 0.02  # that a renewal of the lease is waited for
STOP_SECONDS = 2.0

AGAIN = frozenset({Missed.NO_LEASE, Missed.BUDGETED})

EndAnyway = Callable[[Entry, CallSettled], None]


class GroupCommit:
    """The queue of one process, and the task that empties it (`run`)."""

    def __init__(
        self, writer: CallWriter, lease: CallLease, watch: Watch, end_anyway: EndAnyway
    ) -> None:
        self._writer = writer
        self._lease = lease
        self._watch = watch
        self._end_anyway = end_anyway  # a settlement whose place is taken
        self._waiting: list[Entry] = []
        self._writing: list[list[Entry]] = []  # batches on their way
        self._sleeping: list[asyncio.Future[None]] = []  # tasks that wait for enough to do
        self._enough = 1  # events, to be worth a batch now
        self._loop = cache(asyncio.get_running_loop)  # one loop for its whole life

    def enter(
        self,
        call_id: UUID,
        version: int,
        event: CallEvent | None,
        *,
        asks: Wants | Extension | None = None,
        tries_on: bool = False,
    ) -> Entry:
        """The event waits for the next batch from now on."""
        done = self._loop().create_future()
        entry = Entry(
            call_id=call_id,
            version=version,
            event=event,
            since=time.monotonic(),
            tries_on=tries_on,
            done=done,
            asks=asks,
        )
        # What cannot be written down hurts nobody else in the batch. Where quotas are
        # asked, what they say is written, then.
        if asks is None or not self._writer.has_quotas(asks.facts.team_id):
            entry.write()
        self._waiting.append(entry)
        if self._sleeping and len(self._waiting) >= self._enough:
            sleeping = self._sleeping.pop()
            if not sleeping.done():
                sleeping.set_result(None)
        return entry

    def withdraw(self, entry: Entry) -> bool:
        """It is not written any more; False: it may be in the log, or on its way there."""
        if entry.tried or entry not in self._waiting:
            return False
        self._waiting.remove(entry)
        return True

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._write())

    async def _write(self) -> None:
        while True:
            while len(self._waiting) < self._enough:
                sleeping = self._loop().create_future()
                self._sleeping.append(sleeping)
                await sleeping
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            self._writing.append(batch)
            self._enough = max(SECOND, len(batch))
            try:
                await self._commit(batch)
            except Exception as error:  # a bug must not end what writes all calls
                log.exception("meter.batch_unanswered", extra={"size": len(batch)})
                for entry in batch:
                    entry.fail(error)
            self._writing.remove(batch)
            before = self._writing
            self._enough = max(SECOND, len(before[0])) if before else 1

    async def emptied(self) -> None:
        """What was waiting is written, or `STOP_SECONDS` are over."""
        waiting = [entry.done for entry in chain(*self._writing, self._waiting)]
        if waiting:
            await asyncio.wait(waiting, timeout=STOP_SECONDS)

    async def _commit(self, batch: list[Entry]) -> None:
        began = time.monotonic()
        try:
            written = await self._writer.write(batch, within_seconds=BATCH_SECONDS)
        except (psycopg.Error, TimeoutError, OSError) as error:
            extra = {"size": len(batch), "error": repr(error)}
            log.warning("meter.batch_failed", extra=extra)
            for entry in batch:
                entry.tried = True
            self._again(batch)
            await asyncio.sleep(PAUSE_SECONDS)
            return
        except Exception as error:  # a bug must not stop the calls beside it, or behind it
            log.exception("meter.batch_refused", extra={"size": len(batch)})
            if len(batch) == 1:
                batch[0].fail(error)
                return
            half = len(batch) // 2
            await self._commit(batch[:half])
            await self._commit(batch[half:])
            return
        self._answer(batch, written, began)
        if Missed.NO_LEASE in written:
            self._lease.renew_now()
            await asyncio.sleep(RENEWAL_SECONDS)

    def _answer(self, batch: list[Entry], written: list[Written], began: float) -> None:
        """Everybody hears what became of their event."""
        taken, left, elsewhere = [], [], []
        for entry, became in zip(batch, written, strict=True):
            if isinstance(became, int):
                self._landed(entry, became)
                taken.append(entry)
            elif became in AGAIN:
                left.append(entry)
            elif became is Missed.ELSEWHERE:
                if self._asks_anywhere(entry):
                    elsewhere.append(entry)
            elif became is Missed.DENIED and entry.decided and entry.decided.refused:
                entry.fail(entry.decided.refused)
            elif isinstance(entry.event, CallSettled):
                self._end_anyway(entry, entry.event)
            else:
                entry.fail(PlaceTaken(entry.place))
        self._tell(taken, began)
        if left:
            self._again(left)
        if elsewhere:  # before all others, whatever they waited: the database does answer
            self._waiting = [*elsewhere, *self._waiting]

    def _asks_anywhere(self, entry: Entry) -> bool:
        """Whether it is known where else the call may go: that is not told by us."""
        try:
            entry.ask_anywhere()
        except Exception as error:  # a bug must not stop the calls behind it
            log.exception("meter.places_unknown")
            entry.fail(error)
            return False
        return True

    def _landed(self, entry: Entry, position: int) -> None:
        """The event is in the log; the lease learns of it first."""
        match entry.event:
            case CallAdmitted():
                self._lease.wrote(entry.call_id, position, opens=True)
            case CallExtended():
                self._lease.passed(position)
            case _:
                self._lease.wrote(entry.call_id, position, opens=False)
        entry.succeed(position)

    def _tell(self, taken: list[Entry], began: float) -> None:
        """Whoever watches hears what is in the log now, and since when it waited."""
        now, recorded = time.monotonic(), self._watch.recorded
        try:
            for entry in taken:
                if entry.event is not None:
                    recorded(entry.call_id, entry.event, now - entry.since)
            self._watch.committed(len(taken), now - began)
        except Exception:  # a bug must not stop the calls behind it
            log.exception("meter.watch_failed")

    def _again(self, batch: list[Entry]) -> None:
        """Put back what must get in; give up what waited too long and may be given up."""
        oldest = time.monotonic() - GIVE_UP_SECONDS
        kept = []
        for entry in (*batch, *self._waiting):
            if entry.tries_on or (entry.since > oldest and not entry.done.cancelled()):
                kept.append(entry)
            else:
                entry.fail(Unavailable("the log does not answer"))
        self._waiting = kept
