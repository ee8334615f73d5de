"""Which numbers are believed, and how those of several events become one usage."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import UNKNOWN, OtherUnits, Usage, UsageSource
from proxy.usage import Reading
from tests.proxy.usage.given import body, stream

LARGEST = 2**53 - 1
DONE = b"data: [DONE]\n\n"


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def believed(value: object) -> int | None:
    """What a reported value counts for."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if value < 0 or value != int(value):
        return None
    return min(int(value), LARGEST)


numbers = st.integers(-5, 2**80) | st.floats(allow_nan=False, allow_infinity=False)
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2)
    ),
    max_leaves=4,
)


@pytest.mark.parametrize("reasoned", [{"reasoning_tokens": 317}, {}], ids=["xai", "google"])
@pytest.mark.parametrize("streams", [True, False])
def test_what_only_the_total_tells_was_written_too(
    reasoned: dict[str, int], *, streams: bool
) -> None:
    usage = {
        "prompt_tokens": 12,
        "completion_tokens": 2,
        "total_tokens": 331,
        "completion_tokens_details": reasoned,
    }
    answer = {"model": "m", "choices": [], "usage": usage}
    if streams:
        early = {**usage, "completion_tokens": 0, "total_tokens": 12}
        reading = stream(event({**answer, "usage": early}) + event(answer) + DONE)
    else:
        reading = body(json.dumps(answer).encode())
    told = reading.usage
    assert (told.input_tokens, told.output_tokens, told.total_tokens) == (12, 319, 331)


@given(st.lists(anything, min_size=4, max_size=4))
def test_nonsense_in_one_field_costs_only_that_field(values: list[Any]) -> None:
    into, out, total, cached = values
    usage = {
        "prompt_tokens": into,
        "completion_tokens": out,
        "total_tokens": total,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": out},
    }
    reading = stream(event({"model": "m", "choices": [], "usage": usage}) + DONE)
    told = [believed(value) for value in values]
    asked, written, both, _ = told
    if asked is not None and written is not None and (both or 0) > asked + written:
        written = (both or 0) - asked
    assert reading.model == "m"
    if told[:3] == [None] * 3:
        assert reading.usage == UNKNOWN
    else:
        assert reading.usage == Usage(
            input_tokens=told[0],
            output_tokens=written,
            total_tokens=told[2],
            cache_read_tokens=told[3],
            other=OtherUnits(audio_input_tokens=told[1]) if told[1] else None,
            source=UsageSource.REPORTED,
        )


@given(anything, anything, anything)
def test_nonsense_around_the_usage_does_not_hide_it(
    choices: object, details: object, model: object
) -> None:
    usage = {
        "prompt_tokens": 3,
        "completion_tokens": 4,
        "completion_tokens_details": details,
    }
    reading = body(
        json.dumps({"choices": choices, "model": model, "usage": usage}).encode()
    )
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (3, 4)


@given(st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=6))
def test_the_last_number_wins_but_a_zero_never_replaces_more(
    told: list[int | None],
) -> None:
    events = [event({"usage": {"prompt_tokens": 1, "completion_tokens": n}}) for n in told]
    known = [n for n in told if n is not None]
    more = [n for n in known if n > 0]
    expected = more[-1] if more else (0 if known else None)
    assert stream(b"".join(events)).usage.output_tokens == expected


def test_usage_before_the_stream_broke_off_is_partial() -> None:
    text = event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 1}})
    assert stream(text).usage.source is UsageSource.PARTIAL
    assert not stream(text).complete
    assert stream(text + DONE).usage.source is UsageSource.REPORTED


def test_done_behind_an_error_does_not_make_the_numbers_final() -> None:
    text = event({"usage": {"prompt_tokens": 5}}) + event({"error": {"message": "boom"}})
    assert stream(text + DONE).usage.source is UsageSource.PARTIAL


def test_an_error_for_a_finish_reason_finishes_nothing() -> None:
    assert not stream(event({"choices": [{"finish_reason": "error"}]})).complete
    assert stream(event({"choices": [{"finish_reason": "stop"}]})).complete


def test_negative_counts_and_undecodable_names_are_not_reported() -> None:
    usage = b'"usage":{"prompt_tokens":-1,"completion_tokens":2,"total_tokens":-0.5}'
    reading = body(b'{"model":"\xff",' + usage + b"}")
    assert reading.usage == Usage(output_tokens=2, source=UsageSource.REPORTED)
    assert reading.model == "asked-for"


def test_usage_inside_a_choice_or_under_x_groq_is_read() -> None:
    usage = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    moonshot = stream(event({"choices": [{"delta": {}, "usage": usage}]}) + DONE)
    groq = stream(event({"choices": [], "x_groq": {"usage": usage}}) + DONE)
    for reading in (moonshot, groq):
        assert (reading.usage.input_tokens, reading.usage.total_tokens) == (5, 6)


def test_content_in_parts_is_weighed() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm…"}]}
    content = [thinking, {"type": "text", "text": "ok"}]
    reading = stream(event({"choices": [{"delta": {"content": content}}]}))
    assert reading.output_bytes == len("hm…ok".encode())


def test_one_odd_tool_call_costs_only_itself() -> None:
    calls = [{"function": {"arguments": {"a": 1}}}, {"function": {"arguments": "{}"}}]
    choice = {"delta": {"content": "x", "tool_calls": calls}, "finish_reason": "tool_calls"}
    reading = stream(event({"choices": [choice]}))
    assert reading.complete
    assert reading.output_bytes == len("x{}")


