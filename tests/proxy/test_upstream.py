"""The client against a real server that answers well, badly and not at all."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from typing import Any

import pytest

from domain.destinations import DestinationIsNotPublic, Origin
from domain.errors import Unavailable
from proxy.upstream import Limits, Upstream, UpstreamCut, UpstreamError
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

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
STREAM = OK + b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.fixture(scope="module", params=BOTH_LOOPS, ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


async def test_a_request_goes_out_as_given_with_host_length_and_identity() -> None:
    async with vendor(says(plain())) as there, calling() as upstream:
        await upstream.send(
            there.origin, "POST", b"/v1?a=%20b", [(b"X-Key", b"k 1"), (b"a", b"")], b"body"
        )
    assert there.requests[0].head == (
        b"POST /v1?a=%%20b HTTP/1.1\r\n"
        b"host: 127.0.0.1:%d\r\n"
        b"accept-encoding: identity\r\n"
        b"X-Key: k 1\r\na: \r\n"
        b"content-length: 4\r\n\r\n" % there.origin.port
    )
    assert there.requests[0].body == b"body"


async def test_the_host_header_has_the_name_and_the_socket_goes_to_the_address() -> None:
    async with vendor(says(plain())) as there, calling() as upstream:
        await get(upstream, Origin("http", "api.vendor.test", there.origin.port))
    assert b"host: api.vendor.test:%d\r\n" % there.origin.port in there.requests[0].head


async def test_an_answer_has_status_headers_in_lower_case_and_a_length() -> None:
    reply = b"HTTP/1.1 418 Odd\r\nX-A: One\r\nx-a: two\r\nContent-Length: 2\r\n\r\nhi"
    async with vendor(says(reply)) as there, calling() as upstream:
        answer = await get(upstream, there.origin)
        assert (answer.status, answer.content_length) == (418, 2)
        assert answer.headers == [
            (b"x-a", b"One"),
            (b"x-a", b"two"),
            (b"content-length", b"2"),
        ]
        assert [await answer.read(), await answer.read(), await answer.read()] == [
            b"hi",
            b"",
            b"",
        ]


async def test_a_chunked_answer_is_joined_and_its_trailers_are_dropped() -> None:
    reply = CHUNKED + b"2;ext=1\r\nhi\r\n3\r\n yo\r\n0\r\nx-late: 1\r\n\r\n"
    async with vendor(says(reply)) as there, calling() as upstream:
        answer = await get(upstream, there.origin)
        assert (await whole(answer), answer.content_length) == (b"hi yo", None)
        assert answer.headers == [(b"transfer-encoding", b"chunked")]


async def test_the_headers_and_the_first_piece_arrive_before_the_next_is_sent() -> None:
    taken = [asyncio.Event(), asyncio.Event()]

    async def one_at_a_time(exchange: Exchange) -> None:
        await exchange.send(STREAM)
        await taken[0].wait()
        await exchange.send(b"3\r\none\r\n")
        await taken[1].wait()
        await exchange.send(b"3\r\ntwo\r\n0\r\n\r\n")

    async with vendor(one_at_a_time) as there, calling() as upstream, asyncio.timeout(2):
        answer = await get(upstream, there.origin)
        taken[0].set()
        assert await answer.read() == b"one"
        taken[1].set()
        assert await whole(answer) == b"two"


@pytest.mark.parametrize(
    "reply",
    [plain(b"abc"), CHUNKED + b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"],
    ids=["plain", "chunked"],
)
async def test_an_answer_that_comes_byte_by_byte_is_the_same_answer(reply: bytes) -> None:
    dribble = says(*(reply[i : i + 1] for i in range(len(reply))))
    async with vendor(dribble) as there, calling() as upstream:
        for _ in range(2):
            assert await whole(await get(upstream, there.origin)) == b"abc"
    assert there.connections == 1


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_an_answer_without_a_length_ends_with_the_connection(version: bytes) -> None:
    reply = b"HTTP/%s 200 OK\r\nx: y\r\n\r\n" % version
    async with vendor(says(reply, b"to ", b"the end", close=True)) as it, calling() as up:
        answer = await get(up, it.origin)
        assert (await whole(answer), answer.content_length) == (b"to the end", None)
        await it.until_open(0)


async def test_an_answer_that_ends_with_a_reset_was_cut() -> None:
    async def reset(exchange: Exchange) -> None:
        await exchange.send(OK + b"\r\nhalf")
        await asyncio.sleep(0.05)
        sock = exchange.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        exchange.reset()

    async with vendor(reset) as there, calling() as upstream:
        answer = await get(upstream, there.origin)
        assert await answer.read() == b"half"
        with pytest.raises(UpstreamCut):
            await answer.read()


async def test_interim_answers_are_skipped() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\n"
    async with vendor(says(interim, plain())) as there, calling() as upstream:
        answer = await get(upstream, there.origin)
        assert (answer.status, answer.headers) == (200, [(b"content-length", b"5")])
        assert await whole(answer) == b"hello"


@pytest.mark.parametrize(
    ("method", "reply"),
    [
        ("HEAD", OK + b"content-length: 50\r\n\r\n"),
        ("HEAD", CHUNKED),
        ("GET", b"HTTP/1.1 204 No\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Same\r\ncontent-length: 50\r\n\r\n"),
        ("GET", plain(b"")),
    ],
)
async def test_an_answer_without_a_body_ends_at_its_headers(
    method: str, reply: bytes
) -> None:
    async with vendor(says(reply)) as there, calling() as upstream, asyncio.timeout(2):
        for _ in range(2):
            answer = await upstream.send(there.origin, method, b"/", [], b"")
            assert await answer.read() == b""


MALFORMED = {
    "not http": b"SSH-2.0-OpenSSH\r\n",
    "length and coding": CHUNKED[:-2] + b"content-length: 2\r\n\r\nhi",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 2\r\n\r\nhi",
    "a signed length": OK + b"content-length: +2\r\n\r\nhi",
    "an endless length": OK + b"content-length: 99999999999999999999999\r\n\r\nhi",
    "another coding": OK + b"transfer-encoding: gzip\r\n\r\nhi",
    "two codings": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": CHUNKED[:-2] + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an upgrade": b"HTTP/1.1 101 Up\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "status 99": b"HTTP/1.1 099 Low\r\ncontent-length: 0\r\n\r\n",
    "status 600": b"HTTP/1.1 600 High\r\ncontent-length: 0\r\n\r\n",
    "a folded header": OK + b"x: a\r\n b\r\ncontent-length: 0\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\ncontent-length: 0\n\n",
    "nine interim answers": b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + plain(),
    "big headers": OK + b"x: 0123456789\r\n" * 3000 + b"content-length: 0\r\n\r\n",
    "a big header": OK + b"x: " + b"y" * 33_000 + b"\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("reply", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_answer_is_no_answer(reply: bytes) -> None:
    async with vendor(says(reply)) as there, calling() as upstream:
        with pytest.raises(UpstreamError) as refused:
            await get(upstream, there.origin)
        assert (refused.value.code, refused.value.sent) == ("upstream-unreachable", True)
        await there.until_open(0)
    assert len(there.requests) == 1


async def test_a_header_block_that_never_ends_is_stopped_while_it_comes() -> None:
    async def endless(exchange: Exchange) -> None:
        await exchange.send(OK + b"x: ")
        while True:
            await exchange.send(b"y" * 65536)

    async with vendor(endless) as there, calling() as upstream:
        with pytest.raises(UpstreamError, match="too big"):
            await get(upstream, there.origin)


CUTS = {
    "short of its length": (OK + b"content-length: 9\r\n\r\n", b"half"),
    "no last chunk": (CHUNKED, b"4\r\nhalf\r\n"),
    "a bad chunk": (CHUNKED, b"4\r\nhalf\r\nzz\r\n"),
    "an endless chunk line": (CHUNKED, b"4\r\nhalf\r\n1;x=" + b"y" * 40_000),
    "endless trailers": (CHUNKED, b"4\r\nhalf\r\n0\r\n" + b"x: 0123456789\r\n" * 3000),
}


@pytest.mark.parametrize(("head", "rest"), CUTS.values(), ids=CUTS)
async def test_what_came_before_a_cut_is_read_the_cut(head: bytes, rest: bytes) -> None:
    async with vendor(says(head, rest, close=True)) as there, calling() as upstream:
        answer = await get(upstream, there.origin)
        assert await answer.read() == b"half"
        for _ in range(2):
            with pytest.raises(UpstreamCut):
                await answer.read()


async def test_an_answer_over_the_cap_is_cut_unless_it_is_a_stream() -> None:
    limits = Limits(answer_bytes=1000)
    big = b"3e8\r\n" + b"x" * 1000 + b"\r\n1\r\nx\r\n0\r\n\r\n"
    async with vendor(says(CHUNKED, big)) as there, calling(limits) as upstream:
        with pytest.raises(UpstreamCut, match="too big"):
            await whole(await get(upstream, there.origin))
    async with vendor(says(STREAM, big)) as there, calling(limits) as upstream:
        assert len(await whole(await get(upstream, there.origin))) == 1001


@pytest.mark.parametrize(
    ("method", "target", "header"),
    [
        ("GET", b"/", (b"x", b"a\r\ny: b")),
        ("GET", b"/", (b"x", b"a\nb")),
        ("GET", b"/", (b"x\r", b"a")),
        ("GET", b"/", (b"x", b"a\0")),
        ("GET", b"/a b", (b"x", b"y")),
        ("GET", b"/a\r\nx: y", (b"x", b"y")),
        ("GET", b"http://elsewhere/", (b"x", b"y")),
        ("GET /", b"/", (b"x", b"y")),
    ],
)
async def test_a_request_that_leaves_its_line_is_not_sent(
    method: str, target: bytes, header: tuple[bytes, bytes]
) -> None:
    async with vendor(says(plain())) as there, calling() as upstream:
        with pytest.raises(UpstreamError) as refused:
            await upstream.send(there.origin, method, target, [header], b"")
    assert not refused.value.sent
    assert there.connections == 0


async def test_a_port_where_nobody_listens_is_unreachable(free_port: int) -> None:
    async with calling() as upstream:
        with pytest.raises(UpstreamError) as refused:
            await get(upstream, Origin("http", "127.0.0.1", free_port))
    assert (refused.value.code, refused.value.sent) == ("upstream-unreachable", False)


@pytest.mark.parametrize("verdict", [DestinationIsNotPublic("in"), Unavailable("away")])
async def test_what_the_resolver_refuses_is_unreachable(verdict: Exception) -> None:
    class Refusing:
        async def resolve(self, _: Origin) -> str:
            raise verdict

    upstream = Upstream(Refusing())
    with pytest.raises(UpstreamError) as refused:
        await get(upstream, Origin("https", "inside.test", 443))
    assert (refused.value.code, refused.value.sent) == ("upstream-unreachable", False)


async def test_closing_cuts_every_call_and_closes_every_socket() -> None:
    async def slow(exchange: Exchange) -> None:
        if b"/headers" in exchange.head:
            await exchange.send(STREAM)
        await exchange.reader.read()

    async with vendor(slow) as there, calling() as upstream:
        answer = await upstream.send(there.origin, "GET", b"/headers", [], b"")
        reading = asyncio.create_task(answer.read())
        waiting = asyncio.create_task(get(upstream, there.origin))
        await there.until_open(2)
        started = time.monotonic()
        await upstream.close()
        assert time.monotonic() - started < 1
        with pytest.raises(UpstreamCut):
            await reading
        with pytest.raises(UpstreamError):
            await waiting
        with pytest.raises(UpstreamError):
            await get(upstream, there.origin)
        await there.until_open(0)
