"""Every sample is read as its `expected.json` says, however its bytes are cut."""

from __future__ import annotations

from dataclasses import asdict
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.usage import UsageSource
from proxy.usage import Reading
from tests.proxy.usage.given import (
    ALL,
    NEEDS_INFLATING,
    READ,
    STREAMS,
    Sample,
    cut_at,
    named,
    pieces,
)

NUMBERS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "total_tokens",
)
OTHERS = (
    "web_searches",
    "search_units",
    "billed_input_tokens",
    "billed_output_tokens",
)
TERMINAL = {
    "openai-chat": (b"[DONE]",),
    "openai-responses": (b'"response.completed"', b'"response.failed"'),
    "anthropic-messages": (b'"message_stop"', b"[DONE]"),
    "gemini": (b'"finishReason"',),
    "cohere-v2": (b'"message-end"',),
    "dashscope-native": (b'"finish_reason":"stop"',),
    "gemini-interactions": (b'"interaction.completed"',),
    "ollama": (b'"done":true',),
}

every_sample = pytest.mark.parametrize("sample", READ, ids=lambda sample: sample.name)
every_stream = pytest.mark.parametrize("sample", STREAMS, ids=lambda sample: sample.name)


def expect(reading: Reading, sample: Sample) -> None:
    expected = sample.expected
    told = expected["usage"] or {}
    usage = asdict(reading.usage)
    assert {name: usage[name] for name in NUMBERS} == {n: told.get(n) for n in NUMBERS}
    other = usage["other"] or {}
    assert {name: other.get(name) for name in OTHERS} == {n: told.get(n) for n in OTHERS}
    assert any(value is not None for value in other.values()) == (
        usage["other"] is not None
    )
    assert usage["reported_cost_micro_usd"] == micro_usd(told.get("provider_cost_usd"))
    assert reading.usage.source == expected["usage_source"]
    assert reading.model == expected["model"]
    assert reading.complete == expected["stream_complete"]
    assert (reading.error and asdict(reading.error)) == expected["error"]
    texts = [expected["output_text"], expected["reasoning_text"]]
    texts += [call["arguments"] for call in expected["tool_calls"] or ()]
    assert reading.output_bytes == sum(len(text.encode()) for text in texts if text)


def micro_usd(dollars: float | None) -> int | None:
    return None if dollars is None else round(dollars * 1_000_000)


def test_the_samples_are_all_here() -> None:
    assert len(ALL) == 107
    assert len(READ) == 106


@every_sample
def test_a_sample_is_read_in_one_piece(sample: Sample) -> None:
    expect(sample.read([sample.body]), sample)


@every_sample
def test_a_sample_is_read_byte_by_byte(sample: Sample) -> None:
    expect(sample.read(pieces(sample.body, 1)), sample)


@every_sample
def test_a_sample_is_read_in_seven_byte_pieces(sample: Sample) -> None:
    expect(sample.read(pieces(sample.body, 7)), sample)


@pytest.mark.parametrize(
    "sample", [s for s in READ if s.nasty], ids=lambda sample: sample.name
)
def test_a_sample_is_read_with_its_nasty_chunk_borders(sample: Sample) -> None:
    expect(sample.read(cut_at(sample.body, accumulate(sample.nasty))), sample)


@every_stream
def test_a_stream_cut_at_any_byte_is_read_as_far_as_it_goes(sample: Sample) -> None:
    whole = sample.read([sample.body])
    for place in range(len(sample.body)):
        reading = sample.read([sample.body[:place]])
        assert reading.output_bytes <= whole.output_bytes
        assert reading.usage.source in {whole.usage.source, "partial", "none"}


@every_stream
def test_a_stream_has_ended_when_its_terminal_mark_was_fed(sample: Sample) -> None:
    known = TERMINAL[sample.expected["format"]]
    marks = [sample.body.find(mark) + len(mark) for mark in known if mark in sample.body]
    reader = sample.reader()
    for place, byte in enumerate(pieces(sample.body, 1)):
        if not marks or place < min(marks) - 1:
            assert not reader.ended
        reader.feed(byte)
    assert reader.ended == bool(marks)


@every_stream
def test_asking_in_between_changes_nothing(sample: Sample) -> None:
    reader = sample.reader()
    for chunk in pieces(sample.body, 50):
        reader.feed(chunk)
        reader.reading()
    reader.end()
    reader.end()
    expect(reader.reading(), sample)


def test_a_compressed_stream_tells_nothing() -> None:
    sample = named(NEEDS_INFLATING)
    reading = sample.read(pieces(sample.body, 7))
    assert reading.usage.source is UsageSource.NONE
    assert not reading.complete


@given(st.sampled_from(READ), st.lists(st.integers(0, 2000), max_size=12))
@settings(max_examples=300)
def test_where_the_chunks_end_does_not_matter(sample: Sample, places: list[int]) -> None:
    expect(sample.read(cut_at(sample.body, places)), sample)
