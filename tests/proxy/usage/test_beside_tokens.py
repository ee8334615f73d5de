"""What is charged beside tokens, and what vendors say that a call cost."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import OtherUnits, Usage, UsageSource
from proxy.usage import reader_for
from tests.proxy.usage.given import body, stream

MIB = 1024 * 1024
LARGEST = 2**53 - 1
TOKENS = b'"prompt_tokens":3,"completion_tokens":4'
DONE = b"data: [DONE]\n\n"


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def plain(value: dict[str, Any], format_: str) -> Usage:
    return body(json.dumps(value).encode(), format_).usage


def cost(text: str, format_: str = "openai-chat") -> int | None:
    """What is read of a `cost` that stands so in the answer."""
    answer = b'{"usage":{' + TOKENS + b',"cost":' + text.encode() + b"}}"
    return body(answer, format_).usage.reported_cost_micro_usd


@pytest.mark.parametrize(
    ("text", "micro_usd"),
    [
        ("0.95", 950_000),
        ("0.0000005", 1),
        ("0.00000049999999999999999999999999", 0),
        ("1.0000015", 1_000_002),  # a float would make 1000001 of it
        ("2.5e-7", 0),
        ("5e-7", 1),
        ("0", 0),
        ("3", 3_000_000),
        ('"0.0113"', 11_300),
        ('{"total_cost":0.0113,"currency":"USD"}', 11_300),
        ('{"total_cost":0.0113}', 11_300),
        ("9e15", LARGEST),
        ("1e-999999999", 0),
    ],
)
def test_a_vendors_cost_is_rounded_half_up_from_its_digits(
    text: str, micro_usd: int
) -> None:
    assert cost(text) == micro_usd


@pytest.mark.parametrize(
    "text",
    [
        *("-1", "null", "true", "[]", "{}", '"NaN"', '"sNaN"', '"Infinity"', '""'),
        *("1e999999999", "1" * 61, '{"total_cost":null}', '{"total_cost":-1}'),
        '{"total_cost":0.0113,"currency":"CNY"}',
    ],
)
def test_what_can_be_no_cost_is_unknown_and_costs_no_other_field(text: str) -> None:
    assert cost(text) is None
    answer = b'{"usage":{' + TOKENS + b',"cost":' + text.encode() + b"}}"
    assert body(answer).usage.input_tokens == 3


@given(st.decimals(0, 10**9, allow_nan=False, places=9))
def test_any_cost_is_read_exactly(dollars: Decimal) -> None:
    micro = int((dollars * 10**6).to_integral_value(ROUND_HALF_UP))
    assert cost(str(dollars)) == micro


def test_a_cost_is_believed_of_a_finished_answer_only() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "cost": 0.25}
    text = event({"choices": [], "usage": usage})
    assert stream(text).usage.reported_cost_micro_usd is None
    assert stream(text + DONE).usage.reported_cost_micro_usd == 250_000


def test_a_cost_of_nothing_before_the_end_does_not_hide_the_one_at_the_end() -> None:
    def chunk(dollars: float) -> bytes:
        return event({"usage": {"prompt_tokens": 3, "cost": {"total_cost": dollars}}})

    assert stream(chunk(0) + chunk(0.5) + DONE).usage.reported_cost_micro_usd == 500_000
    assert stream(chunk(0.5) + chunk(0) + DONE).usage.reported_cost_micro_usd == 500_000
    assert stream(chunk(0) + DONE).usage.reported_cost_micro_usd == 0


def test_with_a_key_of_ones_own_the_upstreams_cost_is_added_to_the_fee() -> None:
    details = {"upstream_inference_cost": 19}
    usage = {"prompt_tokens": 194, "cost": 0.95, "cost_details": details}
    assert plain({"usage": usage}, "openai-chat").reported_cost_micro_usd == 950_000
    usage["is_byok"] = True
    assert plain({"usage": usage}, "openai-chat").reported_cost_micro_usd == 19_950_000
    del usage["cost_details"]
    assert plain({"usage": usage}, "openai-chat").reported_cost_micro_usd is None


def test_audio_tokens_and_searches_of_a_chat_are_told_apart() -> None:
    usage = {
        "prompt_tokens": 3,
        "prompt_tokens_details": {"audio_tokens": 2},
        "completion_tokens_details": {"audio_tokens": 1},
        "num_search_queries": 4,
    }
    assert plain({"usage": usage}, "openai-chat").other == OtherUnits(
        audio_input_tokens=2, audio_output_tokens=1, web_searches=4
    )
    usage = {"prompt_tokens": 3, "prompt_tokens_details": {"audio_tokens": 0}}
    assert plain({"usage": usage}, "openai-chat").other is None


@pytest.mark.parametrize(
    "format_", ["openai-chat", "openai-responses", "anthropic-messages"]
)
def test_searches_by_the_vendor_are_counted(format_: str) -> None:
    usage = {"prompt_tokens": 3, "input_tokens": 3, "output_tokens": 1}
    tools = {"server_tool_use": {"web_search_requests": 3}}
    told = plain({"usage": usage | tools}, format_)
    assert told.other == OtherUnits(web_searches=3)


def test_openais_hosted_searches_stand_beside_the_usage() -> None:
    tools = {"web_search": {"num_requests": 2}, "image_gen": {}}
    response = {"tool_usage": tools, "usage": {"input_tokens": 3}}
    ended = event({"type": "response.completed", "response": response})
    assert stream(ended, "openai-responses").usage.other == OtherUnits(web_searches=2)


def test_geminis_audio_and_images_are_counted() -> None:
    usage = {
        "promptTokenCount": 30,
        "candidatesTokenCount": 5,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 10},
            {"modality": "AUDIO", "tokenCount": 20},
        ],
    }
    parts = [{"inlineData": {"mimeType": "image/png", "data": "AAAA"}}, {"text": "x"}]
    answer = {"candidates": [{"content": {"parts": parts}}], "usageMetadata": usage}
    assert plain(answer, "gemini").other == OtherUnits(images=1, audio_input_tokens=20)


def test_cohere_bills_less_than_it_counts() -> None:
    usage = {"tokens": {"input_tokens": 512.0}, "billed_units": {"input_tokens": 12.0}}
    assert plain({"usage": usage}, "cohere-v2") == Usage(
        input_tokens=512,
        other=OtherUnits(billed_input_tokens=12),
        source=UsageSource.REPORTED,
    )


def test_of_an_embedding_cohere_tells_only_what_is_billed() -> None:
    meta = {"billed_units": {"input_tokens": 7, "images": 2}}
    assert plain({"embeddings": {}, "meta": meta}, "cohere-v2") == Usage(
        input_tokens=7,
        output_tokens=0,
        other=OtherUnits(billed_input_tokens=7, images=2),
        source=UsageSource.REPORTED,
    )


def test_what_cohere_bills_for_a_chat_that_failed_is_final() -> None:
    usage = {"tokens": {"input_tokens": 5, "output_tokens": 2}}
    failed = {"finish_reason": "ERROR", "error": "oops", "usage": usage}
    reading = stream(event({"type": "message-end", "delta": failed}), "cohere-v2")
    assert (reading.usage.input_tokens, reading.usage.source) == (5, UsageSource.REPORTED)
    assert not reading.complete


def test_cohere_may_say_why_a_stream_stops_without_a_type() -> None:
    reading = stream(event({"message": "too many"}), "cohere-v2")
    assert reading.error is not None
    assert (reading.error.message, reading.error.where) == ("too many", "stream_event")


def test_an_embedding_by_ollama_generates_nothing() -> None:
    answer = {"model": "m", "embeddings": [[0.1]], "prompt_eval_count": 8}
    reading = body(json.dumps(answer).encode(), "ollama")
    assert (reading.usage.input_tokens, reading.usage.output_tokens) == (8, 0)
    assert reading.complete
    assert not body(b'{"model":"m","done":false}', "ollama").complete


def test_a_line_that_is_the_last_one_ends_a_stream_before_its_line_does() -> None:
    reader = reader_for(
        "ollama", content_type="application/x-ndjson", status=200, requested_model=None
    )
    reader.feed(b'{"done":false}\n{"message":{"content":"}"},"done":true')
    assert not reader.ended
    reader.feed(b"}")
    assert reader.ended
    reader.feed(b" \r")
    assert reader.ended
    reader.feed(b"{")
    assert not reader.ended
    reader.end()
    assert not reader.ended


def test_a_line_that_goes_on_and_on_is_not_read_again_for_each_bracket() -> None:
    reader = reader_for(
        "ollama", content_type="application/x-ndjson", status=200, requested_model=None
    )
    reader.feed(b'{"done":true')
    for bracket in range(17):
        reader.feed(b"}")
        assert reader.ended == (bracket == 0)
    reader.feed(b'\n{"done":true}')
    assert reader.ended


def test_what_follows_a_line_that_is_too_long_is_read() -> None:
    reader = reader_for(
        "ollama", content_type="application/x-ndjson", status=200, requested_model=None
    )
    for chunk in (b'{"response":"', b"x" * MIB, b'"}\n', b'{"eval_count":5,"done":true}'):
        reader.feed(chunk)
    reader.end()
    assert reader.reading().usage.output_tokens == 5
    assert reader.reading().output_bytes == 0


def grounded(model: str, *queries: str) -> dict[str, Any]:
    candidate = {"groundingMetadata": {"webSearchQueries": queries}, "finishReason": "STOP"}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": 4}
    return {"modelVersion": model, "candidates": [candidate], "usageMetadata": usage}


@pytest.mark.parametrize(
    ("model", "queries", "searches"),
    [
        ("gemini-3-flash-preview", ("a", "b", "", "a"), 2),
        ("gemini-3-flash-preview", ("",), None),
        ("gemini-3-flash-preview", (), None),
        ("gemini-2.5-flash", ("a", "b"), 1),
        ("models/gemini-2.0-flash", ("a", "b"), 1),
        ("gemini-flash-latest", ("a", "b"), 2),
    ],
)
def test_searches_of_a_gemini_are_counted_as_they_are_charged(
    model: str, queries: tuple[str, ...], searches: int | None
) -> None:
    answer = grounded(model, *queries)
    expected = None if searches is None else OtherUnits(web_searches=searches)
    assert plain(answer, "gemini").other == expected
    early = {**grounded(model, *queries[:1]), "usageMetadata": {}}
    chunks = event(early) + event(answer) + event(answer)
    assert stream(chunks, "gemini").usage.other == expected


def test_no_number_of_queries_fills_the_memory() -> None:
    many = grounded("gemini-3-flash-preview", *(f"{n}" for n in range(1_000)))
    assert plain(many, "gemini").other == OtherUnits(web_searches=256)
