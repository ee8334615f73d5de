"""A connection in this process, for what the shipped processes cannot be made to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from adapters.http import Connection, HttpLimits, Peers
from adapters.http.exchange import Application

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024
REQUEST = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LAST_ANSWER = ANSWER.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")


async def say_ok(send: Any) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})


@asynccontextmanager
async def serving(
    application: Application, limits: HttpLimits | None = None
) -> AsyncIterator[tuple[int, ServerState]]:
    """A port with the application behind it, and what uvicorn knows of its connections."""
    limits = limits or HttpLimits()
    config = uvicorn.Config(application, lifespan="off", log_config=None)
    config.load()
    state, peers = ServerState(), Peers(limits)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(config, state, {}, limits=limits, peers=peers), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1], state
    finally:
        server.close()
        for connection in list(state.connections):
            connection._transport.abort()  # type: ignore[union-attr] # noqa: SLF001
        await asyncio.sleep(0.05)


@asynccontextmanager
async def connected(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        await asyncio.sleep(0)


async def test_a_body_that_nobody_takes_is_not_read_on() -> None:
    held: list[int] = []

    async def application(_scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.3)
        held.append(len((await receive())["body"]))
        while (await receive())["more_body"]:
            pass
        await say_ok(send)

    async with serving(application) as (port, _), connected(port) as (reader, writer):
        writer.write(
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (8 * MIB)
        )
        writer.write(b"a" * (8 * MIB))
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 5) == ANSWER
    assert held[0] < MIB  # one read beyond the limit at most


async def test_who_stops_serving_answers_what_has_begun_and_nothing_else() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        begun.set()
        await go_on.wait()
        await say_ok(send)

    async with (
        serving(application) as (port, state),
        connected(port) as (busy, busy_writer),
        connected(port) as (idle, _),
    ):
        busy_writer.write(REQUEST * 2)
        await asyncio.wait_for(begun.wait(), 5)
        while len(state.connections) < 2:  # noqa: ASYNC110  # a look every 5 ms is plenty
            await asyncio.sleep(0.005)
        for connection in list(state.connections):
            connection.shutdown()
        assert await asyncio.wait_for(idle.read(), 5) == b""
        go_on.set()
        assert await asyncio.wait_for(busy.read(), 5) == LAST_ANSWER


async def test_a_request_under_way_has_no_deadline_of_ours() -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await asyncio.sleep(0.4)
        await say_ok(send)

    limits = HttpLimits(head_seconds=0.1, keep_alive_seconds=0.1, body_seconds=0.1)
    async with (
        serving(application, limits) as (port, _),
        connected(port) as (
            reader,
            writer,
        ),
    ):
        writer.write(REQUEST)
        assert await asyncio.wait_for(reader.read(), 5) == ANSWER


async def test_the_time_that_we_take_to_read_is_not_the_clients() -> None:
    async def application(_scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(0.5)
        while (await receive())["more_body"]:
            pass
        await say_ok(send)

    limits = HttpLimits(body_seconds=0.2, pace_seconds=0.1)
    async with (
        serving(application, limits) as (port, _),
        connected(port) as (
            reader,
            writer,
        ),
    ):
        writer.write(
            b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % (8 * MIB)
        )
        writer.write(b"a" * (8 * MIB))
        assert await asyncio.wait_for(reader.readexactly(len(ANSWER)), 5) == ANSWER


async def test_every_place_that_was_taken_is_given_back() -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await say_ok(send)

    limits = HttpLimits(connections=1)
    async with serving(application, limits) as (port, state):
        for _ in range(3):
            async with connected(port) as (reader, writer):
                writer.write(REQUEST)
                answer = await asyncio.wait_for(reader.readexactly(len(ANSWER)), 5)
                assert answer == ANSWER
            while state.connections:  # noqa: ASYNC110  # a look every 5 ms is plenty
                await asyncio.sleep(0.005)
