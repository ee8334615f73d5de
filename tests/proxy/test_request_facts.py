"""Facts and words of a request are read from its body, in each format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.routing_facts import RequestFacts
from domain.routing_words import LONGEST_WORDS
from domain.vendors import Format
from proxy.incoming import NotReadable
from proxy.request_facts import MOST_LOOKED_AT, MOST_TOOL_NAMES, read_facts

CHAT: Format = "openai-chat"
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}


def facts(spoken: Format, **body: Any) -> RequestFacts:
    return read_facts(spoken, json.dumps(body).encode())[0]


def words(spoken: Format, **body: Any) -> str:
    return read_facts(spoken, json.dumps(body).encode())[1].text


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def said(content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": content}


@pytest.mark.parametrize("where", ["input", "message"])
def test_of_very_long_words_the_beginning_is_looked_at(where: str) -> None:
    text = "word " * 1_000_000
    asked = text if where == "input" else [user(text)]
    assert len(words("openai-responses", input=asked)) == LONGEST_WORDS


def test_a_chat_is_counted() -> None:
    found = facts(
        CHAT,
        model="auto",
        stream=True,
        max_tokens=100,
        messages=[user([{"type": "text", "text": "why? ```x```"}, PICTURE])],
        tools=[{"type": "function", "function": {"name": "search"}}],
        reasoning_effort="high",
    )
    assert found.requested_model == "auto"
    assert (found.messages, found.images, found.tools) == (1, 1, 1)
    assert (found.streaming, found.thinking, found.cache_control) == (True, True, False)
    assert (found.chars, found.code_blocks, found.questions) == (12, 1, 1)
    assert found.max_output_tokens == 100
    assert found.input_tokens > 50


def test_the_words_are_those_since_the_last_answer() -> None:
    chat = [user("old"), said("answer"), user("new"), user("<system-reminder>x")]
    assert words(CHAT, messages=chat) == "new"


def test_a_turn_with_tools_keeps_the_users_words() -> None:
    chat = [user("old"), said("yes"), user("look it up"), said(None)]
    chat += [{"role": "tool", "content": "result"}, said(None)]
    assert words(CHAT, messages=chat) == "look it up"
    result = {"type": "tool_result", "content": [{"type": "text", "text": "sql"}]}
    blocks = [user([{"type": "text", "text": "look it up"}]), said([]), user([result])]
    assert words("anthropic-messages", messages=blocks) == "look it up"


def test_several_messages_of_the_user_are_taken_together_in_their_order() -> None:
    assert words(CHAT, messages=[said("x"), user("one"), user("two")]) == "one\ntwo"


def test_an_anthropic_request_is_read() -> None:
    found = facts(
        "anthropic-messages",
        system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
        messages=[user([{"type": "image", "source": {}}, {"type": "text", "text": "hi"}])],
        thinking={"type": "enabled", "budget_tokens": 1000},
        tools=[{"name": "bash"}, {"type": "web_search_20250305", "name": "web_search"}],
        max_tokens=5,
    )
    assert (found.images, found.thinking, found.cache_control) == (1, True, True)
    assert (found.tools, found.max_output_tokens) == (2, 5)


@pytest.mark.parametrize("mark", ["system", "message", "part", "tool"])
def test_a_mark_for_the_cache_is_found_wherever_it_stands(mark: str) -> None:
    cached = {"cache_control": {"type": "ephemeral"}}
    part = {"type": "text", "text": "x", **(cached if mark == "part" else {})}
    body: dict[str, Any] = {
        "messages": [user([part]) | (cached if mark == "message" else {})],
        "tools": [{"name": "t", **(cached if mark == "tool" else {})}],
        "system": [{"type": "text", "text": "s", **(cached if mark == "system" else {})}],
    }
    assert facts("anthropic-messages", **body).cache_control


def test_a_responses_request_is_read() -> None:
    items = [
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": "hi"}],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_image"}]},
        {"type": "function_call_output", "output": "x"},
    ]
    found = facts("openai-responses", input=items, reasoning={"effort": "low"})
    assert (found.images, found.messages, found.thinking) == (1, 3, True)
    assert words("openai-responses", input=items) == "hi"
    assert words("openai-responses", input="just this") == "just this"


def test_an_embedding_has_words_too() -> None:
    assert words("openai-embeddings", input="a") == "a"
    assert words("openai-embeddings", input=["b", "c"]) == "b"
    assert words("openai-embeddings", input=[1, 2, 3]) == ""


@pytest.mark.parametrize(
    ("field", "value"), [("reasoning_effort", "none"), ("thinking", {"type": "disabled"})]
)
def test_thinking_that_is_switched_off_is_none(field: str, value: Any) -> None:
    assert not facts(CHAT, **{field: value}).thinking


def test_tools_are_known_by_name_or_else_by_type() -> None:
    tools = [{"type": "web_search"}, {"function": {"name": "f"}}, {"name": "n"}, 5, {}]
    body = json.dumps({"tools": tools, "functions": [{"name": "old"}]}).encode()
    assert read_facts(CHAT, body)[1].tool_names == ("web_search", "f", "n", "old")


def test_of_more_tools_than_anybody_has_the_first_names_are_looked_at() -> None:
    tools = [{"name": f"t{n % 600}"} for n in range(1200)]
    names = read_facts(CHAT, json.dumps({"tools": tools}).encode())[1].tool_names
    assert names == tuple(f"t{n}" for n in range(MOST_TOOL_NAMES))


@pytest.mark.parametrize("size", [40, 1_400_000])
def test_a_picture_is_some_tokens_however_large_its_base64_is(size: int) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:;base64," + "A" * size}}
    found = facts(CHAT, messages=[user([{"type": "text", "text": "x" * 400}, picture])])
    assert 1000 < found.input_tokens < 1200


def test_what_is_of_the_wrong_kind_counts_as_missing() -> None:
    odd = facts(CHAT, model=5, stream="true", max_tokens=1.5, messages="x", tools={})
    assert odd == RequestFacts(format=CHAT, input_tokens=odd.input_tokens)
    assert facts(CHAT, max_tokens=True).max_output_tokens is None


def test_only_the_last_parts_of_an_endless_request_are_looked_at() -> None:
    chat = [user([PICTURE]) for _ in range(MOST_LOOKED_AT)]
    found = facts(CHAT, messages=chat)
    assert found.images == MOST_LOOKED_AT // 2
    assert found.messages == MOST_LOOKED_AT
    assert facts(CHAT, messages=[1] * 600_000).messages == 0


@pytest.mark.parametrize(
    "body", [b"", b"[]", rb'{"x": "\ud800"}', b'"x"', b"{", b"\xff", b"[" * 100_000]
)
def test_what_is_no_object_is_not_readable(body: bytes) -> None:
    with pytest.raises(NotReadable):
        read_facts(CHAT, body)


names = st.sampled_from(
    ["role", "content", "type", "text", "cache_control", "name", "function", "source", "x"]
)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=15,
)
fields = st.sampled_from(
    ["model", "messages", "input", "system", "tools", "thinking", "reasoning", "max_tokens"]
)


@settings(max_examples=400, deadline=None)
@given(
    body=st.dictionaries(fields, anything),
    spoken=st.sampled_from(
        [CHAT, "openai-responses", "anthropic-messages", "openai-embeddings"]
    ),
)
def test_any_object_can_be_read(body: dict[str, Any], spoken: Format) -> None:
    found, said = read_facts(spoken, json.dumps(body).encode())
    assert found.chars == len(said.text)
