"""What is written twice: a GET, over a fresh connection, once; and nothing else."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import Any

import pytest

from proxy.upstream import Limits, UpstreamError
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


async def dies_on_the_second(exchange: Exchange) -> None:
    """The first connection is good for one request and takes one more."""
    if exchange.connection == 1 and exchange.body == b"two":
        exchange.reset()
    else:
        await exchange.send(plain(exchange.body))


async def test_a_get_that_meets_a_dead_connection_is_sent_again_once() -> None:
    async with vendor(dies_on_the_second) as there, calling() as upstream:
        for body in (b"one", b"two"):
            answer = await upstream.send(there.origin, "GET", b"/", [], body)
            assert await whole(answer) == body
    assert [exchange.body for exchange in there.requests] == [b"one", b"two", b"two"]


@pytest.mark.parametrize("header", [(b"x", b"y"), (b"idempotency-key", b"k")])
async def test_a_post_that_was_written_is_never_written_again(
    header: tuple[bytes, bytes],
) -> None:
    async with vendor(dies_on_the_second) as there, calling() as upstream:
        await whole(await upstream.send(there.origin, "POST", b"/", [header], b"one"))
        with pytest.raises(UpstreamError) as died:
            await upstream.send(there.origin, "POST", b"/", [header], b"two")
    assert (died.value.code, died.value.sent) == ("upstream-unreachable", True)
    assert [exchange.body for exchange in there.requests] == [b"one", b"two"]


async def test_an_end_that_the_event_loop_has_not_got_to_is_seen_before_writing() -> None:
    async with vendor(says(plain())) as there, calling() as upstream:
        await whole(await upstream.send(there.origin, "POST", b"/", [], b"one"))
        writer = there.requests[0].writer
        handle = os.dup(writer.get_extra_info("socket").fileno())
        with socket.socket(fileno=handle) as of_the_vendor:
            of_the_vendor.shutdown(socket.SHUT_RDWR)  # at once, while we do not look
            await whole(await upstream.send(there.origin, "POST", b"/", [], b"two"))
    seen = [(exchange.connection, exchange.body) for exchange in there.requests]
    assert seen == [(1, b"one"), (2, b"two")]


async def test_a_connection_whose_time_is_over_is_not_used_however_busy_we_were() -> None:
    async with vendor(says(plain())) as there, calling(Limits(keepalive=0.05)) as upstream:
        await whole(await get(upstream, there.origin))
        time.sleep(0.1)  # noqa: ASYNC251  # no timer can have gone off
        await whole(await get(upstream, there.origin))
    assert [exchange.connection for exchange in there.requests] == [1, 2]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"timeout=3, max=100", 2),
        (b"max=5,Timeout=30", 29),
        (b"timeout=3600", 60),
        (b"timeout=1", 0),
        (b"timeout=soon", 4),
        (b"notimeout=9", 4),
    ],
)
async def test_a_connection_is_kept_a_second_less_than_the_vendor_says(
    said: bytes, kept: int
) -> None:
    reply = plain(extra=b"Keep-Alive: %s\r\n" % said)
    async with vendor(says(reply)) as there, calling() as upstream:
        await whole(await get(upstream, there.origin))
        if not kept:
            await there.until_open(0)
            return
        (connection,) = upstream._all  # noqa: SLF001
        left = connection._deadline - asyncio.get_running_loop().time()  # noqa: SLF001
        assert kept - 0.5 < left <= kept


async def test_a_call_on_a_fresh_connection_is_never_sent_again() -> None:
    async def reset(exchange: Exchange) -> None:
        exchange.reset()

    async with vendor(reset) as there, calling() as upstream:
        with pytest.raises(UpstreamError):
            await get(upstream, there.origin)
    assert len(there.requests) == 1


@pytest.mark.parametrize("second", [b"H", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_call_of_whose_answer_a_byte_came_is_never_sent_again(
    second: bytes,
) -> None:
    async def half(exchange: Exchange) -> None:
        if len(there.requests) == 2:
            await exchange.send(second)
            exchange.writer.close()
        else:
            await exchange.send(plain())

    async with vendor(half) as there, calling() as upstream:
        await whole(await get(upstream, there.origin))
        with pytest.raises(UpstreamError):
            await get(upstream, there.origin)
    assert len(there.requests) == 2


async def test_a_call_that_timed_out_is_never_sent_again() -> None:
    async def silent_the_second_time(exchange: Exchange) -> None:
        if len(there.requests) == 2:
            await exchange.reader.read()
        await exchange.send(plain())

    limits = Limits(first_byte=0.1)
    async with vendor(silent_the_second_time) as there, calling(limits) as upstream:
        await whole(await get(upstream, there.origin))
        with pytest.raises(UpstreamError) as late:
            await get(upstream, there.origin)
    assert late.value.code == "upstream-timeout"
    assert len(there.requests) == 2
