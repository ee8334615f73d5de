"""What the server is told, and when: a stream's headers at once, others with their body."""

from __future__ import annotations

import asyncio

import pytest

from proxy.client import Client
from proxy.incoming import Message

pytestmark = pytest.mark.anyio

HEADERS = [(b"content-length", b"2")]
HEAD = {"type": "http.response.start", "status": 200, "headers": HEADERS}


class Server:
    """Takes what it is sent; the client behind it says nothing more."""

    def __init__(self) -> None:
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    async def receive(self) -> Message:
        await asyncio.Event().wait()
        raise AssertionError


def body(piece: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": more}


async def test_headers_wait_for_the_first_piece() -> None:
    server = Server()
    client = Client(server.receive, server.send)
    await client.start(200, HEADERS)
    assert server.sent == []
    await client.put(b"o")
    assert server.sent == [HEAD, body(b"o", more=True)]
    await client.finish(b"k")
    await client.close()
    assert server.sent == [HEAD, body(b"o", more=True), body(b"k", more=False)]


async def test_headers_go_with_the_last_piece_where_that_is_all() -> None:
    server = Server()
    client = Client(server.receive, server.send)
    await client.start(200, HEADERS)
    await client.finish(b"ok")
    await client.close()
    assert server.sent == [HEAD, body(b"ok", more=False)]


async def test_the_headers_of_a_stream_do_not_wait() -> None:
    server = Server()
    client = Client(server.receive, server.send)
    client.watch()
    await client.start(200, HEADERS)
    assert server.sent == [HEAD]
    await client.close()
    assert server.sent == [HEAD]


async def test_the_headers_of_a_stream_that_is_all_there_go_with_it() -> None:
    server = Server()
    client = Client(server.receive, server.send)
    client.watch()
    await client.start(200, HEADERS, whole=True)
    assert server.sent == []
    await client.finish(b"ok")
    await client.close()
    assert server.sent == [HEAD, body(b"ok", more=False)]


async def test_an_answer_that_was_begun_and_never_ended_is_seen_to_break_off() -> None:
    server = Server()
    client = Client(server.receive, server.send)
    await client.start(200, HEADERS)
    await client.close()
    assert server.sent == [HEAD]


async def test_nothing_is_said_where_nothing_was_begun() -> None:
    server = Server()
    await Client(server.receive, server.send).close()
    assert server.sent == []
