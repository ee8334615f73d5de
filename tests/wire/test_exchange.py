"""What an application says, as the bytes that a client gets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from adapters.http.exchange import BODY_FOLLOWS, Application, Exchange
from adapters.http.head import read_head
from adapters.http.limits import HttpLimits

pytestmark = pytest.mark.anyio

PLAIN = [(b"content-type", b"text/plain")]
SIZED = [*PLAIN, (b"content-length", b"5")]
Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]


class Line:
    """Keeps what is written, each write by itself, and how it ended."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()
        self.loop = asyncio.get_running_loop()
        self.writes: list[bytes] = []
        self.ended: list[str] = []
        self.has_room = True

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def room(self) -> asyncio.Future[None] | None:
        return None

    def read_on(self) -> None:
        self.ended.append("read on")

    def may_stay(self) -> bool:
        return True

    def answered(self, *, stays: bool) -> None:
        self.ended.append("stays" if stays else "closes")

    def switch(self) -> None:
        self.ended.append("switched")

    def refuse(self, status: int) -> None:
        self.ended.append(f"refused {status}")

    def cut(self, *, at_once: bool) -> None:
        self.ended.append("aborted" if at_once else "cut")


def begun(line: Line, first: bytes = b"GET / HTTP/1.1", *more: bytes) -> Exchange:
    block = b"\r\n".join((first, b"host: a", *more, b"", b""))
    return Exchange(read_head(block, HttpLimits()), line)


async def answered(*messages: Any, first: bytes = b"GET / HTTP/1.1") -> Line:
    """What becomes of an application that sends these and returns, or raises them."""

    async def application(_scope: Any, _receive: Any, send: Send) -> None:
        for message in messages:
            if isinstance(message, Exception):
                raise message
            await send(message)

    return await run(application, first)


async def run(application: Application, first: bytes = b"GET / HTTP/1.1") -> Line:
    line = Line()
    exchange = begun(line, first)
    exchange.end()
    await exchange.run(application, {})
    await asyncio.sleep(0)
    return line


