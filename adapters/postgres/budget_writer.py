"""Writes batches in which quotas have a say: two round trips, one transaction.

See `budget_batch.py` for what is decided between the two, and `budget_memory.py` for when
the first is not needed. What cannot be written as it was
decided (a place is taken, the lease is over) is rolled back whole; then each event of the
batch is tried by itself, so that the others do not suffer.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq.abc import PGresult

from adapters.postgres.binary_array import (
    bigint,
    bigint_array,
    bytea_array,
    text_array,
    uuid_array,
)
from adapters.postgres.budget_batch import Budgets
from adapters.postgres.budget_concerns import Asked, Concerns, concerns_of
from adapters.postgres.budget_memory import BudgetMemory, Remembered
from adapters.postgres.call_entry import Entry, Missed, Written
from adapters.postgres.pipeline import Pipeline
from adapters.postgres.recorder import LOCKS
from domain.calls import CallAbandoned, CallCorrected, CallSettled
from domain.log import CALLS

LOCK = b"SELECT * FROM lock_budgets($1::text[], $2::uuid[], $3::timestamptz[])"
WRITE = b"""
SELECT notification_id FROM write_calls(
    $1::bigint, $2::uuid, $3::uuid[], $4::bigint[], $5::text[], $6::bytea[],
    $7::uuid[], $8::timestamptz[], $9::bigint[], $10::bigint[])
"""
WRITE_AS_SEEN = b"""
SELECT notification_id FROM write_calls_as_seen(
    $1::text[], $2::timestamptz, $3::timestamptz, $4::bigint,
    $5::uuid[], $6::timestamptz[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
    $11::bigint, $12::uuid, $13::uuid[], $14::bigint[], $15::text[], $16::bytea[],
    $17::uuid[], $18::timestamptz[], $19::bigint[], $20::bigint[])
"""
STATEMENTS = {
    b"begin": b"BEGIN",
    b"lock_budgets": LOCK,
    b"write_calls": WRITE,
    b"write_as_seen": WRITE_AS_SEEN,
    b"commit": b"COMMIT",
    b"rollback": b"ROLLBACK",
}
PLACE_TAKEN, NO_LEASE = "CB001", "CB002"  # as `write_calls` says it


class NotAsDecided(Exception):
    """The batch was rolled back: a place is taken, or there is no lease to admit under."""

    def __init__(self, missed: Missed) -> None:
        super().__init__(missed)
        self.missed = missed


class BudgetWriter:
    """Decides and writes; of one batch it remembers how it left the balances."""

    def __init__(self, process_id: UUID) -> None:
        self._constants = (bigint(LOCKS[CALLS]), process_id.bytes)
        self._memory = BudgetMemory()

    async def write(self, pipeline: Pipeline, batch: Sequence[Entry]) -> list[Written]:
        """What became of each; `psycopg.Error` if that is not known."""
        try:
            return await self._transaction(pipeline, batch)
        except NotAsDecided as error:
            if len(batch) == 1:
                return [error.missed]
        return [(await self.write(pipeline, [entry]))[0] for entry in batch]

    async def _transaction(
        self, pipeline: Pipeline, batch: Sequence[Entry]
    ) -> list[Written]:
        asked = [_asked(entry) for entry in batch]
        concerns = concerns_of(asked)
        # From what is recalled to what is sent nothing else may be: the next batch is
        # decided on what this one leaves, before anybody knows whether it is written.
        await pipeline.free()
        remembered = self._memory.recall(concerns)
        try:
            if remembered is not None:
                written = await self._written_as_seen(pipeline, batch, asked, remembered)
                if written is not None:
                    return written
            return await self._written_under_lock(pipeline, batch, asked, concerns)
        except psycopg.Error as error:
            if error.sqlstate == PLACE_TAKEN:
                raise NotAsDecided(Missed.PLACE_TAKEN) from error
            if error.sqlstate == NO_LEASE:
                raise NotAsDecided(Missed.NO_LEASE) from error
            raise

    async def _written_as_seen(
        self,
        pipeline: Pipeline,
        batch: Sequence[Entry],
        asked: Sequence[Asked | None],
        remembered: Remembered,
    ) -> list[Written] | None:
        """None: nothing is, as what was remembered is so no more."""
        try:
            _decide(batch, asked, remembered.budgets)
            values = (*remembered.seen, *self._values(batch, remembered.budgets))
            (rows,) = await pipeline.run((b"write_as_seen", values))
        except BaseException:
            self._memory.forget(remembered)
            raise
        if not rows.ntuples:
            self._memory.fell(remembered)
            return None
        self._memory.stood()
        return _written(batch, rows)

    async def _written_under_lock(
        self,
        pipeline: Pipeline,
        batch: Sequence[Entry],
        asked: Sequence[Asked | None],
        concerns: Concerns,
    ) -> list[Written]:
        async with pipeline.taken() as run:
            try:
                _, locked = await run(
                    (b"begin", ()), (b"lock_budgets", concerns.parameters())
                )
                budgets = Budgets(_rows(locked))
                _decide(batch, asked, budgets)
                values = self._values(batch, budgets)
                rows, _ = await run((b"write_calls", values), (b"commit", ()))
            except Exception:
                with suppress(psycopg.Error):  # without a connection the server ends it
                    await run((b"rollback", ()))
                raise
            self._memory.learn(concerns, budgets)
        return _written(batch, rows)

    def _values(self, batch: Sequence[Entry], budgets: Budgets) -> tuple[bytes, ...]:
        """As `write_calls` takes them: the events that were decided, and their moves."""
        taken = [  # by hand: as `_missed` says it
            entry
            for entry in batch
            if entry.decided is None or entry.decided.event is not None
        ]
        return (
            *self._constants,
            uuid_array([entry.call_id for entry in taken]),
            bigint_array([entry.version for entry in taken]),
            text_array([entry.event.TOPIC for entry in taken if entry.event]),
            bytea_array([entry.state for entry in taken]),
            *budgets.moves().parameters(),
        )


def _decide(
    batch: Sequence[Entry], asked: Sequence[Asked | None], budgets: Budgets
) -> None:
    """Each entry becomes what the budgets say, in the order in which they came."""
    for entry, one in zip(batch, asked, strict=True):
        match one:
            case None:
                continue
            case CallSettled() | CallAbandoned() | CallCorrected():
                budgets.book(one.bookings)
            case _:
                entry.becomes(budgets.decided(one))


def _written(batch: Sequence[Entry], rows: PGresult) -> list[Written]:
    value, number = rows.get_value, int.from_bytes
    written = [number(value(nth, 0) or b"", "big") for nth in range(rows.ntuples)]
    if len(written) == len(batch):  # the usual case
        return [*written]
    positions = iter(written)
    return [_missed(entry) or next(positions) for entry in batch]


def _asked(entry: Entry) -> Asked | None:
    """What the budgets are asked for the entry; None: they have no say."""
    match entry.event:
        case CallSettled() | CallAbandoned() | CallCorrected():
            return entry.event
        case _:  # also what the budgets decided in a try that came to nothing
            return entry.asks


def _missed(entry: Entry) -> Missed | None:
    """Why nothing is recorded of it; None: something is."""
    decided = entry.decided
    if decided is None or decided.event is not None:
        return None
    return Missed.ELSEWHERE if decided.anywhere else Missed.DENIED


def _rows(result: PGresult) -> list[tuple[Any, ...]]:
    reader = Transformer()
    reader.set_pgresult(result)
    return reader.load_rows(0, result.ntuples, tuple)
