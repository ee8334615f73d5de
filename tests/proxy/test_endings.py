"""A stream that a budget cuts ends as if it had reached its limit, wherever it is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.vendors import Format
from proxy.endings import Opening, ending_for
from proxy.endings.framing import LONGEST
from proxy.usage import reader_for
from tests.proxy.cuts import AT, USED, borders, cut, ending_of, objects
from tests.proxy.streams import ALL_STREAMS, Stream

every_stream = pytest.mark.parametrize("stream", ALL_STREAMS, ids=lambda s: s.name)


@every_stream
def test_what_is_not_cut_is_relayed_to_the_byte(stream: Stream) -> None:
    for size in (1, 7, len(stream.body)):
        ending = ending_of(stream)
        pieces = [stream.body[at : at + size] for at in range(0, len(stream.body), size)]
        events = [event for piece in pieces for event in ending.feed(piece)]
        assert b"".join(events) + ending.rest() == stream.body
        assert events == ending_of(stream).feed(stream.body)


@every_stream
def test_a_cut_anywhere_is_a_cut_behind_a_whole_event(stream: Stream) -> None:
    whole = {cut(stream, at).all for at in borders(stream)}
    for at in range(len(stream.body) + 1):
        found = cut(stream, at)
        assert stream.body.startswith(found.relayed)
        assert found.all in whole


@every_stream
def test_what_the_client_gets_is_whole_and_final(stream: Stream) -> None:
    for at in borders(stream):
        body = cut(stream, at).all
        objects(stream, body)
        reader = reader_for(
            stream.format,
            content_type=stream.content_type,
            status=200,
            requested_model="asked-for",
        )
        reader.feed(body)
        reader.end()
        reading = reader.reading()
        assert reading.complete or reading.error is not None


@every_stream
def test_a_stream_is_ended_once(stream: Stream) -> None:
    ending = ending_of(stream)
    for event in ending.feed(stream.body[: len(stream.body) // 2]):
        ending.relayed(event)
    assert ending.close(USED)
    assert ending.close(USED) == b""


# Their last event has no end, or is left out: that much is said for them.
UNENDED = frozenset(
    {
        "ollama/stream_chat_no_final_newline",
        "openai-chat/stream_missing_final_blank_line",
        "openai-chat/stream_missing_done",
        "anthropic-messages/stream_cut_after_delta",
    }
)
ENDED = [s for s in ALL_STREAMS if s.finished and s.name not in UNENDED]


@pytest.mark.parametrize("stream", ENDED, ids=lambda s: s.name)
def test_a_stream_that_has_ended_by_itself_gets_nothing_more(stream: Stream) -> None:
    assert cut(stream, len(stream.body)).added == b""


@every_stream
def test_an_event_without_an_end_is_passed_on_and_then_nothing_can_be_said(
    stream: Stream,
) -> None:
    ending = ending_of(stream)
    endless = b'[{"a":"' if stream.content_type == "application/json" else b'data: {"a":"'
    passed = b"".join(ending.feed(endless))
    passed += b"".join(b"".join(ending.feed(b"x" * 65_536)) for _ in range(20))
    assert len(passed) > LONGEST
    assert ending.close(USED) == b""


@pytest.mark.parametrize(
    ("format", "content_type"),
    [
        ("openai-chat", "application/json"),
        ("openai-embeddings", "text/event-stream"),
        ("ollama", "text/html"),
    ],
)
def test_what_is_no_stream_has_no_ending(
    format: Format,  # noqa: A002
    content_type: str,
) -> None:
    opening = Opening(call_id="c-1", model=None, at=AT)
    assert ending_for(format, content_type=content_type, opening=opening) is None


NAMES = ["type", "event_type", "index", "output_index", "content_index", "choices", "delta"]
NAMES += ["item", "response", "part", "message", "output", "candidates"]
KINDS = ["content_block_start", "response.output_item.added", "content-start"]
KINDS += ["response.output_text.delta", "response.content_part.added", "step.start"]
odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(NAMES), inner | st.sampled_from(KINDS), max_size=5
        )
    ),
    max_leaves=25,
)


@settings(max_examples=200)
@given(st.lists(odd, max_size=6), st.sampled_from(ALL_STREAMS))
def test_whatever_a_vendor_sends_can_be_ended(said: list[object], stream: Stream) -> None:
    ending = ending_of(stream)
    if stream.content_type == "application/json":
        body = json.dumps(said).encode()[:-1]
    elif stream.content_type == "application/x-ndjson":
        body = b"".join(json.dumps(each).encode() + b"\n" for each in said)
    else:
        body = b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in said)
    relayed = ending.feed(body)
    for event in relayed:
        ending.relayed(event)
    added = ending.close(USED)
    objects(stream, b"".join(relayed) + added)
    assert added or b"message" in body  # which may be an error of Cohere's
