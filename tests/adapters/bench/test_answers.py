"""The reader finds the end of an answer however the network cuts it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bench.answers import AnswerReader, Malformed

EVENTS = [b"data: %d\n\n" % number for number in range(12)]
CHUNKS = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in EVENTS)
HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
STREAM = HEAD + CHUNKS + b"0\r\n\r\n"
PLAIN = b"HTTP/1.1 404 Not Found\r\nCONTENT-LENGTH: 11\r\nx: y\r\n\r\nhello\r\n\r\nyo"


@given(st.sampled_from([PLAIN, STREAM]), st.lists(st.integers(1, 200)))
def test_an_answer_is_whole_with_its_last_byte_and_not_before(
    answer: bytes, cuts: list[int]
) -> None:
    reader = AnswerReader()
    edges = sorted({0, len(answer), *(cut for cut in cuts if cut < len(answer))})
    pieces = [answer[a:b] for a, b in itertools.pairwise(edges)]
    told = [reader.feed(piece) for piece in pieces]
    assert told == [False] * (len(pieces) - 1) + [True]
    assert reader.status == (404 if answer == PLAIN else 200)
    assert reader.events() == (0 if answer == PLAIN else len(EVENTS))


def test_the_body_has_begun_with_its_first_byte() -> None:
    reader = AnswerReader()
    reader.feed(HEAD)
    assert not reader.begun
    reader.feed(CHUNKS[:20])
    assert reader.begun


def test_what_is_fresh_is_told_once() -> None:
    reader = AnswerReader()
    reader.feed(HEAD + CHUNKS[:20])
    first = reader.fresh()
    assert reader.fresh() == b""
    reader.feed(CHUNKS[20:])
    assert first + reader.fresh() == b"".join(EVENTS)


def test_one_answer_follows_another() -> None:
    reader = AnswerReader()
    assert reader.feed(STREAM)
    reader.begin()
    assert reader.feed(PLAIN)
    assert (reader.status, reader.events()) == (404, 0)


@pytest.mark.parametrize(
    "answer",
    [
        PLAIN + b"!",
        STREAM + b"!",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\ncontent-length: 0\r\n\r\n",
    ],
)
def test_what_is_no_answer_or_more_than_one_is_refused(answer: bytes) -> None:
    with pytest.raises(Malformed):
        AnswerReader().feed(answer)
