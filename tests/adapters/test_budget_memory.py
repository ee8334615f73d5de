"""What a process remembers of balances saves it a round trip, and never decides a call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.pq.abc import PGresult

from adapters.postgres.budget_memory import LONGEST_REST
from adapters.postgres.budget_writer import STATEMENTS as BUDGETS
from adapters.postgres.budget_writer import BudgetWriter
from adapters.postgres.call_entry import Entry
from adapters.postgres.call_writer import STATEMENTS as CALLS
from adapters.postgres.database import connection_info
from adapters.postgres.pipeline import Pipeline, Step
from domain.budgets import Wants
from domain.calls import CallEvent, outcome_of
from domain.holds import Hold, bookings_of
from domain.quotas import ScopeKind
from tests.adapters.budgets import balances, change_quota, folded, set_quota, wanting
from tests.projections.given import facts, settled, tokens

pytestmark = pytest.mark.anyio

LOOKED_UP = ["begin", "lock_budgets", "write_calls", "commit"]
REMEMBERED = ["write_as_seen"]

Admitted = tuple[UUID, tuple[Hold, ...]]  # none: it was refused


class Heard(Pipeline):
    """Keeps the names of what it ran."""

    ran: list[str]

    async def _run(self, *steps: Step) -> list[PGresult]:
        self.ran += [name.decode() for name, _ in steps]
        return await super()._run(*steps)


class Process:
    """One that writes calls, each in a batch of its own; `ran` is what the last took."""

    def __init__(self, pipeline: Heard, process_id: UUID) -> None:
        self._pipeline = pipeline
        self._id = process_id
        self._writer = BudgetWriter(process_id)
        self.ran: list[str] = []

    async def admit(self) -> Admitted:
        asks = wanting(facts(), process=self._id)  # 10 and 20 tokens
        self._pipeline.ran = self.ran = []
        event = await self._written(uuid4(), asks.event, asks=asks)
        return uuid4(), getattr(event, "holds", ())

    async def settle(self, call: Admitted) -> None:
        """The call has used 6 tokens."""
        end = settled(facts(), tokens(1, 5))
        bookings = bookings_of(call[1], outcome_of(end))
        self._pipeline.ran = self.ran = []
        await self._written(call[0], replace(end, bookings=bookings), version=2)

    async def admit_at_once(self, calls: int) -> list[Admitted]:
        """Each in a batch of its own that does not wait for the one before it."""
        self._pipeline.ran = self.ran = []
        wants = [wanting(facts(), process=self._id) for _ in range(calls)]
        events = await asyncio.gather(
            *(self._written(uuid4(), asks.event, asks=asks) for asks in wants)
        )
        return [(uuid4(), getattr(event, "holds", ())) for event in events]

    async def _written(
        self,
        call_id: UUID,
        event: CallEvent,
        *,
        version: int = 1,
        asks: Wants | None = None,
    ) -> CallEvent | None:
        one = Entry(
            call_id=call_id,
            version=version,
            event=event,
            since=0,
            tries_on=True,
            done=asyncio.get_running_loop().create_future(),
            asks=asks,
        )
        (became,) = await self._writer.write(self._pipeline, [one])
        assert isinstance(became, int)
        return one.event


@asynccontextmanager
async def process(url: str) -> AsyncIterator[Process]:
    process_id = uuid4()
    with psycopg.connect(url) as connection:
        lease = "INSERT INTO call_lease VALUES (%s, now() + interval '1 hour', 0)"
        connection.execute(lease, (process_id,))
    conninfo = connection_info(url, role="clawbot_proxy")
    pipeline = await Heard.opened(conninfo, CALLS | BUDGETS, within_seconds=5)
    assert isinstance(pipeline, Heard)
    try:
        yield Process(pipeline, process_id)
    finally:
        pipeline.close()


async def test_balances_that_nobody_else_moves_are_looked_up_once(
    database_url: str,
) -> None:
    quota = set_quota(database_url, 100)
    async with process(database_url) as alone:
        first = await alone.admit()
        assert alone.ran == LOOKED_UP
        second = await alone.admit()
        assert alone.ran == REMEMBERED
        await alone.settle(first)
        assert alone.ran == REMEMBERED
        _, (hold,) = await alone.admit()
        assert alone.ran == REMEMBERED
    assert (second[1][0].held, second[1][0].settled) == (30, 0)
    assert (hold.held, hold.settled) == (30, 6)
    ((window, balance),) = balances(database_url).items()
    assert (window[0], balance.held, balance.settled) == (quota, 60, 6)
    assert folded(database_url).by_window == balances(database_url)


def sooner(url: str, _quota: UUID) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE quota_balance SET held = held + 80")


def raised(url: str, quota: UUID) -> None:
    with psycopg.connect(url) as connection:
        connection.execute(
            "UPDATE quota SET raised_by = 7, raised_until = now() + interval '1 hour'"
            " WHERE quota_id = %s",
            (quota,),
        )


def joined(url: str, _quota: UUID) -> None:
    set_quota(url, 27, scope=ScopeKind.BOT, scope_id=str(facts().bot_id))


@pytest.mark.parametrize(
    ("change", "amounts"),
    [
        pytest.param(sooner, [], id="another process has held the rest"),
        pytest.param(lambda url, one: change_quota(url, one, 88), [28], id="lowered"),
        pytest.param(lambda url, one: change_quota(url, one, 10), [], id="too low"),
        pytest.param(raised, [30], id="raised"),
        pytest.param(lambda url, one: change_quota(url, one, None), [], id="removed"),
        pytest.param(joined, [27, 27], id="another quota, with room for less"),
    ],
)
async def test_a_call_is_decided_on_what_is_so_whatever_was_remembered(
    database_url: str, change: Callable[[str, UUID], None], amounts: list[int]
) -> None:
    quota = set_quota(database_url, 100)
    async with process(database_url) as one:
        await one.admit()
        await one.admit()
        change(database_url, quota)
        _, holds = await one.admit()
        assert one.ran == [*REMEMBERED, *LOOKED_UP]
    assert [hold.amount for hold in holds] == amounts


async def test_a_batch_is_decided_on_what_the_one_before_it_will_leave(
    database_url: str,
) -> None:
    set_quota(database_url, 120)
    async with process(database_url) as alone:
        await alone.admit()
        calls = await alone.admit_at_once(4)
        assert alone.ran == 4 * REMEMBERED
    before = [[(hold.held, hold.amount) for hold in holds] for _, holds in calls]
    assert before == [[(30, 30)], [(60, 30)], [(90, 30)], []]
    assert folded(database_url).by_window == balances(database_url)


async def test_where_one_batch_is_not_written_no_batch_behind_it_is_as_decided(
    database_url: str,
) -> None:
    quota = set_quota(database_url, 100)
    async with process(database_url) as one:
        await one.admit()
        sooner(database_url, quota)  # 80 more are held: no room any more
        calls = await one.admit_at_once(3)
        assert sorted(one.ran) == sorted(3 * [*REMEMBERED, *LOOKED_UP])
        assert [holds for _, holds in calls] == [(), (), ()]
        change_quota(database_url, quota, 200)
        calls = await one.admit_at_once(4)
    before = [[(hold.held, hold.amount) for hold in holds] for _, holds in calls]
    assert before == [[(110, 30)], [(140, 30)], [(170, 30)], []]
    [balance] = balances(database_url).values()
    assert balance.held == 200


async def test_who_shares_a_balance_tries_less_and_less_often(database_url: str) -> None:
    set_quota(database_url, 10**6)
    tried = 0
    async with process(database_url) as one, process(database_url) as other:
        for _ in range(LONGEST_REST):
            await one.admit()
            tried += one.ran[:1] == REMEMBERED
            await other.admit()
        assert 2 <= tried <= 7
    assert folded(database_url).by_window == balances(database_url)


async def test_a_window_that_has_ended_is_remembered_by_nobody(database_url: str) -> None:
    set_quota(database_url, 100)
    async with process(database_url) as one:
        await one.admit()
        with psycopg.connect(database_url) as connection:
            connection.execute(
                "CREATE OR REPLACE FUNCTION quota_now() RETURNS timestamptz LANGUAGE sql"
                " AS $$ SELECT timestamptz 'epoch' - interval '1 second' $$"
            )
        await one.admit()
        assert one.ran == [*REMEMBERED, *LOOKED_UP]
