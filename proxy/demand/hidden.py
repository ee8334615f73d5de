"""What a vendor does unseen: reasons without showing it, or uses tools of its own.

Both are charged as output, or as input, that no byte of the stream tells. In doubt it is
unseen: then the whole maximum is held, which costs nobody anything but a wider hold.

Reasoning that streams in full: `reasoning_content` and the like of DeepSeek, Qwen, Kimi,
GLM and other open models, Cohere, Mistral, Ollama. A summary at most: OpenAI, Gemini from
2.5 on, Claude but for 3.7 (Anthropic, "Extended thinking", summarized thinking).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from domain.vendors import Format
from proxy.demand.shape import inner, listed

# Models of OpenAI, xAI and Perplexity that reason without showing it.
_SECRETIVE = re.compile(
    r"o\d|gpt-[5-9]|codex|computer-use|grok-[3-9]|sonar-(reasoning|deep)|deep-research"
)
_GEMINI = re.compile(r"gemini")
_GEMINI_OPEN = re.compile(r"gemini-(1|2\.0)(?!.*thinking)")
_CLAUDE = re.compile(r"claude")
# They think only when asked to.
_CLAUDE_4 = re.compile(r"claude-([1-3]|instant|(opus|sonnet|haiku)-4)")
_CLAUDE_3 = re.compile(r"claude-3")
_SEARCHING = re.compile(r"sonar|compound|.*-search-(preview|api)|.*:online$")

FUNCTIONS = frozenset({"function", "custom"})
# Anthropic's own tools that the caller carries out.
CARRIED_OUT = ("bash_", "text_editor_", "computer_", "memory_")
DECLARED = frozenset({"functionDeclarations", "function_declarations"})
# Fields that make a vendor do more than answer.
_DOES_MORE = frozenset(
    {
        "web_search_options",
        "mcp_servers",
        "plugins",
        "background",
        "agent_id",
        "agent",
        "enable_search",
        "search_parameters",
        "container",
    }
)
# Fields that may say so, in some format.
MAY_HOST = _DOES_MORE | {"tools", "prompt", "parameters"}


def reasons_unseen(format: Format, fields: dict[str, Any], model: str) -> bool:  # noqa: A002
    """Whether it may reason without streaming all of it."""
    if _GEMINI.match(model):
        return not _GEMINI_OPEN.match(model) and not _told_not_to(fields)
    if _CLAUDE.match(model):
        return _claude_unseen(fields, model)
    effort = _effort(fields)
    if _SECRETIVE.match(model):
        return effort != "none"
    if (
        fields.get("reasoning_format") == "hidden"
        or fields.get("include_reasoning") is False
    ):
        return True
    asked = effort not in {None, "none"} or bool(fields.get("reasoning"))
    if format == "anthropic-messages":
        asked = inner(fields, "thinking").get("type") not in {None, "disabled"}
    return asked and format != "ollama"


@lru_cache(maxsize=1024)
def searches(model: str) -> bool:
    """Whether the model looks things up by itself, whatever is asked."""
    return _SEARCHING.match(model) is not None


def uses_hosted_tools(format: Format, fields: dict[str, Any], model: str) -> bool:  # noqa: A002
    """Whether the vendor may search, run code or call others while it answers."""
    if searches(model):
        return True
    for name in _DOES_MORE.intersection(fields):
        if fields[name]:
            return True
    if format == "openai-responses" and fields.get("prompt"):
        return True  # stored at the vendor, perhaps with tools
    if "parameters" in fields and inner(fields, "parameters").get("enable_search"):
        return True
    tools = fields.get("tools")
    if tools is None or type(tools) is dict:
        return tools is not None
    return any(_hosted(tool, format) for tool in listed(tools))


def _hosted(tool: dict[str, Any], format: Format) -> bool:  # noqa: A002
    if format == "gemini":
        return not tool.keys() <= DECLARED
    kind = tool.get("type", "custom")
    return kind not in FUNCTIONS and not (
        type(kind) is str
        and format == "anthropic-messages"
        and kind.startswith(CARRIED_OUT)
    )


def _claude_unseen(fields: dict[str, Any], model: str) -> bool:
    asked = inner(fields, "thinking").get("type")
    if asked is None:  # its OpenAI-compatible endpoint takes the same field
        asked = _effort(fields)
    if asked in {"disabled", "none"}:
        return False
    if asked is None:
        return not _CLAUDE_4.match(model)
    return not _CLAUDE_3.match(model)


def _told_not_to(fields: dict[str, Any]) -> bool:
    """Whether a Gemini is told not to think; those that can't stop refuse the call."""
    if "generationConfig" in fields and "generation_config" in fields:
        return False  # who knows which of them counts
    config = inner(fields, "generationConfig", "generation_config")
    thinking = inner(config, "thinkingConfig", "thinking_config")
    budget = thinking.get("thinkingBudget", thinking.get("thinking_budget"))
    return (type(budget) is int and budget == 0) or _effort(fields) == "none"


def _effort(fields: dict[str, Any]) -> object:
    told = inner(fields, "reasoning").get("effort")
    return fields.get("reasoning_effort") if told is None else told
