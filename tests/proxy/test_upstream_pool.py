"""Which connection a call goes over, and how long one is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from domain.destinations import Origin
from proxy.answer import Answer
from proxy.connection import Connection
from proxy.upstream import Limits, UpstreamCut
from tests.proxy.scripted import (
    BOTH_LOOPS,
    Exchange,
    calling,
    get,
    plain,
    says,
    vendor,
    whole,
)

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module", params=BOTH_LOOPS, ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_one_call_after_another_shares_a_connection() -> None:
    async with vendor(says(plain())) as there, calling() as upstream:
        for _ in range(5):
            assert await whole(await get(upstream, there.origin)) == b"hello"
        assert (there.connections, there.open) == (1, 1)


async def test_calls_at_once_have_a_connection_each_and_the_last_used_goes_first() -> None:
    go = asyncio.Event()

    async def together(exchange: Exchange) -> None:
        await go.wait()
        await exchange.send(plain(b"%d" % exchange.connection))

    async with vendor(together) as there, calling() as upstream:
        calls = [asyncio.create_task(get(upstream, there.origin)) for _ in range(3)]
        await there.until_open(3)
        go.set()
        answers = await asyncio.gather(*calls)
        assert sorted([await whole(answer) for answer in answers]) == [b"1", b"2", b"3"]
        last = await whole(await get(upstream, there.origin))
        assert await whole(await get(upstream, there.origin)) == last
    assert there.connections == 3


async def test_origins_do_not_share_connections_though_the_address_is_one() -> None:
    async with vendor(says(plain())) as there, calling() as upstream:
        for host in ("a.test", "b.test", "a.test"):
            await whole(await get(upstream, Origin("http", host, there.origin.port)))
    assert [exchange.connection for exchange in there.requests] == [1, 2, 1]


@pytest.mark.parametrize(
    "reply",
    [
        plain(extra=b"connection: close\r\n"),
        plain() + b"more",
        plain() + plain(b"an answer to nobody"),
        plain(extra=b"connection: close\r\n") + b"more",
    ],
    ids=["close", "more bytes", "a second answer", "more after close"],
)
async def test_a_connection_in_doubt_is_not_used_again(reply: bytes) -> None:
    async with vendor(says(reply)) as there, calling() as upstream:
        for _ in range(2):
            assert await whole(await get(upstream, there.origin)) == b"hello"
    assert there.connections == 2


async def test_bytes_that_nobody_asked_for_close_a_kept_connection() -> None:
    later = asyncio.Event()

    async def push(exchange: Exchange) -> None:
        await exchange.send(plain())
        await later.wait()
        await exchange.send(plain(b"forged"))

    async with vendor(push) as there, calling() as upstream:
        await whole(await get(upstream, there.origin))
        later.set()
        await there.until_open(0)
        assert await whole(await get(upstream, there.origin)) == b"hello"


async def test_an_answer_that_was_given_up_closes_its_connection() -> None:
    async def half(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")

    async with vendor(half) as there, calling() as upstream:
        answer = await get(upstream, there.origin)
        answer.abort()
        await there.until_open(0)
        with pytest.raises(UpstreamCut):
            await answer.read()


async def test_giving_up_after_the_end_leaves_the_connection_to_others() -> None:
    async with vendor(says(plain())) as there, calling() as upstream:
        answer = await get(upstream, there.origin)
        assert await whole(answer) == b"hello"
        answer.abort()
        assert await whole(await get(upstream, there.origin)) == b"hello"
    assert there.connections == 1


async def test_a_kept_connection_that_the_vendor_closed_is_forgotten() -> None:
    async with vendor(says(plain(), close=True)) as there, calling() as upstream:
        for _ in range(3):
            assert await whole(await get(upstream, there.origin)) == b"hello"
            await there.until_open(0)
        assert not upstream._idle  # noqa: SLF001  # nor does it take up room
    assert (there.connections, len(there.requests)) == (3, 3)


async def test_an_unused_connection_is_closed_after_its_time() -> None:
    async with vendor(says(plain())) as there, calling(Limits(keepalive=0.1)) as upstream:
        await whole(await get(upstream, there.origin))
        await asyncio.sleep(0.05)
        assert there.open == 1
        await there.until_open(0)


async def test_no_more_connections_are_kept_than_allowed() -> None:
    go = asyncio.Event()

    async def together(exchange: Exchange) -> None:
        await go.wait()
        await exchange.send(plain())

    async with vendor(together) as there, calling(Limits(max_idle=1)) as upstream:
        calls = [asyncio.create_task(get(upstream, there.origin)) for _ in range(3)]
        await there.until_open(3)
        go.set()
        for answer in await asyncio.gather(*calls):
            assert await whole(answer) == b"hello"
        await there.until_open(1)


async def test_a_caller_that_leaves_closes_its_connection_and_no_other() -> None:
    async def silent(exchange: Exchange) -> None:
        if b"/silent" in exchange.head:
            await exchange.reader.read()
        await exchange.send(plain())

    async with vendor(silent) as there, calling() as upstream:
        call = upstream.send(there.origin, "GET", b"/silent", [], b"")
        leaving = asyncio.create_task(call)
        await there.until_open(1)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        await there.until_open(0)
        assert await whole(await get(upstream, there.origin)) == b"hello"


async def test_a_caller_that_leaves_as_its_answer_ends_does_not_cut_the_next_one() -> None:
    """The answer is whole, and its connection is kept, before the caller has noticed."""
    loop = asyncio.get_running_loop()
    calls: list[asyncio.Task[Answer]] = []

    def ask() -> None:
        exchange = connection.exchange(
            b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
            b"",
            head_only=False,
            ends_at=loop.time() + 5,
        )
        calls.append(asyncio.create_task(exchange))

    def on_idle(_: Connection) -> None:
        if len(calls) == 1:
            ask()
            calls[0].cancel()

    async with vendor(says(plain())) as there:
        _, connection = await loop.create_connection(
            lambda: Connection(Limits(), on_idle, lambda _: None),
            "127.0.0.1",
            there.origin.port,
        )
        ask()
        with pytest.raises(asyncio.CancelledError):
            await calls[0]
        assert await whole(await calls[1]) == b"hello"
        connection.abort("the test is over")
        await connection.lost
