"""The opening of a session to its vendor: what we say, and whom we believe."""

from __future__ import annotations

import ssl
from base64 import b64encode

import pytest
from websockets.utils import accept_key

from domain.catalog import WEBSOCKET
from proxy.answer import UpstreamError
from proxy.realtime.handshake import granted, opening
from proxy.upstream import Upstream
from tests.proxy.scripted import (
    BOTH_LOOPS,
    Exchange,
    Loopback,
    Script,
    calling,
    says,
    vendor,
)

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("anyio_backend", BOTH_LOOPS, ids=["asyncio", "uvloop"]),
]
PROTOCOL = b"sec-websocket-protocol"


def accepting(*more: bytes, key: bytes | None = None, behind: bytes = b"") -> Script:
    """A vendor that says 101 to whoever comes."""

    async def script(exchange: Exchange) -> None:
        asked = key or header_of(exchange, b"sec-websocket-key")
        lines = [
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: WebSocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + accept_key(asked.decode()).encode(),
            *more,
        ]
        await exchange.send(b"\r\n".join(lines) + b"\r\n\r\n" + behind)
        while data := await exchange.reader.read(65536):
            await exchange.send(data.upper())

    return script


def header_of(exchange: Exchange, name: bytes) -> bytes:
    (value,) = (
        line.partition(b": ")[2]
        for line in exchange.head.split(b"\r\n")
        if line.lower().startswith(name + b":")
    )
    return value


async def test_our_opening_is_a_get_with_a_new_key_and_no_extensions() -> None:
    keys = set()
    async with vendor(accepting()) as there, calling() as upstream:
        for _ in range(2):
            headers = opening({PROTOCOL: b"realtime", b"sec-websocket-key": b"theirs"})
            answer = await upstream.send(there.origin, WEBSOCKET, b"/r?a=b", headers, b"")
            assert answer.status == 101
            answer.abort()
        assert there.connections == 2
    for exchange in there.requests:
        assert exchange.head.startswith(b"GET /r?a=b HTTP/1.1\r\n")
        assert header_of(exchange, b"sec-websocket-version") == b"13"
        assert header_of(exchange, PROTOCOL) == b"realtime"
        assert b"extensions" not in exchange.head.lower()
        keys.add(header_of(exchange, b"sec-websocket-key"))
    assert len(keys) == 2
    assert b"theirs" not in keys


async def test_behind_the_101_bytes_go_both_ways_from_the_first_one_on() -> None:
    async with vendor(accepting(behind=b"first")) as there, calling() as upstream:
        answer = await upstream.send(there.origin, WEBSOCKET, b"/", opening({}), b"")
        assert answer.line is not None
        assert await answer.read() == b"first"
        await answer.line.send(b"second")
        assert await answer.read() == b"SECOND"
        big, echoed = b"x" * 5_000_000, 0
        await answer.line.send(big)
        while echoed < len(big):
            echoed += len(await answer.read())
        answer.abort()
        await there.until_open(0)


@pytest.mark.parametrize(
    "script",
    {
        "another key": accepting(key=b64encode(bytes(16))),
        "an extension": accepting(b"Sec-WebSocket-Extensions: permessage-deflate"),
        "a protocol that nobody offered": accepting(b"Sec-WebSocket-Protocol: other"),
        "two protocols": accepting(*[b"Sec-WebSocket-Protocol: realtime"] * 2),
        "another protocol of HTTP": says(
            b"HTTP/1.1 101 Up\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
        ),
        "no word of to what": says(b"HTTP/1.1 101 Up\r\n\r\n"),
        "no key at all": says(
            b"HTTP/1.1 101 Up\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        ),
    }.items(),
    ids=lambda item: item[0],
)
async def test_a_101_that_is_no_answer_to_our_opening_is_not_believed(
    script: tuple[str, Script],
) -> None:
    async with vendor(script[1]) as there, calling() as upstream:
        headers = opening({PROTOCOL: b"realtime"})
        with pytest.raises(UpstreamError) as refused:
            await upstream.send(there.origin, WEBSOCKET, b"/", headers, b"")
        assert refused.value.code == "upstream-unreachable"
        await there.until_open(0)


async def test_a_vendor_that_does_not_switch_is_heard_and_its_connection_not_kept() -> None:
    answer_429 = b"HTTP/1.1 429 Slow\r\ncontent-length: 2\r\n\r\nno"
    async with vendor(says(answer_429)) as there, calling() as upstream:
        for _ in range(2):
            answer = await upstream.send(there.origin, WEBSOCKET, b"/", opening({}), b"")
            assert (answer.status, answer.line) == (429, None)
            assert await answer.read() == b"no"
            assert await answer.read() == b""
        assert there.connections == 2
        await there.until_open(0)


async def test_a_call_that_asked_for_no_upgrade_gets_none() -> None:
    async with vendor(accepting(key=b"a")) as there, calling() as upstream:
        with pytest.raises(UpstreamError):
            await upstream.send(there.origin, "GET", b"/", [], b"")


async def test_a_line_that_the_proxy_closes_ends_for_its_reader() -> None:
    async with vendor(accepting()) as there:
        upstream = Upstream(Loopback(), tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        answer = await upstream.send(there.origin, WEBSOCKET, b"/", opening({}), b"")
        await upstream.close()
        with pytest.raises(Exception, match="shutting down"):
            await answer.read()
        assert answer.line is not None
        with pytest.raises(Exception, match="closed"):
            await answer.line.send(b"late")


async def test_the_bot_is_told_the_protocol_that_the_vendor_has_chosen() -> None:
    chosen = accepting(b"Sec-WebSocket-Protocol: realtime")
    async with vendor(chosen) as there, calling() as upstream:
        headers = opening({PROTOCOL: b"realtime, openai-beta.x"})
        answer = await upstream.send(there.origin, WEBSOCKET, b"/", headers, b"")
        # RFC 6455, section 1.3
        asked = {b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ=="}
        assert granted(answer, asked) == [
            (b"sec-websocket-accept", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
            (PROTOCOL, b"realtime"),
        ]
        answer.abort()
