"""Vendors' own formats: what they repeat, add up, and end with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.usage import UNKNOWN, OtherUnits, Usage, UsageSource
from tests.proxy.usage.given import body, stream

DONE = b"data: [DONE]\n\n"


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def plain(value: dict[str, Any], format_: str) -> Usage:
    return body(json.dumps(value).encode(), format_).usage


def test_dashscopes_increments_are_added_and_repeated_texts_are_not() -> None:
    def said(*texts: str) -> bytes:
        return b"".join(event({"output": {"text": text}}) for text in texts)

    assert stream(said("1", "12", "123"), "dashscope-native").output_bytes == 3
    assert stream(said("1", "2", "3", ""), "dashscope-native").output_bytes == 3
    assert stream(said("1", "12", "3"), "dashscope-native").output_bytes == 4


def test_dashscope_repeats_only_if_it_repeats_all_it_said() -> None:
    def said(content: str, thought: str) -> bytes:
        message = {"content": content, "reasoning_content": thought}
        return event({"output": {"choices": [{"message": message}]}})

    added = said("", "ab") + said("c", "") + said("cd", "")
    assert stream(added, "dashscope-native").output_bytes == 5
    repeated = said("", "ab") + said("c", "ab") + said("cd", "ab")
    assert stream(repeated, "dashscope-native").output_bytes == 4


def test_dashscopes_embeddings_and_images_are_counted() -> None:
    assert plain({"usage": {"total_tokens": 9}}, "dashscope-native") == Usage(
        input_tokens=9, output_tokens=0, total_tokens=9, source=UsageSource.REPORTED
    )
    images = plain({"usage": {"image_count": 2}}, "dashscope-native")
    assert images.other == OtherUnits(images=2)


def test_an_interaction_ends_with_its_usage() -> None:
    usage = {"total_input_tokens": 20, "total_tool_use_tokens": 2, "total_tokens": 40}
    usage |= {"total_output_tokens": 9, "total_thought_tokens": 6}
    tools = {"grounding_tool_count": [{"type": "google_search", "count": 2}]}
    said = event({"event_type": "step.delta", "delta": {"type": "text", "text": "Hello"}})
    ended = {"interaction": {"model": "g", "usage": usage | tools}}
    text = said + event({"event_type": "interaction.completed"} | ended)
    reading = stream(text, "gemini-interactions")
    assert reading.usage == Usage(
        input_tokens=22,
        output_tokens=15,
        reasoning_tokens=6,
        total_tokens=40,
        other=OtherUnits(web_searches=2),
        source=UsageSource.REPORTED,
    )
    assert (reading.complete, reading.output_bytes) == (True, 5)


def test_a_failed_interaction_is_an_error_and_a_running_one_is_not_complete() -> None:
    assert body(b'{"status":"failed"}', "gemini-interactions").error is not None
    assert not body(b'{"status":"in_progress"}', "gemini-interactions").complete


def test_what_is_written_for_a_tool_that_takes_text_is_output() -> None:
    custom = {"index": 0, "type": "custom", "custom": {"name": "run", "input": "print(1)"}}
    chunk = {"choices": [{"delta": {"tool_calls": [custom]}}]}
    delta = {"type": "response.custom_tool_call_input.delta", "delta": "print(1)"}
    item = {"type": "custom_tool_call", "name": "run", "input": "print(1)"}
    for value, format_ in ((chunk, "openai-chat"), (delta, "openai-responses")):
        told = stream(b"data: " + json.dumps(value).encode() + b"\n\n", format_)
        assert told.output_bytes == 8
    whole = json.dumps({"status": "completed", "output": [item]}).encode()
    assert body(whole, "openai-responses").output_bytes == 8


@pytest.mark.parametrize("told", [b'{"embedding":[0.5]}', b'{"embeddings":[[0.5]]}'])
def test_an_embedding_of_ollama_without_counts_is_whole_and_its_usage_unknown(
    told: bytes,
) -> None:
    assert body(told, "ollama").complete
    assert body(told, "ollama").usage == UNKNOWN
    counted = told[:-1] + b',"prompt_eval_count":3}'
    usage = body(counted, "ollama").usage
    assert (usage.input_tokens, usage.output_tokens) == (3, 0)


@pytest.mark.parametrize("format_", ["openai-responses", "gemini-interactions"])
@pytest.mark.parametrize("status", ["queued", "in_progress", "completed"])
def test_what_has_not_ended_with_its_answer_goes_on(format_: str, status: str) -> None:
    told = body(json.dumps({"status": status, "usage": None}).encode(), format_)
    assert told.goes_on == (status != "completed")
    assert told.complete == (status == "completed")


def test_a_stream_of_what_is_written_in_the_background_goes_on_when_it_is_cut() -> None:
    def told(kind: str, **fields: object) -> bytes:
        return event({"type": kind, "response": {"background": True, **fields}})

    begun = told("response.created", status="queued", usage=None)
    ended = told("response.completed", usage={"input_tokens": 3, "output_tokens": 2})
    assert stream(begun, "openai-responses").goes_on
    assert not stream(begun + ended, "openai-responses").goes_on
    usual = event({"type": "response.created", "response": {"background": False}})
    assert not stream(usual, "openai-responses").goes_on
