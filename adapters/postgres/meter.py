"""The meter on PostgreSQL: admissions, extensions and ends of calls, in group commits.

Admissions live under the process's lease (`call_lease`): without a lease in force by the
database's clock the statement admits nothing, so that the reaper finds every call. A
settlement is tried until it is in, whether its caller still waits or not; where the reaper
was first it becomes a correction. An admission that waited too long is given up, and its
place is taken by a refusal, or it is ended as not sent if it had landed after all.

Quotas are asked in the same transaction; what a call holds is kept here until it ends.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import psycopg

from adapters.event_store import EventMapper
from adapters.patience import Patience
from adapters.postgres.call_entry import Entry, PlaceTaken
from adapters.postgres.call_lease import CallLease
from adapters.postgres.call_writer import CallWriter
from adapters.postgres.database import connection_info
from adapters.postgres.group_commit import BATCH_SECONDS, PAUSE_SECONDS, GroupCommit
from adapters.postgres.held_calls import HeldCalls
from application.watch import NobodyWatches, Watch
from domain.budgets import Extension, Granted, Wants
from domain.calls import (
    Call,
    CallAdmitted,
    CallHasEnded,
    CallRefused,
    CallSettled,
    outcome_of,
)
from domain.errors import Unavailable
from domain.events import Event, Recorded
from domain.holds import bookings_of
from domain.usage import Usage, UsageSource

log = logging.getLogger(__name__)

NO_QUOTA = Granted(output_tokens=None, holds=())
NOTHING_SENT = Usage(input_tokens=0, output_tokens=0, source=UsageSource.REPORTED)


class PostgresMeter:
    """Plays `Meter`; one per process, started and stopped with it."""

    def __init__(
        self, url: str, *, role: str = "clawbot_proxy", watch: Watch | None = None
    ) -> None:
        self._process_id = uuid4()
        watch = watch or NobodyWatches()
        conninfo = connection_info(url, role=role)
        self._lease = CallLease(conninfo, self._process_id)
        self._held = HeldCalls()
        self._writer = CallWriter(conninfo, self._process_id)
        self._mapper = EventMapper()
        self._queue = GroupCommit(self._writer, self._lease, watch, self._end_anyway)
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
        self._keep(self._queue.run())
        self._keep(self._lease.keep())

    async def stop(self) -> None:
        """Write what is waiting, for at most 2 s, then let go."""
        await self._queue.emptied()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._patience().stop()
        self._writer.close()
        await self._lease.close()

    async def admit(
        self, call_id: UUID, admitted: CallAdmitted, wants: Wants | None = None
    ) -> Granted:
        before = self._lease.last_position
        entry = self._queue.enter(call_id, 1, admitted, asks=wants)
        try:
            await entry.done
        except (Unavailable, PlaceTaken, asyncio.CancelledError) as error:
            if not self._queue.withdraw(entry):
                self._lease.doubt(call_id, before)
                self._keep(self._close_unsent(call_id, _last_tried(entry, admitted)))
            if isinstance(error, PlaceTaken):  # by an earlier try, decided otherwise
                raise Unavailable from error
            raise
        granted = _granted(entry)
        self._held.admitted(call_id, granted.holds)
        return granted

    def has_quotas(self, team_id: UUID) -> bool:
        return self._writer.has_quotas(team_id)

    async def extend(self, call_id: UUID, extension: Extension) -> Granted:
        call = self._held.of(call_id, extension.holds)
        async with call.growing():
            entry = self._queue.enter(call_id, call.version + 1, None, asks=extension)
            try:
                await entry.done
            except PlaceTaken as error:  # the call was ended, by the reaper
                raise Unavailable from error
            granted = _granted(entry)
            call.grew(granted.holds)
        return granted

    async def refuse(self, call_id: UUID, refused: CallRefused) -> int:
        return await self._queue.enter(call_id, 1, refused).done

    async def settle(
        self, call_id: UUID, settled: CallSettled, *, within_seconds: float
    ) -> int:
        version = 2
        held = self._held.forgotten(call_id)
        if held is not None:
            if held.lock is not None:
                await held.at_rest()
            version, settled = held.version + 1, held.ended(settled)
        entry = self._queue.enter(call_id, version, settled, tries_on=True)
        return await self._patience().wait(entry.done, within_seconds=within_seconds)

    async def _close_unsent(self, call_id: UUID, admitted: CallAdmitted) -> None:
        """Make sure that an admission nobody waits for any more holds nothing."""
        refused = CallRefused(
            facts=admitted.facts, code=Unavailable.code, routing=admitted.routing
        )
        entry = self._queue.enter(call_id, 1, refused, tries_on=True)
        try:
            await entry.done
        except PlaceTaken:
            with suppress(CallHasEnded):  # it was refused
                await self._end_after_all(call_id, unsent(admitted))
        self._lease.settled_doubt(call_id)

    def _end_anyway(self, entry: Entry, settled: CallSettled) -> None:
        self._keep(self._correct(entry, settled))

    async def _correct(self, entry: Entry, settled: CallSettled) -> None:
        """The place is taken: by the reaper, or by an extension whose answer was lost."""
        try:
            position = await self._end_after_all(entry.call_id, settled)
        except CallHasEnded as error:
            self._lease.ended(entry.call_id)
            entry.fail(error)
            return
        entry.succeed(position)

    async def _end_after_all(self, call_id: UUID, settled: CallSettled) -> int:
        """The call's end, behind whatever is on record; `CallHasEnded` if it has one."""
        history = await self._history(call_id)
        call = Call()
        for recorded in history:
            call = call.evolve(recorded.event)  # type: ignore[arg-type]
        bookings = bookings_of(call.holds, outcome_of(settled))
        [end] = call.settle(replace(settled, bookings=bookings))
        return await self._queue.enter(call_id, len(history) + 1, end, tries_on=True).done

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

    def _keep(self, coroutine: Any) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _granted(entry: Entry) -> Granted:
    """What the budgets gave; `QuotaExceeded` or `UnpricedCall` if they refused."""
    decided = entry.decided
    if decided is not None and decided.refused is not None:
        raise decided.refused
    if decided is None or decided.granted is None:
        return NO_QUOTA
    return decided.granted


def _last_tried(entry: Entry, admitted: CallAdmitted) -> CallAdmitted:
    """As which it may have landed: the budgets may have sent it elsewhere."""
    return entry.event if isinstance(entry.event, CallAdmitted) else admitted


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
