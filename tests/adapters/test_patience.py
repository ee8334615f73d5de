"""Many waits with one timer: each ends in its own time."""

from __future__ import annotations

import asyncio
import time

import pytest

from adapters.patience import Patience
from domain.errors import Unavailable

pytestmark = pytest.mark.anyio


async def seconds_until_it_gives_up(patience: Patience, within: float) -> float:
    began = time.monotonic()
    never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(2):
        with pytest.raises(Unavailable):
            await patience.wait(never, within_seconds=within)
    return time.monotonic() - began


async def test_each_wait_ends_in_its_own_time_whichever_began_first() -> None:
    patience, limits = Patience(), (0.3, 0.05, 0.2, 0.1)
    waits = [seconds_until_it_gives_up(patience, limit) for limit in limits]
    for lasted, limit in zip(await asyncio.gather(*waits), limits, strict=True):
        assert limit - 0.01 < lasted < limit + 0.09
    assert await seconds_until_it_gives_up(patience, 0) < 0.09


async def test_an_answer_in_time_is_the_answer_and_its_time_concerns_nobody() -> None:
    patience, loop = Patience(), asyncio.get_running_loop()
    answer = loop.create_future()
    loop.call_later(0.02, answer.set_result, 7)
    assert await patience.wait(answer, within_seconds=0.05) == 7
    other = loop.create_future()
    loop.call_later(0.1, other.set_result, 8)
    assert await patience.wait(other, within_seconds=5) == 8
    patience.stop()


async def test_who_is_cancelled_while_waiting_is_forgotten() -> None:
    patience = Patience()
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(patience.wait(answer, within_seconds=0.05))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0.1)
    assert answer.cancelled()