def start(headers: list[tuple[bytes, bytes]], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def test_head_and_body_that_come_together_go_out_in_one_write() -> None:
    line = await answered(start(SIZED), piece(b"hello"))
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\n"
    assert line.writes == [head + b"hello"]
    assert line.ended == ["stays"]


async def test_a_head_whose_body_is_yet_to_come_does_not_wait_for_it() -> None:
    line = Line()

    async def application(_scope: Any, _receive: Any, send: Send) -> None:
        await send(start(PLAIN))
        await asyncio.sleep(0.01)
        assert len(line.writes) == 1
        await send(piece(b"hello", more=True))
        await send(piece(b""))

    exchange = begun(line)
    exchange.end()
    await exchange.run(application, {})
    assert line.writes[0].endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert line.writes[1:] == [b"5\r\nhello\r\n", b"0\r\n\r\n"]
    assert line.ended == ["stays"]


async def test_a_head_whose_body_is_announced_goes_out_with_it() -> None:
    line = Line()

    async def application(_scope: Any, _receive: Any, send: Send) -> None:
        await send({**start(SIZED), BODY_FOLLOWS: True})
        await asyncio.sleep(0.01)
        assert not line.writes
        await send(piece(b"hello"))

    exchange = begun(line)
    exchange.end()
    await exchange.run(application, {})
    (written,) = line.writes
    assert written.endswith(b"content-length: 5\r\n\r\nhello")


async def test_an_answer_that_is_all_there_goes_out_in_no_task_s_turn() -> None:
    line = Line()
    exchange = begun(line)
    exchange.end()
    assert exchange.answer(200, SIZED, b"hello")
    (written,) = line.writes
    assert written.endswith(b"content-length: 5\r\n\r\nhello")
    assert line.ended == ["stays"]


async def test_an_answer_waits_for_room_as_every_piece_does() -> None:
    line = Line()
    exchange = begun(line)
    exchange.end()
    line.has_room = False
    assert not exchange.answer(200, SIZED, b"hello")
    assert not line.writes
    assert not exchange.started


async def test_an_answer_that_was_begun_is_not_begun_again() -> None:
    line = Line()
    exchange = begun(line)
    exchange.end()
    await exchange.send({**start(SIZED), BODY_FOLLOWS: True})
    assert not exchange.answer(200, SIZED, b"hello")


async def test_a_body_that_came_with_its_head_is_received_whole() -> None:
    received: list[Any] = []

    async def application(_scope: Any, receive: Receive, send: Send) -> None:
        received.append(await receive())
        await send(start(SIZED))
        await send(piece(b"hello"))

    exchange = begun(Line(), b"POST / HTTP/1.1", b"content-length: 3")
    exchange.end(b"abc")
    await exchange.run(application, {})
    assert received == [{"type": "http.request", "body": b"abc", "more_body": False}]


async def test_without_a_length_http_1_0_reads_until_the_end() -> None:
    line = await answered(start(PLAIN), piece(b"hello"), first=b"GET / HTTP/1.0")
    assert b"".join(line.writes).endswith(b"connection: close\r\n\r\nhello")
    assert line.ended == ["closes"]


@pytest.mark.parametrize(
    ("status", "first"), [(200, b"HEAD / HTTP/1.1"), (204, b"GET / HTTP/1.1")]
)
async def test_an_answer_that_has_no_body_says_its_head_only(
    status: int, first: bytes
) -> None:
    line = await answered(start(SIZED, status), piece(b"hello"), first=first)
    assert b"".join(line.writes).endswith(b"content-length: 5\r\n\r\n")
    assert line.ended == ["stays"]


@pytest.mark.parametrize(
    "headers", [[(b"Content-Length", b"5")], [*SIZED, (b"transfer-encoding", b"chunked")]]
)
async def test_an_answer_is_framed_in_one_way(headers: list[tuple[bytes, bytes]]) -> None:
    line = await answered(start(headers), piece(b"hello"))
    assert b"transfer-encoding" not in line.writes[0]
    assert line.writes[0].endswith(b"\r\n\r\nhello")


async def test_the_application_may_ask_for_the_connection_to_end() -> None:
    line = await answered(start([*SIZED, (b"connection", b"close")]), piece(b"hello"))
    assert line.writes[0].count(b"connection: close") == 1
    assert line.ended == ["closes"]


@pytest.mark.parametrize(
    ("messages", "end"),
    [
        ([], "refused 500"),
        ([ValueError("a bug")], "refused 500"),
        ([start([(b"x-a", b"1\r\nx-b: 2")])], "refused 500"),
        ([start([(b"x-a\n", b"1")])], "refused 500"),
        ([start([(b"x-a", b"\0")])], "refused 500"),
        ([start(SIZED)], "cut"),
        ([start(SIZED), piece(b"hello!")], "cut"),
        ([start(SIZED), piece(b"hell")], "cut"),
        ([start(PLAIN), piece(b"hello", more=True), ValueError("a bug")], "cut"),
    ],
)
async def test_an_answer_that_has_no_end_is_seen_to_have_none(
    messages: list[Any], end: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        line = await answered(*messages)
    assert line.ended == [end]
    assert not b"".join(line.writes).endswith(b"0\r\n\r\n")


async def test_where_only_the_end_would_end_it_a_cut_is_no_end() -> None:
    line = await answered(start(PLAIN), piece(b"hello", more=True), first=b"GET / HTTP/1.0")
    assert line.ended == ["aborted"]


async def test_a_body_comes_as_it_came_and_then_the_client_leaves() -> None:
    line = Line()
    exchange = begun(line, b"POST / HTTP/1.1", b"content-length: 6")
    exchange.put(b"ab")
    exchange.put(b"cd")
    got = [await exchange.receive()]
    exchange.put(b"ef")
    exchange.end()
    got.append(await exchange.receive())
    exchange.leave()
    got.append(await exchange.receive())
    assert got == [
        {"type": "http.request", "body": b"abcd", "more_body": True},
        {"type": "http.request", "body": b"ef", "more_body": False},
        {"type": "http.disconnect"},
    ]
    assert line.ended == ["read on"]


async def test_who_is_gone_is_told_nothing() -> None:
    line = Line()
    exchange = begun(line)
    exchange.end()
    exchange.lose()
    assert await exchange.receive() == {"type": "http.disconnect"}
    await exchange.send(start(SIZED))
    await exchange.send(piece(b"hello"))
    assert (line.writes, line.ended) == ([], [])


async def test_pieces_of_a_begun_answer_go_out_without_a_wait_while_there_is_room() -> None:
    line = Line()
    exchange = begun(line)
    exchange.end()
    assert not exchange.pass_on(b"")  # its head is to come
    await exchange.send({"type": "http.response.start", "status": 200, "headers": PLAIN})
    assert exchange.pass_on(b"")
    assert exchange.pass_on(b"one")
    line.has_room = False
    assert not exchange.pass_on(b"two")
    line.has_room = True
    assert exchange.pass_on(b"")
    assert b"".join(line.writes).endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n")
    exchange.lose()
    written = len(line.writes)
    assert not exchange.pass_on(b"three")
    assert len(line.writes) == written
