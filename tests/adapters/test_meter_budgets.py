"""The meter under quotas: never beyond a limit, whoever asks and whatever breaks."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from uuid import UUID, uuid4

import pytest

from adapters.postgres.call_lease import CallLease
from adapters.postgres.meter import PostgresMeter
from domain.budgets import Extension, Granted, Need, QuotaExceeded, UnpricedCall
from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallExtended,
    CallRefused,
    CallSettled,
)
from domain.errors import Unavailable
from domain.holds import Balance, Balances
from domain.quotas import Metric, Mode, ScopeKind, Window
from tests.adapters.budgets import (
    balances,
    change_quota,
    folded,
    reaped,
    set_quota,
    wanting,
)
from tests.adapters.test_meter import PATIENCE, come, history, log_locked, metering
from tests.projections.given import facts, settled, tokens

pytestmark = pytest.mark.anyio

Admitted = tuple[UUID, Granted]


async def admit(meter: PostgresMeter, into: int = 10, most: int = 20) -> Admitted:
    """A call of the team, with what it was granted."""
    call_id, asks = uuid4(), wanting(facts(), into, most, process=meter.process_id)
    return call_id, await meter.admit(call_id, asks.event, asks)


async def settle(meter: PostgresMeter, call_id: UUID, into: int, out: int) -> None:
    end = settled(facts(), tokens(into, out), into + out)
    await meter.settle(call_id, end, within_seconds=PATIENCE)


def more(call: Admitted, output: int) -> Extension:
    return Extension(
        facts=facts(),
        holds=call[1].holds,
        need=Need(
            input_tokens=0,
            least_output=min(output, 1),
            most_output=output,
            cost=lambda _into, out: out,
            requests=0,
        ),
    )


def only_balance(url: str) -> Balance:
    (balance,) = balances(url).values()
    return balance


async def test_a_call_holds_until_it_ends(database_url: str) -> None:
    quota_id = set_quota(database_url, 100)
    async with metering(database_url) as meter:
        call_id, granted = await admit(meter)
        assert only_balance(database_url) == Balance(settled=0, held=30)
        await settle(meter, call_id, 9, 5)
        assert only_balance(database_url) == Balance(settled=14, held=0)
    opened, ended = history(database_url, call_id)
    assert isinstance(opened, CallAdmitted)
    assert isinstance(ended, CallSettled)
    assert opened.holds == granted.holds
    assert [hold.quota_id for hold in opened.holds] == [quota_id]
    assert [(b.released, b.settled) for b in ended.bookings] == [(30, 14)]


async def test_a_refusal_names_the_quota_and_is_on_record(database_url: str) -> None:
    quota_id = set_quota(database_url, 25)
    async with metering(database_url) as meter:
        call_id, asks = uuid4(), wanting(facts())
        with pytest.raises(QuotaExceeded) as refused:
            await meter.admit(call_id, asks.event, asks)
    assert refused.value.hold.quota_id == quota_id
    (event,) = history(database_url, call_id)
    assert event == CallRefused(
        facts=asks.facts, code="quota-exceeded", hold=refused.value.hold
    )
    assert only_balance(database_url) == Balance()


async def test_a_new_limit_is_in_force_for_the_very_next_call(database_url: str) -> None:
    async with metering(database_url) as meter:
        await admit(meter)  # with no quota at all
        quota_id = set_quota(database_url, 0)
        with pytest.raises(QuotaExceeded):
            await admit(meter)
        change_quota(database_url, quota_id, 30)
        await admit(meter)
        with pytest.raises(QuotaExceeded):
            await admit(meter)
        change_quota(database_url, quota_id, None)
        _, granted = await admit(meter)
    assert granted.holds == ()


async def test_a_call_without_a_price_is_refused_where_money_is_limited(
    database_url: str,
) -> None:
    set_quota(database_url, 10**9, Metric.COST_MICRO_USD)

    class Unpriced(type(wanting(facts()))):  # type: ignore[misc]
        def need(self) -> Need:
            return Need(
                input_tokens=1, least_output=1, most_output=1, cost=lambda _i, _o: None
            )

    asks = Unpriced(event=wanting(facts()).event, input_tokens=1, most_output=1)
    async with metering(database_url) as meter:
        with pytest.raises(UnpricedCall):
            await meter.admit(uuid4(), asks.event, asks)


@pytest.mark.parametrize("processes", [1, 2, 8])
async def test_of_100_calls_at_once_with_quota_for_10_ten_are_admitted(
    database_url: str, processes: int
) -> None:
    set_quota(database_url, 10, Metric.REQUESTS, window=Window.DAY)
    async with AsyncExitStack() as stack:
        meters = [
            await stack.enter_async_context(metering(database_url))
            for _ in range(processes)
        ]
        asked = [admit(meters[nth % processes]) for nth in range(100)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
    granted = [answer for answer in answers if isinstance(answer, tuple)]
    assert len(granted) == 10
    assert {type(one) for one in answers if not isinstance(one, tuple)} == {QuotaExceeded}
    assert only_balance(database_url).held == 10


async def test_a_stream_extends_its_hold_until_there_is_no_more(database_url: str) -> None:
    set_quota(database_url, 70)
    async with metering(database_url) as meter:
        call = await admit(meter)
        assert (await meter.extend(call[0], more(call, 30))).output_tokens == 30
        assert (await meter.extend(call[0], more(call, 30))).output_tokens == 10
        with pytest.raises(QuotaExceeded):
            await meter.extend(call[0], more(call, 30))
        await settle(meter, call[0], 10, 60)
    kinds = [type(event) for event in history(database_url, call[0])]
    assert kinds == [CallAdmitted, CallExtended, CallExtended, CallSettled]
    assert only_balance(database_url) == Balance(settled=70, held=0)


async def test_an_end_waits_for_the_extension_under_way(database_url: str) -> None:
    set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        call = await admit(meter)
        extending = asyncio.create_task(meter.extend(call[0], more(call, 30)))
        await asyncio.sleep(0)
        await settle(meter, call[0], 10, 10)
        await extending
    assert only_balance(database_url) == Balance(settled=20, held=0)


async def test_an_abandoned_call_counts_as_all_that_it_held_until_it_is_corrected(
    database_url: str,
) -> None:
    """A proxy that thaws: the reaper was there, and what it booked is put right."""
    set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        call = await admit(meter)
        await meter.extend(call[0], more(call, 30))
        await asyncio.to_thread(reaped, database_url, meter.process_id)
        assert only_balance(database_url) == Balance(settled=60, held=0)
        await settle(meter, call[0], 10, 15)
    *_, abandoned, corrected = history(database_url, call[0])
    assert isinstance(abandoned, CallAbandoned)
    assert isinstance(corrected, CallCorrected)
    assert only_balance(database_url) == Balance(settled=25, held=0)
    assert folded(database_url).by_window == balances(database_url)


async def test_an_admission_that_came_too_late_holds_nothing(database_url: str) -> None:
    set_quota(database_url, 1000)
    async with metering(database_url) as meter:
        await settle(meter, (await admit(meter))[0], 1, 1)
        call_id, asks = uuid4(), wanting(facts())
        with log_locked(database_url), pytest.raises(Unavailable):
            await meter.admit(call_id, asks.event, asks)
        await come(database_url, call_id, CallRefused)
        assert only_balance(database_url) == Balance(settled=2, held=0)


async def test_without_a_lease_nothing_is_held(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_quota(database_url, 1000)
    monkeypatch.setattr(CallLease, "keep", lambda _self: asyncio.sleep(3600))
    async with metering(database_url) as meter:
        with pytest.raises(Unavailable):
            await admit(meter)
    assert all(one == Balance() for one in balances(database_url).values())


async def test_several_processes_and_quotas_never_go_beyond_a_limit(
    database_url: str,
) -> None:
    """At every position of the log; and the fold of the log is the table."""
    limits = {
        set_quota(database_url, 3000): 3000,
        set_quota(database_url, 60, Metric.REQUESTS, window=Window.HOUR): 60,
        set_quota(
            database_url,
            2000,
            Metric.COST_MICRO_USD,
            scope=ScopeKind.BOT,
            scope_id=str(UUID(int=1)),
        ): 2000,
        set_quota(database_url, 5, mode=Mode.NOTIFY): 10**9,
    }
    chance = random.Random(4)

    async def calls(meter: PostgresMeter) -> int:
        refused = 0
        for _ in range(12):
            try:
                into = chance.randrange(50)
                call = await admit(meter, into, chance.randrange(200))
                if chance.random() < 0.3:
                    await meter.extend(call[0], more(call, chance.randrange(1, 90)))
            except QuotaExceeded:
                refused += 1
                continue
            held = call[1].output_tokens or 0
            await settle(meter, call[0], chance.randint(0, into), chance.randint(0, held))
        return refused

    def within(found: Balances) -> None:
        for (quota_id, _), balance in found.by_window.items():
            assert balance.settled + balance.held <= limits[quota_id]
            assert balance.held >= 0

    async with AsyncExitStack() as stack:
        meters = [await stack.enter_async_context(metering(database_url)) for _ in range(3)]
        refused = sum(await asyncio.gather(*(calls(meters[n % 3]) for n in range(12))))
    assert refused
    assert folded(database_url, within).by_window == balances(database_url)
