"""Batches on their way: at most two, and the second only if it is worth a transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import psycopg
import pytest

from adapters.postgres.call_entry import Entry, Written
from adapters.postgres.call_lease import CallLease
from adapters.postgres.call_writer import CallWriter
from adapters.postgres.group_commit import AT_ONCE, PAUSE_SECONDS, SECOND, GroupCommit
from application.watch import NobodyWatches
from domain.calls import CallSettled
from tests.projections.given import facts, settled, tokens

pytestmark = pytest.mark.anyio


class Waiting(CallWriter):
    """Writes a batch when it is told to; each stands behind the one before it."""

    def __init__(self) -> None:
        super().__init__("", uuid4())
        self.on_their_way: list[asyncio.Future[bool]] = []
        self.sizes: list[int] = []
        self.position = 0
        self.tells = True

    async def write(self, batch: list[Entry], *, within_seconds: float) -> list[Written]:
        assert within_seconds > 0
        self.sizes.append(len(batch))
        answer = asyncio.get_running_loop().create_future()
        self.on_their_way.append(answer)
        if not await answer:
            raise psycopg.OperationalError
        first, self.position = self.position + 1, self.position + len(batch)
        return list(range(first, self.position + 1)) if self.tells else []

    async def answer(self, nth: int = 0, *, good: bool = True) -> None:
        self.on_their_way.pop(nth).set_result(good)
        await settle_down()


async def settle_down() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def no_end(entry: Entry, settled: CallSettled) -> None:
    raise AssertionError((entry, settled))


@asynccontextmanager
async def queue() -> AsyncIterator[tuple[GroupCommit, Waiting]]:
    writer = Waiting()
    commit = GroupCommit(writer, CallLease("", uuid4()), NobodyWatches(), no_end)
    running = asyncio.create_task(commit.run())
    await settle_down()
    try:
        yield commit, writer
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def enter(commit: GroupCommit, number: int) -> list[asyncio.Future[int]]:
    event = settled(facts(), tokens(1, 5))
    entries = [commit.enter(uuid4(), 2, event, tries_on=True) for _ in range(number)]
    await settle_down()
    return [entry.done for entry in entries]


async def test_who_comes_first_is_written_at_once() -> None:
    async with queue() as (commit, writer):
        [done] = await enter(commit, 1)
        assert writer.sizes == [1]
        await writer.answer()
        assert done.result() == 1


async def test_a_few_more_wait_until_the_first_are_written() -> None:
    async with queue() as (commit, writer):
        await enter(commit, 1)
        waiting = await enter(commit, SECOND - 1)
        assert writer.sizes == [1]
        await writer.answer()
        assert writer.sizes == [1, SECOND - 1]
        await writer.answer()
        assert [one.result() for one in waiting] == list(range(2, SECOND + 1))


async def test_as_many_as_are_on_their_way_follow_behind_them() -> None:
    async with queue() as (commit, writer):
        await enter(commit, 20)
        await enter(commit, 19)
        assert writer.sizes == [20]
        await enter(commit, 1)
        assert writer.sizes == [20, 20]


async def test_no_more_than_two_are_on_their_way() -> None:
    async with queue() as (commit, writer):
        for _ in range(AT_ONCE):
            await enter(commit, 20)
        last = await enter(commit, 100)
        assert writer.sizes == [20, 20]
        await writer.answer()
        assert writer.sizes == [20, 20, 100]
        await writer.answer()
        await writer.answer()
        assert last[-1].result() == 140


async def test_a_few_that_wait_behind_two_go_with_the_last_of_them_gone() -> None:
    async with queue() as (commit, writer):
        await enter(commit, 20)
        await enter(commit, 20)
        await enter(commit, 1)
        await writer.answer()
        assert writer.sizes == [20, 20]
        await writer.answer()
        assert writer.sizes == [20, 20, 1]


async def test_a_batch_that_fails_is_written_again_behind_the_one_that_did_not() -> None:
    async with queue() as (commit, writer):
        first = await enter(commit, 20)
        second = await enter(commit, 20)
        await writer.answer(good=False)
        await writer.answer()
        assert second[0].result() == 1
        await asyncio.sleep(PAUSE_SECONDS + 0.1)
        assert writer.sizes == [20, 20, 20]
        await writer.answer()
        assert first[-1].result() == 40


async def test_an_answer_that_nobody_can_make_sense_of_fails_its_own_batch_alone() -> None:
    async with queue() as (commit, writer):
        [lost] = await enter(commit, 1)
        writer.tells = False
        await writer.answer()
        assert isinstance(lost.exception(), ValueError)
        writer.tells = True
        [done] = await enter(commit, 1)
        await writer.answer()
        assert done.result() == 2
