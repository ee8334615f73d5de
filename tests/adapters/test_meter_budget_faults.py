"""The meter under quotas when somebody freezes, or comes too late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from adapters.postgres import reaper
from adapters.postgres.balances import PostgresBalances
from adapters.postgres.budget_batch import lock_parameters
from adapters.postgres.budget_writer import STATEMENTS as BUDGETS
from adapters.postgres.call_writer import STATEMENTS as CALLS
from adapters.postgres.database import connection_info
from adapters.postgres.pipeline import Pipeline
from domain.calls import CallAbandoned, CallAdmitted, CallExtended, CallSettled
from domain.errors import Unavailable
from domain.holds import Balance, Booking
from tests.adapters.budgets import reaped, set_quota, wanting
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
        asks = lock_parameters([wanting(facts())])
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
