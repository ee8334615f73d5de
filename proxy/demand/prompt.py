"""How many tokens a prompt is at most: the bytes of its text, and what stands around it.

A token is at least one byte, so text counts by its bytes in UTF-8; so do the definitions of
tools and whatever else is not known here, as JSON. What is known to be no text (the model,
numbers, switches) counts nothing. Around the text vendors put marks of their own:

- 5 a message, 3 at the end. OpenAI's cookbook ("How to count tokens") has 3 a message, its
  role, and 3 for the answer's beginning; the templates of Llama 3 and Qwen 5 a message.
- 2 between the parts of one message, which most join without any.
- The system message that a template brings along, by the model's name (`TEMPLATES`):
  gpt-oss about 70, Llama 3 about 30, Qwen 2.5 about 21, Magistral about 150.
- Anthropic, "Tool use", pricing: at most 804 once there are tools, and 245 to 735 for each
  tool of its own making (bash, text editor, computer).
- Cohere's own preamble; its size is not documented, the answers' usage shows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import orjson

from domain.vendors import Format
from proxy.demand.media import KEYS, medium

PER_MESSAGE, PER_PART, AT_THE_END = 5, 2, 3
TEMPLATES: tuple[tuple[str, int], ...] = (
    ("gpt-oss", 128),
    ("magistral", 256),
    ("llama", 48),
    ("meta-llama", 48),
    ("qwen", 32),
    ("claude", 16),
)
PER_FORMAT: Mapping[Format, int] = MappingProxyType({"cohere-v2": 512})
TOOLS: Mapping[Format, int] = MappingProxyType(
    {"anthropic-messages": 1_024, "cohere-v2": 1_536}
)
PER_OWN_TOOL = 1_024
OTHER_TOOLS = 32  # what introduces them, where nobody says how much that is

# Top-level fields that no vendor puts before the model.
ENVELOPE = frozenset(
    {
        "anthropic_beta",
        "anthropic_version",
        "audio",
        "background",
        "betas",
        "cachedContent",
        "cached_content",
        "container",
        "conversation",
        "embedding_types",
        "encoding_format",
        "include",
        "input_type",
        "keep_alive",
        "labels",
        "logit_bias",
        "metadata",
        "modalities",
        "model",
        "models",
        "previous_interaction_id",
        "previous_response_id",
        "prompt_cache_key",
        "prompt_cache_retention",
        "provider",
        "reasoning",
        "reasoning_effort",
        "response_modalities",
        "route",
        "safety_identifier",
        "safety_settings",
        "safetySettings",
        "service_tier",
        "stop",
        "stop_sequences",
        "store",
        "stream",
        "stream_options",
        "thinking",
        "tool_choice",
        "transforms",
        "truncation",
        "user",
        "verbosity",
    }
)
# Top-level fields that hold what is said, message by message and part by part.
SPOKEN = frozenset(
    {
        "content",
        "contents",
        "context",
        "input",
        "inputs",
        "instances",
        "instructions",
        "messages",
        "prompt",
        "requests",
        "system",
        "systemInstruction",
        "system_instruction",
    }
)
# Where messages and parts hold others.
NESTED = frozenset(
    {
        "content",
        "contents",
        "functionResponse",
        "function_response",
        "messages",
        "output",
        "parts",
        "source",
        "texts",
    }
)
# Settings, with perhaps a schema among them.
CONFIGS = frozenset({"generationConfig", "generation_config", "options", "parameters"})
QUIET = frozenset(
    {"cache_control", "detail", "media_type", "mimeType", "mime_type", "role", "type"}
)
MESSAGE = frozenset({"role", "content"})  # the usual one
LONGEST_QUIET = 40  # characters; what is longer is no role
# Fields by which a vendor reads what it has kept.
KEPT = frozenset(
    {
        "previous_response_id",
        "previous_interaction_id",
        "conversation",
        "cachedContent",
        "cached_content",
        "container",
    }
)


@lru_cache(maxsize=1024)  # much the same few models again and again
def _around(format: Format, model: str) -> int:  # noqa: A002
    """What is there whatever is said."""
    template = sum(more for start, more in TEMPLATES if model.startswith(start))
    return AT_THE_END + PER_FORMAT.get(format, 0) + template


def prompt_bound(
    format: Format,  # noqa: A002
    fields: dict[str, Any],
    model: str,
) -> tuple[int, bool]:
    """The most that the prompt in these fields of a body counts as, in tokens.

    And whether the body holds all of it.
    """
    prompt, tokens = _Prompt(model), _around(format, model)
    for name, value in fields.items():
        kind = type(value)
        if name in ENVELOPE or not (kind is str or kind is dict or kind is list):
            continue
        if name in SPOKEN:
            tokens += prompt.said(value, PER_MESSAGE)
        elif name == "images":
            found = medium(name, fields, model)
            tokens += 0 if found is None else found.tokens
        elif name == "tools":
            tokens += _tools(format, value)
        elif name in CONFIGS and kind is dict:
            tokens += _config(value)
        elif kind is str:
            tokens += _bytes(value)
        else:
            tokens += len(orjson.dumps(value))
    if KEPT.isdisjoint(fields):  # the usual case
        return tokens, prompt.whole
    return tokens, prompt.whole and not any(fields.get(name) for name in KEPT)


class _Prompt:
    """Adds up what is said; notes what is only referred to."""

    __slots__ = ("_model", "whole")

    def __init__(self, model: str) -> None:
        self._model = model
        self.whole = True

    def said(self, value: object, around: int) -> int:
        """What a text, a part, or a list of them counts as at most."""
        if type(value) is str:
            return around + _bytes(value)
        if type(value) is dict:
            return self._part(value, around)
        if type(value) is list:
            total = 0
            for each in value:
                total += _simple(each, around) or self.said(each, around)
            return total
        return 1 if type(value) is int else 0  # tokens may come as their numbers

    def _part(self, part: dict[str, Any], around: int) -> int:
        total = around
        for name, value in part.items():
            kind = type(value)
            if kind is str and (name == "text" or name in NESTED):
                total += _bytes(value)
            elif name in QUIET and (kind is not str or len(value) <= LONGEST_QUIET):
                continue
            elif name in KEYS and (found := medium(name, part, self._model)) is not None:
                total += found.tokens
                self.whole = self.whole and found.seen
            elif name in NESTED:
                total += self.said(value, PER_PART)
            elif kind is str:
                total += len(name) + _bytes(value)
            elif kind is dict or kind is list:
                total += len(name) + len(orjson.dumps(value))
        return total


def _simple(message: object, around: int) -> int:
    """What a message that is but a role and a text counts as; 0: it is another."""
    if type(message) is not dict or message.keys() != MESSAGE:
        return 0
    role, text = message["role"], message["content"]
    if type(role) is not str or type(text) is not str or len(role) > LONGEST_QUIET:
        return 0
    return around + _bytes(text)


def _tools(format: Format, tools: object) -> int:  # noqa: A002
    """Their definitions, and what vendors say about them to the model."""
    if not tools:
        return 0
    own = 0
    for tool in tools if type(tools) is list else ():
        if type(tool) is dict and tool.get("type", "custom") not in {"custom", "function"}:
            own += 1
    around = TOOLS.get(format, OTHER_TOOLS)
    return len(orjson.dumps(tools)) + around + own * PER_OWN_TOOL


def _config(settings: dict[str, Any]) -> int:
    total = 0
    for value in settings.values():
        if type(value) is str and len(value) > LONGEST_QUIET:
            total += _bytes(value)
        elif value and type(value) in {dict, list}:
            total += len(orjson.dumps(value))
    return total


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
