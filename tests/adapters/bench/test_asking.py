"""Requests are as large as they say, and ask for what they are named after."""

from __future__ import annotations

import json

import pytest

from adapters.bench.asking import Kind, bearer, calls, paced_call


def parts(request: bytes) -> tuple[bytes, dict[str, object]]:
    head, _, body = request.partition(b"\r\n\r\n")
    assert b"\r\ncontent-length: %d" % len(body) in head
    return head, json.loads(body)


@pytest.mark.parametrize(
    ("kind", "size"), [(Kind.PLAIN, 800), (Kind.BIG, 100_000), (Kind.STREAM, 800)]
)
def test_a_body_has_its_size_to_the_byte(kind: Kind, size: int) -> None:
    request = calls("/v1/chat/completions", bearer("x") | {"x-more": "y"})[kind]
    head, asked = parts(request)
    assert len(request) - len(head) - 4 == size
    assert head.startswith(b"POST /v1/chat/completions HTTP/1.1\r\n")
    assert b"\r\nauthorization: Bearer x\r\nx-more: y\r\n" in head
    assert asked.get("stream", False) is (kind is Kind.STREAM)
    messages = asked["messages"]
    assert isinstance(messages, list)
    assert messages[-1]["role"] == "user"
    assert len(messages) == (1 if size == 800 else 49)


def test_a_paced_stream_says_how_many_pieces_it_wants() -> None:
    _, asked = parts(paced_call("/v1/x", {}, pieces=7))
    assert (asked["max_tokens"], asked["stream"]) == (7, True)
