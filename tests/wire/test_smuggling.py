"""E1: what two readers could read differently is refused, and nothing behind it is read.

Behind each shape stands a good call with a good token: it must never be served, and the
vendor must never hear of it.
"""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from tests.wire.conftest import Served
from tests.wire.raw import request, say

CALL = b"/api/v1/openai/v1/chat/completions"
POST = b"POST " + CALL + b" HTTP/1.1"
BODY = b'{"model":"m","messages":[{"role":"user","content":"%s"}]}'


def head(*lines: bytes, line: bytes = POST) -> bytes:
    """A request of exactly these lines, its Host among the first."""
    return b"\r\n".join((line, b"host: localhost", *lines, b"", b""))


SHAPES = {
    # two framings, or one that can be read in two ways
    "cl and te": head(b"content-length: 4", b"transfer-encoding: chunked") + b"0\r\n\r\n",
    "te and cl": head(b"transfer-encoding: chunked", b"content-length: 4") + b"0\r\n\r\n",
    "two lengths": head(b"content-length: 0", b"content-length: 5"),
    "one length twice": head(b"content-length: 0", b"content-length: 0"),
    "a list of lengths": head(b"content-length: 0, 0"),
    "a signed length": head(b"content-length: +0"),
    "a negative length": head(b"content-length: -1"),
    "a hexadecimal length": head(b"content-length: 0x0"),
    "a length with an underscore": head(b"content-length: 0_0"),
    "a length in other digits": head("content-length: \u0660".encode()),
    "a length with a blank in it": head(b"content-length: 0 0"),
    "an empty length": head(b"content-length:"),
    "a length beyond 64 bits": head(b"content-length: 18446744073709551616"),
    "te gzip": head(b"transfer-encoding: gzip"),
    "te gzip, chunked": head(b"transfer-encoding: gzip, chunked") + b"0\r\n\r\n",
    "te chunked, identity": head(b"transfer-encoding: chunked, identity") + b"0\r\n\r\n",
    "te identity": head(b"transfer-encoding: identity"),
    "te xchunked": head(b"transfer-encoding: xchunked"),
    "te chunked twice": head(b"transfer-encoding: chunked", b"transfer-encoding: chunked"),
    "te chunked, then nothing": head(b"transfer-encoding: chunked", b"transfer-encoding:"),
    "te quoted": head(b'transfer-encoding: "chunked"'),
    "te with a parameter": head(b"transfer-encoding: chunked;q=1"),
    "te in 1.0": head(b"transfer-encoding: chunked", line=b"POST " + CALL + b" HTTP/1.0")
    + b"0\r\n\r\n",
    "te behind a vertical tab": head(b"transfer-encoding: \x0bchunked"),
    "te behind a folded line": head(b"transfer-encoding:", b" chunked"),
    # names that one reader sees and another does not
    "a blank before the colon": head(b"content-length : 0"),
    "a tab before the colon": head(b"transfer-encoding\t: chunked"),
    "a blank before the name": head(b" transfer-encoding: chunked"),
    "a folded header": head(b"x-a: 1", b"\tcontent-length: 5"),
    "no colon": head(b"transfer-encoding chunked"),
    "no name": head(b": 0"),
    "a name in quotes": head(b'"content-length": 0'),
    "a name beyond ASCII": head("contént-length: 0".encode()),
    "a NUL in a name": head(b"content\0-length: 0"),
    "a NUL in a value": head(b"x-a: 1\0"),
    "a CR in a value": head(b"x-a: 1\rtransfer-encoding: chunked"),
    "a LF in a value": head(b"x-a: 1\ntransfer-encoding: chunked"),
    "a DEL in a value": head(b"x-a: \x7f"),
    "an escape in a value": head(b"x-a: \x1b[2J"),
    # lines
    "bare LF everywhere": head().replace(b"\r\n", b"\n"),
    "bare LF once": head().replace(b"\r\nhost", b"\nhost"),
    "bare LF at the end": head()[:-2] + b"\n",
    "a bare CR": head().replace(b"\r\nhost", b"\rhost"),
    "a blank line first": b"\r\n" + head(),
    "an empty line with blanks": head(b" "),
    # Host
    "no Host": POST + b"\r\n\r\n",
    "no Host in 1.0": b"POST " + CALL + b" HTTP/1.0\r\n\r\n",
    "two Hosts": head(b"host: localhost"),
    "an empty Host": POST + b"\r\nhost:\r\n\r\n",
    "a Host with userinfo": POST + b"\r\nhost: a@localhost\r\n\r\n",
    "a Host with a path": POST + b"\r\nhost: localhost/a\r\n\r\n",
    "a Host with a blank": POST + b"\r\nhost: local host\r\n\r\n",
    "a list of Hosts": POST + b"\r\nhost: localhost, other\r\n\r\n",
    "a Host with a bad port": POST + b"\r\nhost: localhost:80a\r\n\r\n",
    "a Host with brackets": POST + b"\r\nhost: [localhost]\r\n\r\n",
    "a Host in percent": POST + b"\r\nhost: local%68ost\r\n\r\n",
    # the request line
    "an absolute target": head(line=b"POST http://inside" + CALL + b" HTTP/1.1"),
    "an authority target": head(line=b"CONNECT inside:443 HTTP/1.1"),
    "CONNECT": head(line=b"CONNECT " + CALL + b" HTTP/1.1"),
    "TRACE": head(line=b"TRACE " + CALL + b" HTTP/1.1"),
    "an asterisk": head(line=b"OPTIONS * HTTP/1.1"),
    "a method in small letters": head(line=b"post " + CALL + b" HTTP/1.1"),
    "a method that is none": head(line=b"PO/ST " + CALL + b" HTTP/1.1"),
    "a blank in the target": head(line=b"POST " + CALL + b" x HTTP/1.1"),
    "a tab for a blank": head(line=b"POST\t" + CALL + b" HTTP/1.1"),
    "two blanks": head(line=b"POST  " + CALL + b" HTTP/1.1"),
    "a fragment": head(line=b"POST " + CALL + b"#a HTTP/1.1"),
    "a control byte in the target": head(line=b"POST " + CALL + b"\x01 HTTP/1.1"),
    "a NUL in the target": head(line=b"POST " + CALL + b"\0 HTTP/1.1"),
    "a target beyond ASCII": head(line=b"POST " + CALL + b"/\xc3\xa9 HTTP/1.1"),
    "HTTP/0.9": b"GET /health\r\n",
    "HTTP/1.2": head(line=b"POST " + CALL + b" HTTP/1.2"),
    "HTTP/2.0": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/01.1": head(line=b"POST " + CALL + b" HTTP/01.1"),
    "http/1.1": head(line=b"POST " + CALL + b" http/1.1"),
    "a blank behind the version": head(line=POST + b" "),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    # upgrades
    "a WebSocket": head(
        b"upgrade: websocket", b"connection: upgrade", b"sec-websocket-version: 13"
    ),
    "h2c": head(b"connection: upgrade, http2-settings", b"upgrade: h2c"),
    "an upgrade without Connection": head(b"upgrade: websocket"),
    "Connection alone": head(b"connection: keep-alive", b"connection: Upgrade"),
    "an expectation": head(b"expect: 200-ok", b"content-length: 1"),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_shape_is_refused_and_nothing_behind_it_is_read(
    shape: bytes, port: int, served: Served
) -> None:
    mark = uuid4().hex.encode()
    behind = good_call(served, mark)
    heard = say(port, shape + behind)
    assert heard.statuses == [400]
    assert heard.closed
    assert heard.headers()["connection"] == "close"
    problem = heard.json()
    assert problem.pop("request_id") == heard.headers()["x-request-id"]
    assert problem == {
        "type": "about:blank",
        "title": "This is not HTTP as it is served here",
        "status": 400,
        "code": "malformed",
    }
    assert served.vendor.requests(mark) == []


@pytest.mark.parametrize(
    "name", ["bare LF everywhere", "bare LF at the end", "TLS", "a blank line first"]
)
def test_what_can_become_no_request_is_not_waited_for(name: str, port: int) -> None:
    began = time.monotonic()
    assert say(port, SHAPES[name]).statuses == [400]
    assert time.monotonic() - began < 5


def test_the_call_behind_the_shapes_would_have_been_served(
    port: int, served: Served
) -> None:
    mark = uuid4().hex.encode()
    heard = say(port, good_call(served, mark, b"connection: close"))
    assert heard.statuses == [200]
    assert len(served.vendor.requests(mark)) == 1


@pytest.mark.parametrize(
    "body",
    {
        "no size": b"\r\n",
        "a size that is none": b"g\r\n",
        "a size with 0x": b"0x1\r\na\r\n0\r\n\r\n",
        "a signed size": b"+1\r\na\r\n0\r\n\r\n",
        "a size of 2^64": b"10000000000000000\r\n",
        "a blank before the size": b" 1\r\na\r\n0\r\n\r\n",
        "a size behind a bare LF": b"1\na\r\n0\r\n\r\n",
        "a bare LF in an extension": b"1;a\nb\r\na\r\n0\r\n\r\n",
        "a bare CR in an extension": b"1;a\rb\r\na\r\n0\r\n\r\n",
        "a NUL in an extension": b"1;\0\r\na\r\n0\r\n\r\n",
        "an extension of 300 bytes": b"1;" + b"a" * 300,
        "no line end behind a chunk": b"1\r\naX",
        "a bare LF behind a chunk": b"1\r\na\n0\r\n\r\n",
        "a bare CR behind a chunk": b"1\r\na\r0\r\n\r\n",
        "a trailer without a colon": b"0\r\nGET / HTTP/1.1\r\n",
        "a folded trailer": b"0\r\na: b\r\n c\r\n\r\n",
        "a bare LF in the trailers": b"0\r\na: b\n\r\n",
    }.items(),
    ids=lambda item: item[0],
)
def test_a_chunk_that_can_be_read_in_two_ways_is_refused(
    body: tuple[str, bytes], port: int, served: Served
) -> None:
    mark = uuid4().hex.encode()
    opening = head(b"transfer-encoding: chunked", token(served), line=POST)
    heard = say(port, opening + body[1] + good_call(served, mark))
    assert heard.statuses == [400]
    assert heard.closed
    assert served.vendor.requests(mark) == []


def test_what_is_pipelined_is_answered_in_order_and_a_bad_one_ends_it(
    port: int, served: Served
) -> None:
    mark = uuid4().hex.encode()
    good = request()
    sent = good + good_call(served, mark) + good + SHAPES["two lengths"] + good
    heard = say(port, sent)
    assert heard.statuses == [200, 200, 200, 400]
    assert heard.closed
    assert len(served.vendor.requests(mark)) == 1


def token(served: Served) -> bytes:
    return b"authorization: Bearer " + served.bot.token.encode()


def good_call(served: Served, mark: bytes, *more: bytes) -> bytes:
    body = BODY % mark
    length = b"content-length: %d" % len(body)
    return head(token(served), length, b"content-type: application/json", *more) + body
