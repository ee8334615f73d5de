"""Bodies as they may come: whole, in odd chunks, byte by byte, cut off, or lied about."""

from __future__ import annotations

import socket
from itertools import pairwise
from uuid import uuid4

import pytest

from tests.wire.conftest import Served
from tests.wire.raw import Heard, connected, hear_one, listen, request, say
from tests.wire.test_smuggling import BODY, POST, good_call, head, token

MIB = 1024 * 1024
JSON = b"content-type: application/json"


def in_chunks(body: bytes, *borders: int, extension: bytes = b"") -> bytes:
    pieces = [body[a:b] for a, b in pairwise((0, *borders, len(body)))]
    return b"".join(b"%X%s\r\n%s\r\n" % (len(p), extension, p) for p in pieces if p)


@pytest.mark.parametrize(
    ("borders", "extension"),
    [
        ((), b""),
        ((1,), b""),
        (range(1, 60), b""),
        ((7, 14, 21), b";name=value"),
        ((3,), b' ; a="b c"'),
    ],
)
def test_odd_chunks_reach_the_vendor_as_one_body(
    borders: tuple[int, ...], extension: bytes, port: int, served: Served
) -> None:
    mark = uuid4().hex.encode()
    body = BODY % mark
    opening = head(token(served), JSON, b"transfer-encoding: Chunked", b"connection: close")
    heard = say(port, opening, in_chunks(body, *borders, extension=extension), b"0\r\n\r\n")
    assert heard.statuses == [200]
    (sent,) = served.vendor.requests(mark)
    assert sent.endswith(b"\r\n\r\n" + body)
    assert b"transfer-encoding" not in sent.lower()


def test_trailers_are_dropped_and_the_next_request_is_read(
    port: int, served: Served
) -> None:
    mark, next_mark = uuid4().hex.encode(), uuid4().hex.encode()
    opening = head(token(served), JSON, b"transfer-encoding: chunked", b"trailer: x-late")
    chunks = in_chunks(BODY % mark) + b"000\r\nX-Late: evil\r\nauthorization: evil\r\n\r\n"
    after = good_call(served, next_mark, b"connection: close")
    assert say(port, opening + chunks + after).statuses == [200, 200]
    (sent,) = served.vendor.requests(mark)
    assert b"late" not in sent
    assert b"evil" not in sent
    assert len(served.vendor.requests(next_mark)) == 1


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"0\r\n" + b"a: b\r\n" * 2000, 431),
        (b"0\r\na: " + b"b" * 9000, 431),
        (b"1;" + b"a" * 250 + b"\r\n \r\n", 400),
    ],
    ids=["many trailers", "a long trailer", "many long extensions"],
)
def test_framing_that_carries_no_body_is_bounded(
    rest: bytes, status: int, port: int, served: Served
) -> None:
    opening = head(token(served), JSON, b"transfer-encoding: chunked")
    heard = say(port, opening + rest * (100 if status == 400 else 1))
    assert (heard.statuses, heard.closed) == ([status], True)


def test_a_call_that_comes_byte_by_byte_is_served(port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    for call in (
        good_call(served, mark, b"connection: close"),
        head(token(served), JSON, b"transfer-encoding: chunked", b"connection: close")
        + in_chunks(BODY % mark, 3, 50)
        + b"0\r\na: b\r\n\r\n",
    ):
        assert say(port, *(bytes([byte]) for byte in call)).statuses == [200]
    first, second = served.vendor.requests(mark)
    assert first == second


def test_a_body_shorter_than_its_length_is_no_call(port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    bot = served.plane.new_bot()
    call = good_call(served, mark).replace(served.bot.token.encode(), bot.token.encode())
    with connected(port) as line:
        line.sendall(call[:-1])
        line.shutdown(socket.SHUT_WR)
        assert listen(line) == Heard(data=b"", closed=True)
    assert served.vendor.requests(mark) == []
    assert served.plane.events(bot) == []


def test_a_body_longer_than_its_length_is_not_forwarded(port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    heard = say(port, good_call(served, mark) + b"GARBAGE\r\n\r\n")
    assert heard.statuses == [200, 400]
    (sent,) = served.vendor.requests(mark)
    assert b"GARBAGE" not in sent


def test_who_has_said_all_and_closed_that_side_is_answered(
    port: int, served: Served
) -> None:
    mark = uuid4().hex.encode()
    with connected(port) as line:
        line.sendall(good_call(served, mark))
        line.shutdown(socket.SHUT_WR)
        heard = listen(line)
    assert (heard.statuses, heard.closed) == ([200], True)
    assert len(served.vendor.requests(mark)) == 1


def test_a_client_that_waits_to_be_told_to_send_is_told(port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    call = good_call(served, mark, b"expect: 100-continue", b"connection: close")
    opening, _, body = call.partition(b"\r\n\r\n")
    with connected(port) as line:
        line.sendall(opening + b"\r\n\r\n")
        line.settimeout(5)
        assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.sendall(body)
        assert listen(line).statuses == [200]


def test_a_client_that_waits_and_may_not_is_refused_without_its_body(port: int) -> None:
    asked = head(b"authorization: Bearer no", b"content-length: 9", b"expect: 100-continue")
    heard = say(port, asked)
    assert (heard.statuses, heard.closed) == ([401], True)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_too_large_is_refused_while_it_comes(
    *, chunked: bool, port: int, served: Served
) -> None:
    if chunked:
        opening = head(token(served), JSON, b"transfer-encoding: chunked")
        piece = b"%x\r\n%s\r\n" % (MIB, b" " * MIB)
    else:
        opening = head(token(served), JSON, b"content-length: %d" % (30 * MIB))
        piece = b" " * MIB
    heard = say(port, opening, *[piece] * 30)
    assert heard.statuses == [413]
    assert heard.closed


def test_an_unread_body_does_not_become_the_next_request(port: int, served: Served) -> None:
    mark = uuid4().hex.encode()
    inner = good_call(served, mark)
    opening = head(
        b"authorization: Bearer no", b"content-length: %d" % len(inner), line=POST
    )
    with connected(port) as line:
        line.sendall(opening)
        heard = hear_one(line)
        assert heard.statuses == [401]
        line.sendall(inner + request())
        assert listen(line) == Heard(data=b"", closed=True)
    assert served.vendor.requests(mark) == []
