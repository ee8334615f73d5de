"""The meter where a commit takes longer than anybody waits for it, or nobody waits at all.

It lands all the same: who asked twice hears that it is there, and what nobody will carry
out has an end, so that it holds nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.postgres.meter import PostgresMeter
from domain.budgets import Granted
from domain.calls import CallAdmitted, CallRefused, CallSettled
from domain.errors import Unavailable
from domain.holds import Balance
from tests.adapters.budgets import set_quota, wanting
from tests.adapters.test_meter import (
    PATIENCE,
    REFUSED,
    come,
    history,
    log_locked,
    metering,
    rows,
)
from tests.adapters.test_meter_budgets import admit, only_balance, settle
from tests.faults.gate import Gate
from tests.projections.given import facts

pytestmark = pytest.mark.anyio

LATE = 1.9  # seconds: longer than a batch is waited for
IN_TIME = 0.9  # shorter than a batch waits for what another one has locked


@contextmanager
def slow_commit(url: str, topic: str, seconds: float) -> Iterator[None]:
    """The next commit of such an event takes so long, as on a disk that stalls."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "CREATE SEQUENCE stalled; GRANT USAGE ON SEQUENCE stalled TO PUBLIC;"
            "CREATE FUNCTION stall() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN"
            " IF nextval(''public.stalled'') = 1 THEN"
            f" PERFORM pg_sleep({seconds}); END IF; RETURN NULL; END';"
            "CREATE CONSTRAINT TRIGGER stall AFTER INSERT ON calls_events"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
            f" WHEN (NEW.topic = '{topic}') EXECUTE FUNCTION stall()"
        )
        yield


async def seen(url: str, query: str) -> None:
    """The database says yes."""
    deadline = time.monotonic() + PATIENCE
    while True:
        if rows(url, query) == [(True,)]:
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def stalled(url: str) -> None:
    """That commit is under way."""
    await seen(url, "SELECT is_called FROM stalled")


async def learned(meter: PostgresMeter) -> None:
    """The meter knows that the team has quotas; 2 are used."""
    await settle(meter, (await admit(meter))[0], 1, 1)


def admitting(meter: PostgresMeter, into: int = 10) -> tuple[UUID, asyncio.Task[Granted]]:
    """A call that asks to be admitted."""
    call_id, asks = uuid4(), wanting(facts(), into, 20, process=meter.process_id)
    return call_id, asyncio.create_task(meter.admit(call_id, asks.event, asks))


async def lease_moves_on(url: str) -> None:
    """The lease tells that no call is open: the reaper need not look so far back."""
    head = "(SELECT max(notification_id) FROM calls_events)"
    await seen(url, f"SELECT open_since = {head} FROM call_lease")


async def test_an_end_whose_commit_is_late_is_no_error_for_who_waits(
    database_url: str,
) -> None:
    set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        await learned(meter)
        call = await admit(meter)
        with slow_commit(database_url, "call.settled", LATE):
            await settle(meter, call[0], 10, 10)
        await come(database_url, call[0], CallAdmitted, CallSettled)
        assert meter.open_calls == 0
    assert only_balance(database_url) == Balance(settled=22, held=0)


async def test_an_admission_that_meets_itself_is_unavailable_and_holds_nothing(
    database_url: str,
) -> None:
    """Its line was cut, so it is tried again at once; by then the first try has landed."""
    set_quota(database_url, 1000)
    server = urlsplit(database_url)
    gate = Gate(server.hostname or "", server.port or 0)
    behind = database_url.replace(f":{server.port}", f":{gate.port}")
    async with metering(behind) as meter:
        await learned(meter)
        with slow_commit(database_url, "call.admitted", IN_TIME):
            call_id, waiting = admitting(meter)
            await stalled(database_url)
            await asyncio.to_thread(gate.shut)
            gate.open()
            with pytest.raises(Unavailable):
                await waiting
        await come(database_url, call_id, CallAdmitted, CallSettled)
        await learned(meter)
        assert meter.open_calls == 0
        assert only_balance(database_url) == Balance(settled=4, held=0)
        await lease_moves_on(database_url)
    gate.shut()


async def test_a_refusal_that_landed_late_leaves_nothing_open(database_url: str) -> None:
    set_quota(database_url, 32)
    async with metering(database_url) as meter:
        await learned(meter)
        with slow_commit(database_url, "call.refused", LATE):
            call_id, waiting = admitting(meter, into=20)
            with pytest.raises(Unavailable):
                await waiting
        await come(database_url, call_id, CallRefused)
        await learned(meter)
        await lease_moves_on(database_url)


async def test_what_is_cancelled_while_it_asks_holds_nothing(database_url: str) -> None:
    set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        await learned(meter)
        with log_locked(database_url):
            call_id, waiting = admitting(meter)
            await asyncio.sleep(0.2)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await come(database_url, call_id, CallAdmitted, CallSettled)
        assert meter.open_calls == 0
    assert only_balance(database_url) == Balance(settled=2, held=0)


async def test_what_is_cancelled_before_it_was_asked_is_not_on_record(
    database_url: str,
) -> None:
    async with metering(database_url) as meter:
        with log_locked(database_url):
            before = asyncio.create_task(meter.refuse(uuid4(), REFUSED))
            await asyncio.sleep(0.1)  # it is being written
            call_id, waiting = admitting(meter)
            await asyncio.sleep(0)
            waiting.cancel()
        await before
        await admit(meter)
    assert history(database_url, call_id) == []