def test_anthropics_placeholder_is_no_output() -> None:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 1}
    start = event({"type": "message_start", "message": {"model": "c", "usage": usage}})
    reading = stream(start, "anthropic-messages")
    assert reading.usage == Usage(
        input_tokens=15, cache_read_tokens=5, source=UsageSource.PARTIAL
    )


def test_anthropics_cumulative_output_without_an_end_is_partial() -> None:
    usage = {"input_tokens": 10, "output_tokens": 1}
    start = event({"type": "message_start", "message": {"model": "c", "usage": usage}})
    delta = event({"type": "message_delta", "delta": {}, "usage": {"output_tokens": 7}})
    reading = stream(start + delta, "anthropic-messages")
    assert reading.usage == Usage(
        input_tokens=10, output_tokens=7, source=UsageSource.PARTIAL
    )


def test_a_message_that_ends_without_a_delta_has_what_its_start_said() -> None:
    start = event({"message": {"usage": {"input_tokens": 10, "output_tokens": 3}}})
    reading = stream(start + event({"type": "message_stop"}), "anthropic-messages")
    assert reading.usage == Usage(
        input_tokens=10, output_tokens=3, source=UsageSource.REPORTED
    )


def test_compaction_iterations_of_a_stream_are_added_once() -> None:
    start = event({"message": {"usage": {"input_tokens": 100, "output_tokens": 1}}})
    compaction = {"type": "compaction", "input_tokens": 9000, "output_tokens": 500}
    usage = {"output_tokens": 40, "iterations": [compaction, {"type": "message"}]}
    delta = event({"type": "message_delta", "delta": {}, "usage": usage})
    stop = event({"type": "message_stop"})
    reading = stream(start + delta + delta + stop, "anthropic-messages")
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (9100, 540)


def test_gemini_ends_when_every_candidate_has() -> None:
    def chunk(*candidates: tuple[int, str | None]) -> bytes:
        listed = [{"index": index, "finishReason": why} for index, why in candidates]
        return event({"candidates": listed, "usageMetadata": {"promptTokenCount": 8}})

    both = chunk((0, None), (1, None))
    assert not stream(both + chunk((0, "STOP")), "gemini").complete
    assert stream(both + chunk((0, "STOP")) + chunk((1, "STOP")), "gemini").complete


def test_a_blocked_prompt_ends_a_stream_without_output() -> None:
    blocked = {"promptFeedback": {"blockReason": "OTHER"}}
    reading = stream(event(blocked | {"usageMetadata": {"promptTokenCount": 8}}), "gemini")
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (8, 0)
    assert reading.complete


def test_a_failed_response_is_an_error_and_its_usage_final() -> None:
    failed = {"type": "response.failed", "response": {"usage": {"input_tokens": 5}}}
    reading = stream(event(failed), "openai-responses")
    assert reading.error is not None
    assert not reading.complete
    assert reading.usage == Usage(input_tokens=5, source=UsageSource.REPORTED)


def test_an_embedding_with_a_null_count_falls_back_to_the_total() -> None:
    text = b'{"usage":{"prompt_tokens":null,"total_tokens":8.0}}'
    reading = body(text, "openai-embeddings")
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (8, 0)


def message(start: dict[str, Any], delta: dict[str, Any] | None, text: str = "") -> Reading:
    spoken = {"type": "content_block_delta", "delta": {"text": text}}
    stopped = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    events: tuple[dict[str, Any], ...] = (
        {"type": "message_start", "message": {"usage": start}},
        spoken,
        stopped if delta is None else {**stopped, "usage": delta},
        {"type": "message_stop"},
    )
    return stream(b"".join(map(event, events)), "anthropic-messages")


STARTED = {"input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 1}


@pytest.mark.parametrize(
    ("delta", "into", "cached"),
    [
        ({"input_tokens": 0, "cache_read_input_tokens": 0}, 150, 50),
        ({"input_tokens": 0}, 150, 50),
        ({"input_tokens": 0, "cache_read_input_tokens": 150}, 150, 150),
        ({"input_tokens": 200, "cache_read_input_tokens": 0}, 200, 0),
        ({"cache_creation_input_tokens": 7}, 157, 50),
    ],
)
def test_zeros_at_the_end_of_a_message_take_nothing_back(
    delta: dict[str, Any], into: int, cached: int
) -> None:
    usage = message(STARTED, {**delta, "output_tokens": 9}).usage
    assert (usage.input_tokens, usage.cache_read_tokens) == (into, cached)
    assert (usage.output_tokens, usage.source) == (9, UsageSource.REPORTED)


def test_a_placeholder_is_no_report_of_a_text() -> None:
    told = message(STARTED, None, "x" * 400)
    assert (told.usage.output_tokens, told.usage.source) == (1, UsageSource.PARTIAL)
    assert message(STARTED, None).usage.source is UsageSource.REPORTED


def test_a_gemini_that_wrote_something_used_more_than_nothing() -> None:
    usage = {"promptTokenCount": 5, "totalTokenCount": 5}
    parts = {"content": {"parts": [{"text": "abc"}]}, "finishReason": "STOP"}
    told = body(
        json.dumps({"candidates": [parts], "usageMetadata": usage}).encode(), "gemini"
    )
    assert (told.usage.output_tokens, told.usage.source) == (None, UsageSource.PARTIAL)


def test_what_the_models_of_an_application_used_is_added_up() -> None:
    models = [
        {"name": "a", "prompt_tokens": 5, "completion_tokens": 10, "total_tokens": 15},
        {"name": "b", "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
    ]
    told = body(json.dumps({"usage": None, "bot_usage": {"model_usage": models}}).encode())
    assert (told.usage.input_tokens, told.usage.output_tokens) == (6, 12)
    assert told.usage.total_tokens == 18
