"""The grammar by itself, in any pieces, beside a parser that others wrote (llhttp)."""

from __future__ import annotations

from itertools import pairwise

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.http.bodies import Chunked, Framing, Sized
from adapters.http.head import END, Head, judge_beginning, read_head
from adapters.http.limits import HttpLimits
from adapters.http.refusals import Refusal

LIMITS = HttpLimits()
NASTY = [
    b"GET", b"POST", b" ", b"  ", b"/", b"/a?b", b"*", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2",
    b"\r\n", b"\n", b"\r", b"\0", b"\t", b":", b"host:", b"Host: a", b"host: a, b",
    b"content-length: 3", b"content-length:", b"Content-Length: 03", b"+3", b"3", b",",
    b"transfer-encoding: chunked", b"Transfer-Encoding:", b"chunked", b"gzip", b";",
    b"connection: close", b"upgrade: h2c", b"expect: 100-continue", b"x", b"\x0b", b"\x80",
]  # fmt: skip
WELL = b"GET / HTTP/1.1\r\nhost: a\r\n"


class Other:
    """What llhttp makes of a head."""

    def __init__(self, block: bytes) -> None:
        self.target = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.heads = 0
        self.body = b""
        parser = httptools.HttpRequestParser(self)
        parser.feed_data(block)
        self.method = parser.get_method().decode()
        self.minor = int(parser.get_http_version()[-1:])
        self.keep_alive = parser.should_keep_alive()

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.heads += 1

    def on_body(self, body: bytes) -> None:
        self.body += body


@given(st.lists(st.sampled_from(NASTY) | st.binary(max_size=3), max_size=12).map(b"".join))
@example(b"")
@example(b"transfer-encoding: chunked\r\n")
@example(b"content-length: 3\r\nconnection: close\r\n")
@example(b"x:\r\n \r\n")
def test_what_we_accept_llhttp_reads_alike(after: bytes) -> None:
    for block in (WELL + after + b"\r\n", after + END, WELL + after + END):
        end = block.find(END) + len(END)
        try:
            head = read_head(block[:end], LIMITS)
        except Refusal as refusal:
            assert refusal.status in {400, 414, 431}  # noqa: PT017  # or it is accepted
            continue
        other = Other(block[:end])
        assert other.heads == 1
        assert (head.method, head.target) == (other.method, other.target)
        assert (head.minor, head.headers) == (other.minor, other.headers)
        assert not head.keep_alive or other.keep_alive


@given(
    st.lists(st.sampled_from(NASTY) | st.binary(max_size=3), max_size=12).map(b"".join),
    st.data(),
)
def test_a_beginning_is_refused_only_if_its_whole_would_be(
    body: bytes, data: st.DataObject
) -> None:
    block = b"G" + body.replace(END, b"") + END
    cut = data.draw(st.integers(1, block.find(END)))
    try:
        judge_beginning(block[:cut], 0, LIMITS)
    except Refusal:
        with pytest.raises(Refusal):
            read_head(block, LIMITS)


@pytest.mark.parametrize(
    "host", [b"a", b"localhost:3100", b"a_b.c-d", b"10.0.0.1:80", b"[::1]", b"[::1]:80"]
)
def test_a_good_host_is_taken(host: bytes) -> None:
    assert head_of(b"host: " + host).headers == [(b"host", host)]


def test_blanks_about_a_value_are_no_part_of_it_and_those_inside_are() -> None:
    read = head_of(b"host:a", b"X-A: \t b  c \t ", b"x-b:", b"x-c: \xc3\xa9")
    assert read.headers[1:] == [(b"x-a", b"b  c"), (b"x-b", b""), (b"x-c", b"\xc3\xa9")]


@pytest.mark.parametrize(
    ("lines", "stays"),
    [
        ((), True),
        ((b"connection: keep-alive",), True),
        ((b"connection: Keep-Alive, Close",), False),
        ((b"connection: close", b"connection: keep-alive"), False),
        ((b"connection: x-close",), True),
    ],
)
def test_a_client_may_ask_for_the_connection_to_end(
    lines: tuple[bytes, ...],
    stays: bool,  # noqa: FBT001
) -> None:
    assert head_of(b"host: a", *lines).keep_alive is stays


def head_of(*lines: bytes) -> Head:
    block = b"\r\n".join((b"GET / HTTP/1.1", *lines, b"", b""))
    return read_head(block, LIMITS)


def fed(framing: Framing, data: bytes, cuts: list[int]) -> tuple[bytes, bytes | None]:
    """The body, and what is behind it, of data that comes cut at these places."""
    borders = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
    body, rest = b"", None
    for start, stop in pairwise(borders):
        if rest is not None:
            rest += data[start:stop]
        else:
            piece, rest = framing.feed(data[start:stop])
            body += piece
    return body, rest


PIECES = st.lists(st.binary(min_size=1, max_size=20), max_size=6)


@given(PIECES, st.binary(max_size=9), st.lists(st.integers(0, 300)))
def test_chunks_come_out_alike_however_they_are_cut(
    pieces: list[bytes], behind: bytes, cuts: list[int]
) -> None:
    chunks = b"".join(b"%x;e\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    data = chunks + b"0\r\nx: y\r\n\r\n" + behind
    assert fed(Chunked(), data, cuts) == (b"".join(pieces), behind)


@given(st.binary(min_size=1), st.binary(), st.lists(st.integers(0, 300)))
def test_a_sized_body_ends_where_it_says(
    body: bytes, behind: bytes, cuts: list[int]
) -> None:
    assert fed(Sized(len(body)), body + behind, cuts) == (body, behind)


@given(
    st.lists(
        st.sampled_from(
            [b"1", b"0", b"a", b"\r\n", b"\n", b"\r", b";", b" ", b"\0", b"x: y", b"ff"]
        )
        | st.binary(max_size=2),
        max_size=14,
    ).map(b"".join)
)
def test_chunks_that_we_accept_llhttp_reads_alike(data: bytes) -> None:
    framing = Chunked()
    try:
        body, rest = framing.feed(data)
    except Refusal:
        return
    if rest is not None:
        sent = WELL + b"transfer-encoding: chunked\r\n\r\n" + data[: len(data) - len(rest)]
        assert Other(sent).body == body
