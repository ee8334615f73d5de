"""What a call may use at most: never less than it says, and not much more."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.usage import ANY_TIER, OtherUnits
from domain.vendors import Format
from proxy.demand import Demand, demand_of
from proxy.demand.media import CLAUDE_IMAGE, GEMINI_IMAGE, PATCHES, TILES_MINI

PNG = base64.b64encode(b"\x89PNG" * 30_000).decode()
JSON_CHAT: Format = "openai-chat"


def demand(
    fields: dict[str, Any],
    *,
    format: Format = JSON_CHAT,  # noqa: A002
    model: str | None = "m",
    streaming: bool = True,
) -> Demand:
    body = json.dumps(fields, ensure_ascii=False).encode()
    return demand_of(format, body, streaming=streaming, model=model)


def said(content: object, **more: object) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": content}], **more}


def test_a_small_prompt_counts_as_little() -> None:
    assert demand(said("hi", max_tokens=20)) == Demand(
        input_tokens=10,
        output_limit=20,
        choices=1,
        visible=True,
        bounded=True,
        units=OtherUnits(service_tier=ANY_TIER),
    )


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(st.lists(texts, min_size=1, max_size=20))
def test_text_counts_by_its_bytes_and_a_few_for_each_message(spoken: list[str]) -> None:
    size = sum(len(text.encode()) for text in spoken)
    plain = [{"role": "user", "content": text} for text in spoken]
    found = demand({"messages": plain}).input_tokens
    assert found == size + 5 * len(spoken) + 3
    parts = [{"type": "text", "text": text} for text in spoken]
    found = demand({"messages": [{"role": "user", "content": parts}]}).input_tokens
    assert found == size + 2 * len(spoken) + 8


spoken = texts | st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": texts}))
messages = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "r" * 41]), "content": spoken | st.none()},
    optional={"name": texts, "tool_call_id": texts},
)
chats = st.fixed_dictionaries(
    {"messages": st.lists(messages | texts | st.integers(), max_size=4)},
    optional={
        "system": spoken,
        "max_tokens": st.none() | st.integers(-1, 9) | st.just(7.0) | texts,
        "max_completion_tokens": st.none() | st.integers(0, 9),
        "temperature": st.floats(0, 2) | texts,
        "reasoning_effort": st.sampled_from(["none", "high"]),
        "stop": texts,
    },
)


@given(
    chats,
    st.sampled_from(["m", "sonar-pro", "gpt-5", "claude-opus-4-7", "openai/gpt-oss-20b"]),
    st.sampled_from([JSON_CHAT, "anthropic-messages"]),
    st.booleans(),
)
def test_a_usual_chat_counts_as_it_would_with_a_rare_field_that_says_nothing(
    fields: dict[str, Any],
    model: str,
    kind: Format,
    streaming: bool,  # noqa: FBT001
) -> None:
    rare = fields | {"n": 1, "tools": None}
    usual = demand(fields, format=kind, model=model, streaming=streaming)
    assert usual == demand(rare, format=kind, model=model, streaming=streaming)


@given(texts, texts)
def test_every_format_counts_its_own_prompt(one: str, two: str) -> None:
    size = len(one.encode()) + len(two.encode())
    bodies: list[tuple[Format, dict[str, Any]]] = [
        ("openai-chat", {"prompt": [one, two], "suffix": ""}),
        ("openai-chat", {"messages": [{"role": "tool", "name": one, "content": two}]}),
        ("openai-responses", {"input": one, "instructions": two}),
        ("openai-responses", {"input": [{"type": "message", "content": [
            {"type": "input_text", "text": one}, {"type": "input_text", "text": two}]}]}),
        ("openai-embeddings", {"input": [one, two]}),
        ("anthropic-messages", {"system": [{"type": "text", "text": one}], "messages": [
            {"role": "user", "content": [{"type": "tool_result", "content": two}]}]}),
        ("gemini", {"systemInstruction": {"parts": [{"text": one}]},
                    "contents": [{"parts": [{"text": two}]}]}),
        ("gemini", {"requests": [{"content": {"parts": [{"text": one}]}},
                                 {"content": {"parts": [{"text": two}]}}]}),
        ("gemini-interactions", {"input": [{"type": "text", "text": one}],
                                 "system_instruction": two}),
        ("ollama", {"prompt": one, "system": two}),
        ("cohere-v2", {"query": one, "documents": [two]}),
        ("dashscope-native", {"input": {"messages": [{"role": "user", "content": [
            {"text": one}, {"text": two}]}]}}),
    ]  # fmt: skip
    for format, fields in bodies:  # noqa: A001
        found = demand(fields, format=format).input_tokens
        assert size <= found <= 2 * size + 600, (format, fields)


@given(st.recursive(
    st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["messages", "content", "parts", "text", "role", "source", "type",
                         "image_url", "input_audio", "file", "data", "tools", "n", "input",
                         "max_tokens", "thinking", "parameters", "generationConfig"]),
        inner, max_size=4),
    max_leaves=20,
), st.sampled_from(get_args(Format)))  # fmt: skip
def test_nothing_that_strangers_write_is_too_odd(fields: object, format: Format) -> None:  # noqa: A002
    body = json.dumps(fields).encode()
    found = demand_of(format, body, streaming=True, model="m")
    assert found.input_tokens >= 0
    assert found.choices >= 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b'"text"', b"[" * 5_000])
def test_what_cannot_be_read_counts_by_its_bytes(body: bytes) -> None:
    found = demand_of("openai-chat", body, streaming=True, model="m")
    assert found == Demand(
        input_tokens=len(body), output_limit=None, choices=1, visible=False, bounded=False
    )


def test_a_form_counts_by_what_images_and_sound_come_to() -> None:
    found = demand_of("openai-audio", b"\xff" * 16_000, streaming=False, model="whisper-1")
    assert found.input_tokens == 1_000
    assert not found.bounded


def test_deep_nesting_is_counted_by_bytes_too() -> None:
    body = b'{"messages":' + b'[{"content":' * 450 + b'"x"' + b"}]" * 450 + b"}"
    assert demand_of("openai-chat", body, streaming=True, model="m").input_tokens > 0


def test_unknown_fields_are_taken_for_text_and_settings_are_not() -> None:
    small = demand(said("hi")).input_tokens
    quiet = {"user": "u" * 500, "metadata": {"a": "b" * 500}, "stop": ["x"] * 50, "seed": 1}
    assert demand(said("hi", **quiet)).input_tokens == small
    assert demand(said("hi", novelty="n" * 500)).input_tokens == small + 500
    assert demand(said("hi", novelty={"a": "n" * 500})).input_tokens >= small + 500


def test_tools_and_schemas_count_with_their_names() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "weather", "parameters": schema}}
    small, size = demand(said("hi")).input_tokens, len(json.dumps(tool))
    with_tool = demand(said("hi", tools=[tool])).input_tokens
    assert small + size * 0.8 <= with_tool <= small + size + 32
    own = demand(
        said("hi", tools=[{"name": "weather", "input_schema": schema}]),
        format="anthropic-messages",
    )
    assert own.input_tokens > small + 804  # Anthropic's own words about tools
    bash = demand(said("hi", tools=[{"type": "bash_1"}]), format="anthropic-messages")
    assert bash.input_tokens > small + 804 + 735  # and about a tool of its own making
    answer = {"type": "json_schema", "json_schema": {"schema": schema}}
    assert demand(said("hi", response_format=answer)).input_tokens > small + 50


MEDIA: list[tuple[Format, str, object, int]] = [
    ("openai-chat", "gpt-4o", {"type": "image_url", "image_url": {"url": PNG}}, PATCHES),
    ("openai-chat", "gpt-4o", {"type": "image_url", "image_url": PNG}, PATCHES),
    (
        "openai-chat",
        "gpt-4o-mini",
        {"type": "image_url", "image_url": {"url": "https://x/y.png"}},
        TILES_MINI,
    ),
    ("openai-responses", "gpt-4.1", {"type": "input_image", "file_id": "file-1"}, PATCHES),
    (
        "anthropic-messages",
        "claude-opus-4-7",
        {"type": "image", "source": {"type": "base64", "media_type": "x", "data": PNG}},
        CLAUDE_IMAGE,
    ),
    (
        "gemini",
        "gemini-3-flash",
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        GEMINI_IMAGE,
    ),
    (
        "gemini-interactions",
        "gemini-3-flash",
        {"type": "image", "data": PNG, "mime_type": "image/png"},
        GEMINI_IMAGE,
    ),
    (
        "openai-chat",
        "gpt-audio",
        {"type": "input_audio", "input_audio": {"data": PNG, "format": "mp3"}},
        len(PNG) // 16 + 1,
    ),
    (
        "openai-chat",
        "voxtral",
        {"type": "input_audio", "input_audio": "data:audio/mp3;base64,aGVsbG8="},
        2,
    ),
]


@pytest.mark.parametrize(("format", "model", "part", "bound"), MEDIA)
def test_media_count_by_their_kind_and_not_by_their_base64(
    format: Format,  # noqa: A002
    model: str,
    part: object,
    bound: int,
) -> None:
    name = "contents" if format == "gemini" else "messages"
    within = "parts" if format == "gemini" else "content"
    without = demand({name: [{within: []}]}, format=format, model=model)
    with_it = demand({name: [{within: [part]}]}, format=format, model=model)
    assert with_it.input_tokens - without.input_tokens == bound + 2
    assert with_it.bounded


def test_ollamas_images_are_images_wherever_they_stand() -> None:
    top = demand({"prompt": "hi", "images": [PNG]}, format="ollama")
    message = {"role": "user", "content": "hi", "images": [PNG, PNG]}
    assert top.input_tokens < 5_000
    assert demand({"messages": [message]}, format="ollama").input_tokens < 10_000


@pytest.mark.parametrize(
    "part",
    [
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_audio", "input_audio": "https://example.com/a.mp3"},
        {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64," + PNG}},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "https://example.com/f"}},
    ],
)
def test_what_is_only_referred_to_has_no_bound(part: dict[str, Any]) -> None:
    found = demand(said([part]))
    assert not found.bounded
    assert found.input_tokens > 1_000


def test_a_document_that_is_text_counts_as_text() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "word " * 1_000}
    found = demand(said([{"type": "document", "source": source}]))
    assert 5_000 <= found.input_tokens < 5_050
    assert found.bounded


@pytest.mark.parametrize(
    "kept", ["previous_response_id", "conversation", "cachedContent", "container"]
)
def test_what_the_vendor_keeps_has_no_bound(kept: str) -> None:
    assert not demand(said("hi", **{kept: "id-1"})).bounded


def test_a_large_body_is_read_in_no_time() -> None:
    part = {"type": "text", "text": "lorem ipsum\n" * 300}
    body = json.dumps(said([part] * 30)).encode()
    started = time.perf_counter()
    for _ in range(20):
        demand_of("openai-chat", body, streaming=True, model="gpt-4o")
    assert (time.perf_counter() - started) / 20 < 0.01  # 0.0001 on an idle machine
