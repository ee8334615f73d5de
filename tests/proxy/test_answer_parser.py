"""The parser by itself: any cut gives the same answer, any bytes an answer or a fault."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from proxy.answer import Answer
from proxy.answer_parser import AnswerParser, Malformed

LIMIT = 2000  # bytes, of the header block and of the body

words = st.from_regex(r"[!-9;-~]{1,12}", fullmatch=True).map(str.encode)
headers = st.lists(
    st.tuples(st.from_regex(r"x-[a-z]{1,8}", fullmatch=True), words), max_size=5
)
bodies = st.lists(st.binary(min_size=1, max_size=50), max_size=5)


class NoConnection:
    def resume(self) -> None: ...

    def abort(self, reason: str) -> None:
        raise AssertionError(reason)


def parse(pieces: list[bytes]) -> tuple[AnswerParser, Answer | None, bytes]:
    """The parser after the pieces, the answer, and as much of its body as came."""

    async def feed() -> tuple[AnswerParser, Answer | None, bytes]:
        parser = AnswerParser(NoConnection(), header_bytes=LIMIT, answer_bytes=LIMIT)
        parser.begin(asyncio.get_running_loop().create_future(), head_only=False)
        for piece in pieces:
            parser.feed(piece)
        answer = parser.answer
        if answer is None:
            return parser, None, b""
        answer.end(None)
        return parser, answer, await answer.read()

    return asyncio.run(feed())


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a != b]


@given(
    status=st.integers(200, 599).filter(lambda status: status not in {204, 304}),
    fields=headers,
    body=bodies,
    chunked=st.booleans(),
    places=st.lists(st.integers(0, 5000), max_size=10),
)
def test_an_answer_is_the_same_however_it_is_cut(
    status: int,
    fields: list[tuple[str, bytes]],
    body: list[bytes],
    places: list[int],
    *,
    chunked: bool,
) -> None:
    lines = [b"%s: %s" % (name.upper().encode(), value) for name, value in fields]
    if chunked:
        lines.append(b"transfer-encoding: Chunked")
        payload = b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in body)
        payload += b"0\r\nx-trailer: 1\r\n\r\n"
    else:
        payload = b"".join(body)
        lines.append(b"content-length: %d" % len(payload))
    data = b"HTTP/1.1 %d X\r\n%s\r\n\r\n%s" % (status, b"\r\n".join(lines), payload)

    parser, answer, received = parse(cut(data, places))

    assert answer is not None
    assert (parser.complete, parser.reusable, received) == (True, True, b"".join(body))
    assert answer.status == status
    assert answer.headers[:-1] == [(name.encode(), value) for name, value in fields]
    assert answer.content_length == (None if chunked else len(payload))


PIECES = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 \r\n", b"HTTP/1.1 100 \r\n\r\n",
    b"HTTP/1.1 101 X\r\n", b"content-length: 3\r\n", b"content-length: -1\r\n",
    b"transfer-encoding: chunked\r\n", b"transfer-encoding: gzip\r\n",
    b"connection: close\r\n", b"upgrade: x\r\nconnection: upgrade\r\n",
    b"content-type: text/event-stream\r\n", b"\r\n", b"3\r\nabc\r\n", b"0\r\n\r\n", b"abc",
    b"fffffffffffffffff\r\n", b"x" * 900, b"x: y\r\n" * 150, b"\0",
]  # fmt: skip


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=12))
def test_whatever_comes_is_an_answer_within_the_limits_or_a_fault(
    pieces: list[bytes],
) -> None:
    try:
        _, answer, received = parse(pieces)
    except Malformed:
        return
    if answer is not None:
        assert 200 <= answer.status <= 599
        assert sum(len(name) + len(value) for name, value in answer.headers) <= LIMIT
        is_stream = (b"content-type", b"text/event-stream") in answer.headers
        assert is_stream or len(received) <= LIMIT
        names = [name for name, _ in answer.headers]
        assert names.count(b"content-length") + names.count(b"transfer-encoding") <= 1
