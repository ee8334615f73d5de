"""A target that answers wrongly is found before anything is measured."""

from __future__ import annotations

import os

import pytest

from adapters.bench.asking import Kind
from adapters.bench.checks import asked, check
from adapters.bench.targets import Target
from domain.errors import BadSetup
from tests.adapters.bench.little_server import LittleServer, little_server

PLAIN = b'{"choices":[{"message":{"content":"Hi"}}],"usage":{"total_tokens":3}}'
EVENTS = (
    b'data: {"choices":[{"delta":{"content":"H"}}]}\n\n'
    b'data: {"choices":[{"delta":{"content":"i"}}],"usage":null}\n\n'
    b'data: {"choices":[],"usage":{"total_tokens":3}}\n\ndata: [DONE]\n\n'
)


def answered(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.1 %b\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body)


def target(name: str, server: LittleServer) -> Target:
    request = b"POST / HTTP/1.1\r\nhost: x\r\n\r\n"
    kinds = dict.fromkeys(Kind, request)
    return Target(name=name, pid=os.getpid(), port=server.port, calls=kinds)


GOOD = (answered(PLAIN), answered(PLAIN), answered(EVENTS))  # in the order of `Kind`


def test_all_is_well_when_everybody_says_the_same() -> None:
    with little_server(*GOOD) as bare, little_server(*GOOD) as other:
        check([target("bare", bare), target("other", other)])
        assert bare.answered == other.answered == 3


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            (answered(PLAIN.replace(b"Hi", b"Ho")), *GOOD[1:]),
            "other answers a plain call wrong",
        ),
        (
            (answered(PLAIN.replace(b":3", b":0")), *GOOD[1:]),
            "other answers a plain call wrong",
        ),
        ((GOOD[0], GOOD[1], answered(EVENTS.replace(b"3", b"0"))), "a stream call wrong"),
        ((GOOD[0], answered(b"no", b"500 Oops")), "a big call with 500: no"),
        ((GOOD[0], b""), "other does not answer a big call"),
    ],
)
def test_who_answers_something_else_is_named(answers: tuple[bytes, ...], said: str) -> None:
    with (
        little_server(*GOOD) as bare,
        little_server(*answers) as other,
        pytest.raises(BadSetup, match=said),
    ):
        check([target("bare", bare), target("other", other)])


def test_nobody_listening_is_an_answer_too() -> None:
    with little_server(b"") as server:
        gone = target("gone", server)
    with pytest.raises(BadSetup, match="gone does not answer a plain call"):
        asked(gone, Kind.PLAIN)
