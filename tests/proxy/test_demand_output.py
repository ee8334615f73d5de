"""How much a call may have written, and whether it can be counted as it streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.vendors import Format
from proxy.demand import Demand, demand_of


def demand(
    fields: dict[str, Any],
    *,
    format: Format = "openai-chat",  # noqa: A002
    model: str | None = "m",
    streaming: bool = True,
) -> Demand:
    body = json.dumps(fields, ensure_ascii=False).encode()
    return demand_of(format, body, streaming=streaming, model=model)


LIMITS: list[tuple[Format, dict[str, Any], int | None]] = [
    ("openai-chat", {"max_tokens": 7}, 7),
    ("openai-chat", {"max_completion_tokens": 8}, 8),
    ("openai-chat", {"max_tokens": 7, "max_completion_tokens": 9}, 9),
    ("openai-chat", {"max_tokens": 7.0}, 7),
    ("openai-chat", {"max_tokens": None}, None),
    ("openai-chat", {"max_tokens": 0}, None),
    ("openai-chat", {"max_tokens": 0, "max_completion_tokens": 7}, 7),
    ("openai-chat", {"max_tokens": True}, None),
    ("openai-chat", {"max_tokens": "7"}, None),
    ("openai-responses", {"max_output_tokens": 7}, 7),
    ("anthropic-messages", {"max_tokens": 7}, 7),
    ("anthropic-messages", {"max_tokens": 0}, 0),
    ("gemini", {"generationConfig": {"maxOutputTokens": 7}}, 7),
    ("gemini", {"generation_config": {"max_output_tokens": 7}}, 7),
    ("gemini", {"generationConfig": 3}, None),
    ("gemini", {"generationConfig": {"maxOutputTokens": 0}}, None),
    (
        "gemini",
        {
            "generationConfig": {"maxOutputTokens": 1},
            "generation_config": {"max_output_tokens": 9},
        },
        9,
    ),
    ("gemini-interactions", {"generation_config": {"max_output_tokens": 7}}, 7),
    ("ollama", {"options": {"num_predict": 7}}, 7),
    ("ollama", {"options": {"num_predict": -1}}, None),
    ("ollama", {"options": {"num_predict": 0}}, None),
    ("cohere-v2", {"messages": [], "max_tokens": 7}, 7),
    ("dashscope-native", {"parameters": {"max_tokens": 7}}, 7),
    ("openai-embeddings", {"input": "x"}, 0),
    ("cohere-v2", {"texts": ["x"]}, 0),
    ("cohere-v2", {"query": "x", "documents": ["y"]}, 0),
    ("gemini", {"content": {"parts": []}}, 0),
    ("gemini", {"requests": []}, 0),
    ("ollama", {"input": "x"}, 0),
    ("dashscope-native", {"input": {"texts": ["x"]}}, 0),
]


@pytest.mark.parametrize(("format", "fields", "limit"), LIMITS)
def test_the_callers_own_limit_is_found(
    format: Format,  # noqa: A002
    fields: dict[str, Any],
    limit: int | None,
) -> None:
    assert demand(fields, format=format).output_limit == limit


@pytest.mark.parametrize(
    ("fields", "choices"),
    [
        ({"n": 3}, 3),
        ({"n": 0}, 1),
        ({"n": "many"}, 1),
        ({"n": 2, "best_of": 5}, 5),
        ({"prompt": ["a", "b"], "n": 2}, 4),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"generationConfig": {"candidateCount": 4}}, 4),
        ({"parameters": {"n": 4}}, 4),
        ({"generationConfig": {}, "generation_config": {"candidate_count": 4}}, 4),
    ],
)
def test_every_answer_is_counted(fields: dict[str, Any], choices: int) -> None:
    found = demand(fields)
    assert found.choices == choices
    assert found.visible == (choices == 1)


NO_THINKING = {"thinkingConfig": {"thinkingBudget": 0}}
TWICE = {"generationConfig": NO_THINKING, "generation_config": {}}
SEEN: list[tuple[Format, str | None, dict[str, Any]]] = [
    ("openai-chat", "gpt-4o", {}),
    ("openai-chat", "gpt-5.1", {"reasoning_effort": "none"}),
    ("openai-chat", "deepseek-reasoner", {}),
    ("openai-chat", "Qwen/Qwen3-32B", {}),
    ("openai-chat", "gpt-4o", {"tools": [{"type": "function"}]}),
    ("openai-chat", "gpt-4o", {"modalities": ["text"]}),
    ("openai-responses", "gpt-4.1", {}),
    ("anthropic-messages", "claude-sonnet-4-5", {}),
    ("anthropic-messages", "claude-3-7-sonnet", {"thinking": {"type": "enabled"}}),
    ("anthropic-messages", "claude-opus-9", {"thinking": {"type": "disabled"}}),
    ("anthropic-messages", "claude-haiku-4-5", {"tools": [{"name": "a"}]}),
    ("anthropic-messages", "claude-haiku-4-5", {"tools": [{"type": "bash_20250124"}]}),
    ("gemini", "models/gemini-2.0-flash", {}),
    ("gemini", "gemini-2.5-flash", {"generationConfig": NO_THINKING}),
    ("gemini", "gemini-2.0-flash", {"tools": [{"functionDeclarations": []}]}),
    ("ollama", "gpt-oss:20b", {"think": "high"}),
    ("cohere-v2", "command-a", {"messages": []}),
    ("dashscope-native", "qwen-plus", {"parameters": {"enable_thinking": True}}),
]  # fmt: skip
UNSEEN: list[tuple[Format, str | None, dict[str, Any]]] = [
    ("openai-chat", None, {}),
    ("openai-chat", "o3-mini", {}),
    ("openai-chat", "openai/gpt-5-mini", {}),
    ("openai-chat", "gpt-6-luna", {"reasoning_effort": "low"}),
    ("openai-chat", "m", {"reasoning_effort": "low"}),
    ("openai-chat", "m", {"reasoning": {"exclude": True}}),
    ("openai-chat", "m", {"include_reasoning": False}),
    ("openai-chat", "m", {"prediction": {"content": "x"}}),
    ("openai-chat", "gpt-audio", {"modalities": ["text", "audio"]}),
    ("openai-chat", "gpt-4o", {"web_search_options": {"user_location": None}}),
    ("openai-chat", "gpt-4o-search-preview", {}),
    ("openai-chat", "openai/gpt-4o:online", {}),
    ("openai-chat", "glm-4", {"tools": [{"type": "web_search"}]}),
    ("openai-chat", "groq/compound", {}),
    ("openai-chat", "sonar-pro", {}),
    ("openai-chat", "google/gemini-2.5-pro", {}),
    ("openai-responses", "gpt-4.1", {"tools": [{"type": "code_interpreter"}]}),
    ("openai-responses", "gpt-4.1", {"prompt": {"id": "pmpt_1"}}),
    ("anthropic-messages", "claude-sonnet-4-5", {"thinking": {"type": "enabled"}}),
    ("anthropic-messages", "claude-opus-4-7", {"thinking": {"type": "adaptive"}}),
    ("anthropic-messages", "claude-fable-5", {}),
    ("anthropic-messages", "claude-haiku-4-5", {"tools": [{"type": "web_search_1"}]}),
    ("anthropic-messages", "claude-haiku-4-5", {"mcp_servers": [{"url": "https://x"}]}),
    ("gemini", "gemini-2.5-flash", {}),
    ("gemini", "models/gemini-3-pro", {"generationConfig": {}}),
    ("gemini", "gemini-2.5-flash", TWICE),
    ("gemini", "gemini-2.0-flash", {"tools": [{"googleSearch": {}}]}),
    ("gemini", "gemini-2.0-flash", {"generationConfig": {"responseModalities": ["IMAGE"]}}),
    ("gemini-interactions", "gemini-3-flash", {}),
    ("dashscope-native", "qwen-plus", {"parameters": {"enable_search": True}}),
    ("openai-images", "gpt-image-1", {"prompt": "a cat"}),
    ("openai-audio", "gpt-4o-mini-tts", {"input": "hello"}),
    ("openai-embeddings", "text-embedding-3-small", {"input": "hello"}),
]  # fmt: skip


@pytest.mark.parametrize(("format", "model", "fields"), SEEN)
def test_what_streams_in_full_is_visible(
    format: Format,  # noqa: A002
    model: str | None,
    fields: dict[str, Any],
) -> None:
    assert demand(fields, format=format, model=model).visible
    assert not demand(fields, format=format, model=model, streaming=False).visible


@pytest.mark.parametrize(("format", "model", "fields"), UNSEEN)
def test_what_is_done_out_of_sight_is_not(
    format: Format,  # noqa: A002
    model: str | None,
    fields: dict[str, Any],
) -> None:
    assert not demand(fields, format=format, model=model).visible
