"""`+tool`: the first tool is called with the user's text, and its result is answered."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from adapters.simulator.counting import arguments, tokens_of
from tests.adapters.simulator.given import (
    KEY,
    PROMPT,
    PROMPT_TOKENS,
    Vendor,
    events_of,
    request_of,
    text_of,
    usage_of,
)

ARGUMENTS = arguments(PROMPT)
FUNCTION = {"name": "look_up", "parameters": {"type": "object"}}
NESTED = [{"type": "function", "function": FUNCTION}]
TOOLS: dict[str, list[Any]] = {
    "openai-chat": NESTED,
    "azure": NESTED,
    "openai-responses": [{"type": "function", **FUNCTION}],
    "anthropic-messages": [{"name": "look_up", "input_schema": {"type": "object"}}],
    "gemini": [{"functionDeclarations": [FUNCTION]}],
    "gemini-array": [{"functionDeclarations": [FUNCTION]}],
    "cohere-v2": NESTED,
    "ollama-chat": NESTED,
}
RESULT: Any = {"role": "tool", "tool_call_id": "call_1", "content": "42"}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "42"}
ANSWERED = {"functionResponse": {"name": "look_up", "response": {"result": 42}}}
RESULTS: dict[str, Any] = {
    "openai-responses": {"type": "function_call_output", "call_id": "c", "output": "42"},
    "anthropic-messages": {"role": "user", "content": [TOOL_RESULT]},
    "gemini": {"role": "user", "parts": [ANSWERED]},
    "gemini-array": {"role": "user", "parts": [ANSWERED]},
}
every_format_with_tools = pytest.mark.parametrize("form", TOOLS)
plain_and_streamed = pytest.mark.parametrize("stream", [False, True])


def asked_with_tools(
    vendor: Vendor, form: str, model: str, *, stream: bool, answered: bool = False
) -> httpx.Response:
    path, body = request_of(form, model, stream=stream)
    body["tools"] = TOOLS[form]
    if answered:
        place = next(name for name in ("messages", "contents", "input") if name in body)
        said = body[place]
        said = [{"role": "user", "content": said}] if isinstance(said, str) else said
        body[place] = [*said, RESULTS.get(form, RESULT)]
    headers = {"authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}
    return vendor.client.post(path, json=body, headers=headers)


def called(documents: list[Any]) -> str:
    """The arguments of the call in these documents, pieces put together."""
    found = []

    def look(value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                look(each)
        elif isinstance(value, dict):
            for name, each in value.items():
                if name in {"arguments", "input", "args", "partial_json"} and each:
                    found.append(each if isinstance(each, str) else json.dumps(each))
                else:
                    look(each)

    if documents[0].get("type") == "response.created":  # its last events repeat the whole
        kind = "response.function_call_arguments.delta"
        return "".join(event["delta"] for event in documents if event["type"] == kind)
    look(documents)
    return "".join(found)


@every_format_with_tools
@plain_and_streamed
def test_the_first_tool_is_called_and_its_arguments_are_what_the_answer_costs(
    vendor: Vendor, form: str, *, stream: bool
) -> None:
    answer = asked_with_tools(vendor, form, "m+tool", stream=stream)
    assert "look_up" in answer.text
    documents = events_of(answer.text) if stream else [answer.json()]
    assert json.loads(called(documents)) == {"text": PROMPT}
    assert text_of(answer.text, stream=stream) == ""
    usage = usage_of(form, answer.text, stream=stream)
    assert usage is not None
    assert usage["output_tokens"] == tokens_of(ARGUMENTS)
    item = vendor.only_item()
    assert (item["input_tokens"], item["output_tokens"]) == (
        PROMPT_TOKENS,
        tokens_of(ARGUMENTS),
    )
    assert item["outcome"] == "complete"


@every_format_with_tools
@plain_and_streamed
def test_a_tools_result_is_answered_in_text(
    vendor: Vendor, form: str, *, stream: bool
) -> None:
    answer = asked_with_tools(vendor, form, "m+tool", stream=stream, answered=True)
    said = text_of(answer.text, stream=stream)
    assert said.startswith("Hello from the simulator.")


def test_mistral_calls_in_one_chunk(vendor: Vendor) -> None:
    answer = asked_with_tools(vendor, "openai-chat", "m+tool+mistral", stream=True)
    (call,) = [line for line in answer.text.splitlines() if 'tool_calls":[' in line]
    assert "look_up" in call
    assert json.loads(called(events_of(answer.text))) == {"text": PROMPT}
    assert vendor.only_item()["output_tokens"] == tokens_of(ARGUMENTS)


@plain_and_streamed
def test_without_a_tool_to_call_or_room_for_the_call_text_is_said(
    vendor: Vendor, *, stream: bool
) -> None:
    said = text_of(vendor.call("openai-chat", "m+tool", stream=stream).text, stream=stream)
    assert said.startswith("Hello")
    path, body = request_of("openai-chat", "m+tool", stream=stream)
    body |= {"tools": NESTED, "max_tokens": 2}
    cut = vendor.client.post(path, json=body, headers={"authorization": KEY}).text
    assert text_of(cut, stream=stream) == ARGUMENTS[:8]
    assert '"finish_reason":"length"' in cut
