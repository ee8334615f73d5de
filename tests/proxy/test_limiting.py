"""A call that asks for more than is left is lowered, in that one field."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.vendors import Format
from proxy.demand import demand_of
from proxy.limiting import with_output_limit

GENERATING: dict[Format, tuple[str, ...]] = {
    "openai-chat": ("max_tokens",),
    "openai-responses": ("max_output_tokens",),
    "anthropic-messages": ("max_tokens",),
    "gemini": ("generationConfig", "maxOutputTokens"),
    "gemini-interactions": ("generation_config", "max_output_tokens"),
    "ollama": ("options", "num_predict"),
    "cohere-v2": ("max_tokens",),
    "dashscope-native": ("parameters", "max_tokens"),
}
raw = msgspec.json.Decoder(dict[str, msgspec.Raw])


def lowered(
    fields: dict[str, Any],
    limit: int = 50,
    *,
    format: Format = "openai-chat",  # noqa: A002
    model: str | None = "m",
) -> dict[str, Any] | None:
    body = with_output_limit(format, json.dumps(fields).encode(), limit, model=model)
    found: dict[str, Any] | None = None if body is None else json.loads(body)
    return found


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["messages", "top_p", "model", "é", '"']), anything),
    st.sampled_from(list(GENERATING)),
    st.none() | st.integers(-2, 200),
    st.integers(16, 100),
    st.sampled_from([None, 0, 2]),
)
def test_that_field_changes_and_no_other(
    fields: dict[str, Any],
    format: Format,  # noqa: A002
    asked: int | None,
    limit: int,
    indent: int | None,
) -> None:
    fields["messages"] = fields.get("messages")
    *within, name = GENERATING[format]
    holder = fields
    if within:
        holder = fields[within[0]] = {"seed": 1, "top_k": [1.50, 2]}
    if asked is not None:
        holder[name] = asked
    body = json.dumps(fields, ensure_ascii=False, indent=indent).encode()
    after = with_output_limit(format, body, limit, model="m")
    assert after is not None
    said = demand_of(format, after, streaming=False, model="m").output_limit
    assert said == (limit if asked is None or asked <= 0 else min(asked, limit))
    before_raw, after_raw = raw.decode(body), raw.decode(after)
    for at in within:
        before_raw |= {f"{at}.{n}": v for n, v in raw.decode(before_raw.pop(at)).items()}
        after_raw |= {f"{at}.{n}": v for n, v in raw.decode(after_raw.pop(at)).items()}
    changed = ".".join([*within, name])
    before_raw.pop(changed, None)
    after_raw.pop(changed)
    assert before_raw == after_raw  # to the byte, and in their order
    assert list(before_raw) == list(after_raw)


def test_what_is_low_enough_stays_as_it_is() -> None:
    body = b'{ "max_tokens" : 20, "messages":[] }'
    assert with_output_limit("openai-chat", body, 20, model="m") is body


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("m", "max_tokens"),
        ("gpt-4o", "max_tokens"),
        ("o3-mini", "max_completion_tokens"),
        ("openai/gpt-5-mini", "max_completion_tokens"),
        (None, "max_completion_tokens"),
    ],
)
def test_a_chat_gets_the_name_that_its_model_takes(model: str | None, name: str) -> None:
    assert lowered({"messages": []}, model=model) == {"messages": [], name: 50}
    nothing: dict[str, Any] = {
        "messages": [],
        "max_tokens": None,
        "max_completion_tokens": None,
    }
    assert lowered(nothing, model=model) == nothing | {name: 50}


def test_the_name_that_the_caller_used_is_kept() -> None:
    old, new = {"max_tokens": 90, "messages": []}, {"max_completion_tokens": 90}
    assert lowered(old, model="o3") == {"max_tokens": 50, "messages": []}
    assert lowered(new) == {"max_completion_tokens": 50}
    assert lowered({**old, **new}) == {
        "max_tokens": 50,
        "messages": [],
        "max_completion_tokens": 50,
    }
    assert lowered({"prompt": "x"}, model="gpt-5") == {"prompt": "x", "max_tokens": 50}


def test_settings_are_made_where_there_are_none() -> None:
    assert lowered({"contents": [], "generationConfig": None}, format="gemini") == {
        "contents": [],
        "generationConfig": {"maxOutputTokens": 50},
    }
    snake = {"generation_config": {"max_output_tokens": 99, "seed": 1}}
    assert lowered(snake, format="gemini") == {
        "generation_config": {"max_output_tokens": 50, "seed": 1}
    }
    endless = {"prompt": "x", "options": {"num_predict": -1}}
    assert lowered(endless, format="ollama") == {
        "prompt": "x",
        "options": {"num_predict": 50},
    }


def test_a_claude_keeps_the_tokens_that_it_is_to_think_with() -> None:
    thinking = {"max_tokens": 9_000, "thinking": {"type": "enabled", "budget_tokens": 2048}}
    assert lowered(thinking, 2_048, format="anthropic-messages") is None
    after = lowered(thinking, 2_049, format="anthropic-messages")
    assert after == thinking | {"max_tokens": 2_049}


@pytest.mark.parametrize("format", sorted(set(get_args(Format)) - GENERATING.keys()))
def test_a_format_without_such_a_field_is_left_alone(format: Format) -> None:  # noqa: A002
    assert lowered({"input": "x"}, format=format) is None


@pytest.mark.parametrize(
    ("format", "fields"),
    [
        ("cohere-v2", {"texts": ["x"]}),
        ("gemini", {"requests": []}),
        ("ollama", {"input": "x"}),
        ("dashscope-native", {"input": {"texts": ["x"]}}),
        ("gemini", {"contents": [], "generationConfig": 3}),
    ],
)
def test_what_writes_nothing_is_left_alone(
    format: Format,  # noqa: A002
    fields: dict[str, Any],
) -> None:
    assert lowered(fields, format=format) is None


def test_a_limit_that_no_vendor_takes_is_none() -> None:
    assert lowered({"input": "x"}, 15, format="openai-responses") is None
    assert lowered({"messages": []}, 0) is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null", b"--form\r\n"])
def test_what_is_no_object_is_left_alone(body: bytes) -> None:
    assert with_output_limit("openai-chat", body, 5, model="m") is None
