"""How bytes become events: the standard, the habits of vendors, and hostile ones."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import UNKNOWN
from proxy.usage import ErrorSeen, Reading, reader_for
from tests.proxy.usage.given import READ, Sample, body, cut_at, pieces, stream

FORMATS = (
    "openai-chat",
    "openai-responses",
    "openai-embeddings",
    "anthropic-messages",
    "gemini",
    "gemini-interactions",
    "cohere-v2",
    "ollama",
    "dashscope-native",
    "openai-images",
    "openai-audio",
    "never-heard-of",
    None,
)
TYPES = ("text/event-stream", "application/json", "application/x-ndjson", "audio/mpeg", "")
USAGE = b'{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":2}}'
MIB = 1024 * 1024
UNREADABLE = ErrorSeen(type=None, code=None, message=None, where="http_body")

FRAGMENTS = (
    *(b"data: ", b"data:", b"\n", b"\r", b"\r\n", b'{"', b"}", b"[", b"]", b'"', b"\\"),
    *(
        b"[DONE]",
        b'{"usage":{}}',
        b'{"candidates":[{}]}',
        b'{"done":true}',
        b'{"type":"message-end"}',
        b'{"output":{"text":"a"}}',
        b"null",
        b"\xef\xbb\xbf",
        b"\xff",
    ),
    USAGE,
)
hostile = st.binary(max_size=200) | st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(
    b"".join
)


@given(
    st.sampled_from(FORMATS),
    st.sampled_from(TYPES),
    st.sampled_from([200, 404]),
    hostile,
    st.lists(st.integers(0, 300), max_size=5),
)
def test_whatever_the_bytes_and_wherever_they_are_cut_the_reading_is_the_same(
    format_: str | None, content_type: str, status: int, text: bytes, places: list[int]
) -> None:
    readings = []
    for chunks in ([text], cut_at(text, places), pieces(text, 1)):
        reader = reader_for(
            format_, content_type=content_type, status=status, requested_model="m"
        )
        for chunk in chunks:
            reader.feed(chunk)
        reader.end()
        readings.append((reader.reading(), reader.ended))
    assert readings[0] == readings[1] == readings[2]


@given(st.sampled_from(READ), st.integers(0, 2000), st.binary(min_size=1, max_size=9))
def test_a_damaged_sample_is_read_without_complaint(
    sample: Sample, place: int, damage: bytes
) -> None:
    sample.read([sample.body[:place], damage, sample.body[place + len(damage) :]])


def test_an_event_over_several_data_lines_is_one_event() -> None:
    pretty = json.dumps(json.loads(USAGE), indent=1).encode()
    text = b"".join(b"data: " + line + b"\n" for line in pretty.splitlines()) + b"\n"
    assert stream(text).usage.input_tokens == 11
    assert stream(text[:-20]).usage == UNKNOWN
    assert _byte_by_byte(text.replace(b"\n", b"\r\n")).usage.input_tokens == 11


def _byte_by_byte(text: bytes) -> Reading:
    reader = reader_for(
        "openai-chat", content_type="text/event-stream", status=200, requested_model=None
    )
    for byte in pieces(text, 1):
        reader.feed(byte)
    return reader.reading()


def test_a_byte_order_mark_does_not_hide_the_first_event() -> None:
    assert _byte_by_byte(b"\xef\xbb\xbfdata: " + USAGE + b"\n").usage.input_tokens == 11


def test_a_malformed_event_is_skipped_and_the_next_one_read() -> None:
    assert stream(b'data: {"usage"\n\ndata: ' + USAGE + b"\n\n").usage.input_tokens == 11


def test_an_error_behind_the_events_needs_no_data_prefix() -> None:
    text = b"data: " + USAGE + b'\n\n{\n "error": {\n "message": "boom"\n }\n}\n'
    error = stream(text).error
    assert error is not None
    assert (error.message, error.where) == ("boom", "stream_event")
    text = b'{"error":{"message":"boom"}}\ndata: ' + USAGE + b"\n\n"
    assert stream(text).error == error
    assert stream(text).usage.input_tokens == 11


def test_done_ends_a_stream_before_its_line_does() -> None:
    reader = reader_for(
        "openai-chat", content_type="text/event-stream", status=200, requested_model=None
    )
    reader.feed(b"data: [DONE")
    assert not reader.ended
    reader.feed(b"]")
    assert reader.ended


def test_done_inside_a_text_ends_nothing() -> None:
    reading = stream(b'data: {"choices":[{"delta":{"content":"data: [DONE]"}}]}\n\n')
    assert not reading.complete
    assert reading.output_bytes == 12


def test_content_types_are_read_without_their_parameters() -> None:
    reader = reader_for(
        "openai-chat",
        content_type="Text/Event-Stream ;charset=utf-8",
        status=200,
        requested_model=None,
    )
    reader.feed(b"data: " + USAGE)
    reader.end()
    assert reader.reading().usage.input_tokens == 11


@pytest.mark.parametrize("kind", ["text/plain", "application/json", "", "text/html"])
@pytest.mark.parametrize(
    "start", [b"", b"\n", b": hello\n\n", b"event: x\n", b"\xef\xbb\xbf"]
)
def test_events_are_read_under_any_content_type(kind: str, start: bytes) -> None:
    said = b'data: {"choices":[{"delta":{"content":"abc"}}]}\n\n'
    text = start + said + b"data: " + USAGE + b"\n\ndata: [DONE]\n\n"
    whole, cut = (
        reader_for(
            "openai-chat", content_type=kind, status=200, requested_model="asked-for"
        )
        for _ in range(2)
    )
    for chunk in pieces(text, 7):
        whole.feed(chunk)
    whole.end()
    assert whole.reading() == stream(text)
    assert whole.reading().usage.input_tokens == 11
    cut.feed(start + said)
    assert (cut.reading().output_bytes, cut.reading().complete) == (3, False)


def test_nesting_without_end_is_no_answer() -> None:
    deep = b'{"choices":' + b'[{"delta":' * 50_000
    assert stream(b"data: " + deep + b"\n\n").usage == UNKNOWN
    assert body(deep).error is None
    assert body(deep, "openai-chat", 500).error == UNREADABLE


def test_a_compressed_body_tells_nothing() -> None:
    assert body(gzip.compress(USAGE)).usage == UNKNOWN


def test_an_unknown_format_is_not_counted() -> None:
    reading = body(USAGE, "never-heard-of")
    assert (reading.usage, reading.model, reading.complete) == (UNKNOWN, "asked-for", False)
    assert stream(b"data: " + USAGE + b"\n\n", "never-heard-of").usage == UNKNOWN


def test_a_failed_answer_is_read_for_its_error_only() -> None:
    text = b'{"error":{"message":"boom","type":"t"},"usage":{"prompt_tokens":1}}'
    reading = body(text, "openai-chat", 503)
    assert reading.usage == UNKNOWN
    assert reading.error == ErrorSeen(
        type="t", code=None, message="boom", where="http_body"
    )


@pytest.mark.parametrize(
    ("text", "message", "code"),
    [
        (b'[{"error":{"code":503,"message":"later"}}]', "later", 503),
        (b'{"detail":"no such route"}', "no such route", None),
        (b'{"type":"error","error":{"details":{"error_code":"spent"}}}', None, "spent"),
        (b'{"error":{"message":["odd"],"code":"c"}}', None, "c"),
        (b'{"error":null,"message":"flat","code":7}', "flat", 7),
    ],
)
def test_errors_come_in_many_shapes(text: bytes, message: str, code: object) -> None:
    error = body(text, "gemini", 500).error
    assert error is not None
    assert (error.message, error.code) == (message, code)


def test_a_vendors_long_text_is_cut() -> None:
    error = body(json.dumps({"error": {"message": "x" * 9999}}).encode(), status=400).error
    assert error is not None
    assert error.message == "x" * 1000
    text = json.dumps({"error": {"message": "x" * 99_999}}).encode()
    assert body(text, status=400).error == UNREADABLE
    assert stream(b'data: {"model":"' + b"m" * 9999 + b'"}\n\n').model == "asked-for"
