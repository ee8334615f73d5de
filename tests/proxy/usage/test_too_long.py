"""What is too long to be read, and that it does not fill the memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from functools import partial

import pytest

from domain.usage import UNKNOWN
from proxy.usage import UsageReader, reader_for
from proxy.usage.gemini import Gemini
from proxy.usage.json_array import JsonArray
from tests.proxy.usage.given import body, pieces

USAGE = b'{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":2}}'
MIB = 1024 * 1024


@pytest.mark.parametrize("size", [7, 64 * 1024, 4 * MIB])
def test_what_follows_an_event_that_is_too_long_is_read(size: int) -> None:
    long = b'data: {"choices":[{"delta":{"content":"' + b"x" * MIB + b'"}}]}\n\n'
    reader = reader_for(
        "openai-chat", content_type="text/event-stream", status=200, requested_model=None
    )
    for chunk in pieces(long + b"data: " + USAGE + b"\n\n", size):
        reader.feed(chunk)
    assert reader.reading().usage.input_tokens == 11
    assert reader.reading().output_bytes == 0


def test_what_looks_like_an_event_inside_a_long_line_is_none() -> None:
    reader = reader_for(
        "openai-chat", content_type="text/event-stream", status=200, requested_model=None
    )
    reader.feed(b"data: " + b"x" * MIB)
    reader.feed(b"data: " + USAGE + b"\n\n")
    assert reader.reading().usage == UNKNOWN
    reader.feed(b"data: " + USAGE + b"\n\n")
    assert reader.reading().usage.input_tokens == 11


@pytest.mark.parametrize("size", [997, 64 * 1024, 4 * MIB])
def test_what_follows_an_element_that_is_too_long_is_read(size: int) -> None:
    long = b'{"candidates":[{"content":{"parts":[{"text":"' + b'\\"]' * MIB + b'"}]}}]}'
    last = b'{"usageMetadata":{"promptTokenCount":8}}'
    reader = JsonArray(Gemini(), None, cap=MIB)
    for chunk in pieces(b"[" + long + b",\r\n" + last + b"]", size):
        reader.feed(chunk)
    assert reader.reading().usage.input_tokens == 8
    assert reader.reading().output_bytes == 0


def of_events(format_: str, content_type: str) -> UsageReader:
    return reader_for(format_, content_type=content_type, status=200, requested_model=None)


@pytest.mark.parametrize(
    ("made", "start"),
    [
        (partial(of_events, "openai-chat", "text/event-stream"), b'data: {"'),
        (partial(of_events, "openai-chat", "text/event-stream"), b"{"),
        (partial(JsonArray, Gemini(), None, cap=MIB), b'[{"'),
        (partial(of_events, "ollama", "application/x-ndjson"), b'{"'),
    ],
)
@pytest.mark.parametrize("filler", [b"x", b"x\n", b"data: {\n", b"{}"])
def test_an_event_without_an_end_does_not_fill_the_memory(
    made: Callable[[], UsageReader], start: bytes, filler: bytes
) -> None:
    reader = made()
    chunk = filler * (16 * 1024 // len(filler))
    tracemalloc.start()
    try:
        reader.feed(start)
        for _ in range(3 * MIB // len(chunk)):
            reader.feed(chunk)
        reader.end()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * MIB
    assert reader.reading().usage == UNKNOWN


def test_a_body_beyond_the_cap_is_given_up() -> None:
    reader = reader_for(
        "openai-chat", content_type="application/json", status=200, requested_model="m"
    )
    reader.feed(b" " * (32 * MIB))
    reader.feed(USAGE)
    reader.end()
    assert reader.reading().usage == UNKNOWN
    assert reader.reading().model == "m"


def test_of_a_very_long_body_only_the_text_is_not_weighed() -> None:
    choice = b'{"message":{"content":"' + b"x" * (5 * MIB) + b'"}}'
    reading = body(b'{"choices":[' + choice + b"]," + USAGE[len(b'{"choices":[],') :])
    assert reading.usage.input_tokens == 11
    assert reading.complete
    assert reading.output_bytes == 0
