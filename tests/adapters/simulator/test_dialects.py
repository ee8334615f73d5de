"""What Azure, Cohere, Ollama and Mistral have of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.simulator.given import (
    KEY,
    PROMPT,
    PROMPT_TOKENS,
    Vendor,
    request_of,
    text_of,
    usage_of,
)

BEARER = {"authorization": f"Bearer {KEY}"}


def test_azure_answers_to_a_deployment_and_only_with_a_version(vendor: Vendor) -> None:
    path, body = request_of("azure", "m", stream=False)
    assert vendor.client.post(path, json=body, headers={"api-key": KEY}).is_success
    bare = vendor.client.post(path.partition("?")[0], json=body, headers={"api-key": KEY})
    assert bare.status_code == 404
    other = vendor.client.post(
        "/openai/deployments/mine/dance?api-version=1", json=body, headers={"api-key": KEY}
    )
    assert other.status_code == 404
    embedded = vendor.client.post(
        "/openai/deployments/mine/embeddings?api-version=2024-10-21",
        json={"model": "e", "input": "abcd"},
        headers={"api-key": KEY},
    )
    assert embedded.json()["usage"]["prompt_tokens"] == 1


@pytest.mark.parametrize(
    ("path", "body", "vectors"),
    [
        ("/v2/embed", {"texts": ["abcd", "efghi"], "input_type": "x"}, "embeddings.float"),
        ("/api/embed", {"input": ["abcd", "efghi"]}, "embeddings"),
    ],
)
def test_embeddings_state_what_they_cost(
    vendor: Vendor, path: str, body: dict[str, Any], vectors: str
) -> None:
    answer = vendor.client.post(path, json={"model": "e", **body}, headers=BEARER).json()
    found = answer
    for name in vectors.split("."):
        found = found[name]
    assert [len(each) for each in found] == [8, 8]
    item = vendor.only_item()
    assert (item["input_tokens"], item["output_tokens"], item["model"]) == (3, 0, "e")
    silent = vendor.client.post(
        path, json={"model": "e+nousage", **body}, headers=BEARER
    ).text
    assert "tokens" not in silent
    assert "count" not in silent


def test_ollama_streams_unless_told_not_to_and_wants_no_key(vendor: Vendor) -> None:
    _, body = request_of("ollama-chat", "m", stream=True)
    assert "stream" not in body
    answer = vendor.client.post("/api/chat", json=body)
    assert answer.headers["content-type"] == "application/x-ndjson"
    *pieces, last = [json.loads(line) for line in answer.text.splitlines()]
    assert [piece["done"] for piece in pieces] == [False] * len(pieces)
    assert (last["done"], last["prompt_eval_count"]) == (True, PROMPT_TOKENS)
    assert vendor.client.get("/api/tags").json()["models"][0]["name"] == "llama3.2"
    limited = vendor.client.post("/api/chat", json=body | {"options": {"num_predict": 2}})
    assert text_of(limited.text, stream=True) == "Hello fr"
    free = vendor.client.post("/api/chat", json=body | {"options": {"num_predict": -1}})
    assert text_of(free.text, stream=True).endswith(PROMPT)


DASHSCOPE = "/api/v1/services/aigc/text-generation/generation"
STREAMED = BEARER | {"x-dashscope-sse": "enable"}


@pytest.mark.parametrize(
    ("parameters", "texts"),
    [
        ({}, ["Hell", "Hello fr", "Hello fr"]),
        ({"incremental_output": True}, ["Hell", "o fr", ""]),
    ],
)
def test_dashscope_repeats_what_it_said_unless_told_not_to(
    vendor: Vendor, parameters: dict[str, Any], texts: list[str]
) -> None:
    body = {
        "model": "m",
        "input": {"prompt": PROMPT},
        "parameters": {"max_tokens": 2, **parameters},
    }
    answer = vendor.client.post(DASHSCOPE, json=body, headers=STREAMED)
    events = [json.loads(line[5:]) for line in answer.text.splitlines() if line[:2] == "da"]
    assert [event["output"]["text"] for event in events] == texts
    assert [event["usage"]["output_tokens"] for event in events] == [1, 2, 2]
    reasons = [event["output"]["finish_reason"] for event in events]
    assert reasons == ["null", "null", "length"]
    assert answer.text.startswith("id:1\nevent:result\n:HTTP_STATUS/200\ndata:{")
    assert vendor.only_item()["input_tokens"] == PROMPT_TOKENS


@pytest.mark.parametrize("headers", [BEARER, STREAMED])
def test_dashscope_calls_a_tool(vendor: Vendor, headers: dict[str, str]) -> None:
    tool = {"type": "function", "function": {"name": "look_up"}}
    body = {
        "model": "m+tool",
        "input": {"messages": [{"role": "user", "content": PROMPT}]},
        "parameters": {"tools": [tool], "result_format": "message"},
    }
    answer = vendor.client.post(DASHSCOPE, json=body, headers=headers).text
    assert '"name":"look_up"' in answer
    assert '"finish_reason":"tool_calls"' in answer


def test_dashscope_embeds_and_wants_a_key(vendor: Vendor) -> None:
    path = "/api/v1/services/embeddings/text-embedding/text-embedding"
    body = {"model": "e", "input": {"texts": ["abcd", "efghi"]}}
    answer = vendor.client.post(path, json=body, headers=BEARER).json()
    assert [len(each["embedding"]) for each in answer["output"]["embeddings"]] == [8, 8]
    assert answer["usage"] == {"total_tokens": 3}
    assert vendor.only_item()["input_tokens"] == 3
    refused = vendor.client.post(path, json=body)
    assert (refused.status_code, refused.json()["code"]) == (401, "InvalidApiKey")


def test_cohere_wants_a_key(vendor: Vendor) -> None:
    path, body = request_of("cohere-v2", "m", stream=False)
    refused = vendor.client.post(path, json=body)
    assert (refused.status_code, refused.json()["message"]) == (401, "no api key supplied")


@pytest.mark.parametrize("asked", [False, True])
def test_mistral_states_the_usage_of_a_stream_that_was_not_asked_for_it(
    vendor: Vendor,
    asked: bool,  # noqa: FBT001
) -> None:
    path, body = request_of("openai-chat", "m+mistral+tokens=4", stream=True)
    if not asked:
        del body["stream_options"]
    answer = vendor.client.post(path, json=body, headers=BEARER).text
    usage = usage_of("openai-chat", answer, stream=True)
    assert usage is not None
    item = vendor.only_item()
    assert usage["output_tokens"] == item["output_tokens"] == 4
    assert answer.count('"usage":{') == 1
    last = [line for line in answer.splitlines() if '"usage":{' in line]
    assert ('"finish_reason":"stop"' in last[0]) is not asked
