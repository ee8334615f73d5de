"""How much a call may have written, and how many times over, as its body says."""

from __future__ import annotations

from typing import Any

from domain.vendors import Format
from proxy.demand.shape import inner, whole

EMBEDDED = ("texts", "images", "inputs", "documents", "instances")  # without any messages

CONFIGS = ("generationConfig", "generation_config", "parameters")
_COUNTS = ("n", "best_of", "candidateCount", "candidate_count")
SAYS_HOW_MANY = frozenset({"n", "best_of", "prompt", *CONFIGS})


def generates(format: Format, fields: dict[str, Any]) -> bool:  # noqa: A002
    """Whether anything is written at all: embeddings and rankings have no output."""
    match format:
        case "openai-embeddings":
            return False
        case "cohere-v2":
            return "messages" in fields or not any(name in fields for name in EMBEDDED)
        case "gemini":
            return "content" not in fields and "requests" not in fields
        case "ollama":
            return "input" not in fields
        case "dashscope-native":
            into = inner(fields, "input")
            return not any(name in into for name in ("texts", "documents", "contents"))
        case _:
            return True


def output_limit_in(format: Format, fields: dict[str, Any]) -> int | None:  # noqa: A002
    """The limit of each choice; of several the largest, for vendors take either.

    0 is none: Ollama, llama.cpp and who decodes protobuf write on without end then. Claude
    writes nothing, and only fills its cache.
    """
    told: tuple[object, ...]
    match format:
        case "openai-chat":
            told = (fields.get("max_completion_tokens"), fields.get("max_tokens"))
        case "gemini" | "gemini-interactions":
            one, other = (
                inner(fields, "generationConfig"),
                inner(fields, "generation_config"),
            )
            told = (
                one.get("maxOutputTokens"),
                one.get("max_output_tokens"),
                other.get("maxOutputTokens"),
                other.get("max_output_tokens"),
            )
        case "ollama":
            told = (inner(fields, "options").get("num_predict"),)
        case "dashscope-native":
            parameters = inner(fields, "parameters")
            told = (
                parameters.get("max_tokens"),
                parameters.get("max_completion_tokens"),
            )
        case "openai-responses":
            told = (fields.get("max_output_tokens"),)
        case "anthropic-messages":
            return whole(fields.get("max_tokens"))
        case _:
            told = (fields.get("max_tokens"),)
    most = 0
    for number in told:
        if number is not None:
            most = max(most, whole(number) or 0)
    return most or None


def choices_in(fields: dict[str, Any]) -> int:
    """How many answers are written: those that are thrown away are charged too."""
    if SAYS_HOW_MANY.isdisjoint(fields):  # the usual case
        return 1
    each = 1
    for holder in (fields, *(inner(fields, name) for name in CONFIGS)):
        for name in _COUNTS:
            number = holder.get(name)
            if number is not None:
                each = max(each, whole(number) or 0)
    prompts = fields.get("prompt")  # of legacy completions: a list is several
    if type(prompts) is list and prompts and type(prompts[0]) is not int:
        return each * len(prompts)
    return each


def speaks_text(fields: dict[str, Any]) -> bool:
    """Whether it answers in text alone; sound and pictures are charged unseen."""
    config = inner(fields, "generationConfig", "generation_config")
    for name in ("modalities", "responseModalities", "response_modalities"):
        for asked in (fields.get(name), config.get(name)):
            if type(asked) is list and any(
                type(each) is not str or each.lower() != "text" for each in asked
            ):
                return False
    return "prediction" not in fields  # what of it is rejected is charged as output
