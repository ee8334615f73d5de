"""Deadlines, and how much is held while one side is slow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from domain.destinations import Origin
from proxy.connection import UPLOAD_PIECE
from proxy.upstream import Limits, UpstreamCut, UpstreamError
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

HEADERS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"
LATE = 0.4  # seconds that a deadline may be late on a busy machine


@pytest.fixture(scope="module", params=BOTH_LOOPS, ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@asynccontextmanager
async def taking(seconds: float) -> AsyncIterator[None]:
    """The block takes that long, and not much longer."""
    started = time.monotonic()
    yield
    assert seconds - 0.01 <= time.monotonic() - started <= seconds + LATE


async def silent(exchange: Exchange) -> None:
    await exchange.reader.read()


async def test_a_connection_that_is_not_made_in_time_is_unreachable() -> None:
    """TLS to somebody who does not speak it: TCP connects, and then nothing."""

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with calling(Limits(connect=0.2)) as upstream, taking(0.2):
        with pytest.raises(UpstreamError) as late:
            await get(upstream, Origin("https", "vendor.test", port))
    assert (late.value.code, late.value.sent) == ("upstream-unreachable", False)
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)


async def test_an_answer_that_does_not_begin_in_time_is_a_timeout() -> None:
    async with vendor(silent) as there, calling(Limits(first_byte=0.2)) as upstream:
        async with taking(0.2):
            with pytest.raises(UpstreamError) as late:
                await get(upstream, there.origin)
        await there.until_open(0)
    assert (late.value.code, late.value.sent) == ("upstream-timeout", True)


async def test_headers_that_dribble_do_not_win_time() -> None:
    async def dribble(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 200 OK\r\nx: ")
        while True:
            await exchange.send(b"y")
            await asyncio.sleep(0.02)

    limits = Limits(first_byte=0.2)
    async with vendor(dribble) as there, calling(limits) as upstream, taking(0.2):
        with pytest.raises(UpstreamError) as late:
            await get(upstream, there.origin)
    assert late.value.code == "upstream-timeout"


async def test_an_answer_that_stalls_is_cut_after_the_idle_time() -> None:
    async def stall(exchange: Exchange) -> None:
        await exchange.send(HEADERS)
        for _ in range(4):
            await exchange.send(b"1\r\nx\r\n")
            await asyncio.sleep(0.1)
        await exchange.reader.read()

    limits = Limits(first_byte=5, idle=0.25)
    async with vendor(stall) as there, calling(limits) as upstream:
        answer = await get(upstream, there.origin)
        async with taking(0.3 + 0.25):
            with pytest.raises(UpstreamCut):
                await whole(answer)
        await there.until_open(0)


async def test_the_whole_call_ends_in_time_however_busy_it_is() -> None:
    async def for_ever(exchange: Exchange) -> None:
        await exchange.send(STREAM)
        while True:
            await exchange.send(b"data: x\n\n")
            await asyncio.sleep(0.02)

    async with (
        vendor(for_ever) as there,
        calling(Limits(total=0.3)) as upstream,
        taking(0.3),
    ):
        with pytest.raises(UpstreamCut):
            await whole(await get(upstream, there.origin))


async def test_deadlines_of_one_call_do_not_reach_into_the_next() -> None:
    limits = Limits(first_byte=0.3, idle=0.3, keepalive=5)
    async with vendor(says(plain())) as there, calling(limits) as upstream:
        for _ in range(4):
            assert await whole(await get(upstream, there.origin)) == b"hello"
            await asyncio.sleep(0.15)
    assert there.connections == 1


async def test_a_slow_reader_bounds_what_is_held_and_loses_nothing() -> None:
    total = 24 * 1024 * 1024
    sent = 0

    async def flood(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.send(STREAM)
        while sent < total:
            await exchange.send(b"x" * 65536)
            sent += 65536
        exchange.writer.close()

    limits = Limits(idle=0.2)
    async with vendor(flood) as there, calling(limits) as upstream:
        answer = await get(upstream, there.origin)
        await asyncio.sleep(
            0.5
        )  # longer than the idle time: it is not the vendor who is slow
        held = answer.unread
        assert limits.unread_bytes < held < limits.unread_bytes + 512 * 1024
        assert sent < total
        await asyncio.sleep(0.1)
        assert answer.unread == held
        assert len(await whole(answer)) == total


async def test_a_pause_of_the_reader_is_not_counted_against_the_vendor() -> None:
    read = asyncio.Event()

    async def two_parts(exchange: Exchange) -> None:
        await exchange.send(STREAM + b"x" * 2000)
        await read.wait()
        await asyncio.sleep(0.25)
        await exchange.send(b"rest")
        exchange.writer.close()

    limits = Limits(idle=0.4, unread_bytes=1000)
    async with vendor(two_parts) as there, calling(limits) as upstream:
        answer = await get(upstream, there.origin)
        await asyncio.sleep(0.3)
        assert len(await answer.read()) == 2000
        read.set()
        assert await whole(answer) == b"rest"


async def test_a_reader_that_never_comes_is_cut_when_the_whole_call_is_over() -> None:
    async def flood(exchange: Exchange) -> None:
        await exchange.send(STREAM)
        while True:
            await exchange.send(b"x" * 65536)

    async with vendor(flood) as there, calling(Limits(idle=0.1, total=0.4)) as upstream:
        async with taking(0.4):
            answer = await get(upstream, there.origin)
            await there.until_open(0)
        with pytest.raises(UpstreamCut):
            await whole(answer)


async def test_a_big_body_arrives_whole_at_a_vendor_that_reads_in_fits() -> None:
    body = bytes(range(256)) * 4096 * 40
    received = bytearray()

    async def in_fits(exchange: Exchange) -> None:
        for part in range(1, 6):
            await asyncio.sleep(0.2)
            while len(received) < part * len(body) // 5:
                received.extend(await exchange.reader.read(1024 * 1024))
        await exchange.send(plain())

    limits = Limits(
        first_byte=0.7
    )  # less than the sending takes, more than any pause in it
    async with (
        vendor(in_fits, reads_bodies=False) as there,
        calling(limits) as upstream,
    ):
        answer = await upstream.send(there.origin, "POST", b"/", [], body)
        assert await whole(answer) == b"hello"
        assert received == body


async def test_a_vendor_that_stops_reading_times_out_and_holds_a_piece_at_most() -> None:
    body = b"x" * (20 * 1024 * 1024)
    limits = Limits(first_byte=0.3)

    async with (
        vendor(_paused, reads_bodies=False) as there,
        calling(limits) as upstream,
    ):
        call = asyncio.create_task(upstream.send(there.origin, "POST", b"/", [], body))
        await there.until_open(1)
        await asyncio.sleep(0.15)
        (connection,) = upstream._all  # noqa: SLF001  # the transport's buffer shows nowhere else
        held = connection._transport.get_write_buffer_size()  # noqa: SLF001
        assert 0 < held <= UPLOAD_PIECE + 128 * 1024
        with pytest.raises(UpstreamError) as late:
            await call
    assert late.value.code == "upstream-timeout"


async def _paused(exchange: Exchange) -> None:
    exchange.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.sleep(5)


async def test_an_answer_that_comes_before_the_body_is_sent_stops_the_sending() -> None:
    body = b"x" * (20 * 1024 * 1024)

    async def too_large(exchange: Exchange) -> None:
        exchange.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        await exchange.send(b"HTTP/1.1 413 Big\r\ncontent-length: 2\r\n\r\nno")
        await asyncio.sleep(5)

    async with (
        vendor(too_large, reads_bodies=False) as there,
        calling() as upstream,
        asyncio.timeout(2),
    ):
        answer = await upstream.send(there.origin, "POST", b"/", [], body)
        assert (answer.status, await whole(answer)) == (413, b"no")
        assert not upstream._idle  # noqa: SLF001  # half a body was sent on that connection
