"""The meter under quotas that contradict, fall or end; and when somebody comes too late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from adapters.postgres import reaper
from adapters.postgres.balances import PostgresBalances
from adapters.postgres.budget_concerns import concerns_of
from adapters.postgres.budget_writer import STATEMENTS as BUDGETS
from adapters.postgres.call_writer import STATEMENTS as CALLS
from adapters.postgres.database import connection_info
from adapters.postgres.pipeline import Pipeline
from domain.budgets import QuotaExceeded
from domain.calls import CallAbandoned, CallAdmitted, CallExtended, CallSettled
from domain.errors import Unavailable
from domain.holds import Balance, Booking
from domain.quotas import Mode, Window
from tests.adapters.budgets import (
    balances,
    change_quota,
    folded,
    reaped,
    set_quota,
    wanting,
)
from tests.adapters.test_meter import PATIENCE, history, metering
from tests.adapters.test_meter_budgets import admit, more, only_balance, settle
from tests.projections.given import facts

pytestmark = pytest.mark.anyio


async def test_an_end_is_not_disturbed_by_an_extension_that_is_asked_behind_it(
    database_url: str,
) -> None:
    set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        call = await admit(meter)
        settling = asyncio.create_task(settle(meter, call[0], 10, 10))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await meter.extend(call[0], more(call, 30))
        await settling
    kinds = [type(event) for event in history(database_url, call[0])]
    assert kinds == [CallAdmitted, CallSettled]
    assert only_balance(database_url) == Balance(settled=20, held=0)


async def test_a_process_that_freezes_in_a_batch_lets_go_of_its_balances(
    database_url: str,
) -> None:
    """Between the lock and the decision; the others wait for 1.5 s at most."""
    set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        await settle(meter, (await admit(meter))[0], 1, 1)
        frozen = await Pipeline.opened(
            connection_info(database_url, role="clawbot_proxy"),
            CALLS | BUDGETS,
            within_seconds=PATIENCE,
        )
        await frozen.run((b"patience", ()))
        asks = concerns_of([wanting(facts())]).parameters()
        await frozen.run((b"begin", ()), (b"lock_budgets", asks))
        with pytest.raises(Unavailable):
            await admit(meter)
        async with asyncio.timeout(3):
            while True:
                try:
                    await admit(meter)
                except Unavailable:
                    continue
                break
        frozen.close()


async def test_a_call_that_goes_on_while_the_reaper_looks_at_it_is_abandoned_all_the_same(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process thaws, extends the call, and dies: nobody else would come back to it."""
    set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        call = await admit(meter)
        loop = asyncio.get_running_loop()

        class Late(PostgresBalances):
            extended = False

            def move(self, bookings: Iterable[Booking]) -> None:
                if not self.extended:
                    self.extended = True
                    extension = meter.extend(call[0], more(call, 30))
                    asyncio.run_coroutine_threadsafe(extension, loop).result(PATIENCE)
                super().move(bookings)

        monkeypatch.setattr(reaper, "PostgresBalances", Late)
        ended = await asyncio.to_thread(reaped, database_url, meter.process_id)
    assert ended == 1
    kinds = [type(event) for event in history(database_url, call[0])]
    assert kinds == [CallAdmitted, CallExtended, CallAbandoned]
    assert only_balance(database_url) == Balance(settled=60, held=0)


async def test_what_cannot_be_written_down_hurts_nobody_else_in_its_batch(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    set_quota(database_url, 10**6, mode=Mode.NOTIFY)
    async with metering(database_url) as meter:
        before = await admit(meter)
        news = await asyncio.gather(
            admit(meter),
            admit(meter, most=10**30),
            settle(meter, before[0], 1, 2),
            admit(meter),
            return_exceptions=True,
        )
    assert [type(one) for one in news] == [tuple, TypeError, type(None), tuple]
    assert "meter.batch_refused" in caplog.messages
    assert only_balance(database_url) == Balance(settled=3, held=60)
    assert folded(database_url).by_window == balances(database_url)


@pytest.fixture
def clock(database_url: str) -> Iterator[Callable[[timedelta], None]]:
    """The database's clock, as far as windows are asked of it: it can be put on."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE put_on AS SELECT interval '0' AS by;"
            "GRANT SELECT ON put_on TO PUBLIC;"
            "ALTER FUNCTION quota_window RENAME TO quota_window_of;"
            'CREATE FUNCTION quota_window("window" text, time_zone text, "at" timestamptz,'
            "OUT window_start timestamptz, OUT window_end timestamptz) LANGUAGE sql AS "
            "'SELECT * FROM quota_window_of($1, $2, $3 + (SELECT by FROM put_on))';"
            "CREATE OR REPLACE FUNCTION quota_now() RETURNS timestamptz LANGUAGE sql AS "
            "'SELECT now() + by FROM put_on'"
        )

        def put_on(by: timedelta) -> None:
            connection.execute("UPDATE put_on SET by = by + %s", (by,))

        yield put_on


@pytest.mark.parametrize("window", [Window.MINUTE, Window.DAY, Window.MONTH])
async def test_a_call_belongs_to_the_window_of_its_admission_however_long_it_lasts(
    database_url: str, clock: Callable[[timedelta], None], window: Window
) -> None:
    set_quota(database_url, 60, window=window)
    async with metering(database_url) as meter:
        call = await admit(meter)
        end = call[1].holds[0].window_end
        assert end is not None
        clock(end - datetime.now(UTC))
        later = await admit(meter)  # in a window of its own, where all is left
        assert later[1].holds[0].window_start == end
        assert later[1].holds[0].held == 0
        assert (await meter.extend(call[0], more(call, 90))).output_tokens == 30
        with pytest.raises(QuotaExceeded):
            await meter.extend(call[0], more(call, 1))
        await settle(meter, call[0], 10, 50)
        await settle(meter, later[0], 2, 3)
    before, after = sorted(balances(database_url).items(), key=lambda one: one[0][1])
    assert (before[1], after[1]) == (Balance(settled=60), Balance(settled=5))
    assert folded(database_url).by_window == balances(database_url)


async def test_a_limit_below_what_is_used_blocks_and_takes_nothing_back(
    database_url: str,
) -> None:
    quota_id = set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        call, other = await admit(meter), await admit(meter)
        await settle(meter, other[0], 10, 20)
        change_quota(database_url, quota_id, 20)
        with pytest.raises(QuotaExceeded) as refused:
            await admit(meter, 0, 0)
        assert refused.value.hold.limit == 20
        with pytest.raises(QuotaExceeded):
            await meter.extend(call[0], more(call, 1))
        await settle(meter, call[0], 10, 20)
    assert only_balance(database_url) == Balance(settled=60, held=0)


async def test_of_quotas_that_contradict_each_other_the_tightest_holds_for_all(
    database_url: str,
) -> None:
    """Two of one scope: what the one refuses is held of neither."""
    wide = set_quota(database_url, 1000)
    tight = set_quota(database_url, 40, window=Window.DAY)
    async with metering(database_url) as meter:
        _, granted = await admit(meter, 10, 500)
        assert granted.output_tokens == 30
        with pytest.raises(QuotaExceeded) as refused:
            await admit(meter)
    assert refused.value.hold.quota_id == tight
    held = {quota_id: one.held for (quota_id, _), one in balances(database_url).items()}
    assert held == {wide: 40, tight: 40}
