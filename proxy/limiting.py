"""Lowers how much a call may have written, where a budget has less left than is asked for.

Only the format's own field changes; every other value keeps its bytes. The change stands
in `CallAdmitted.changes`. Where the caller used a field, that one is lowered; both, where
there are two. Where the caller said nothing, the field that the format knows is added: of
OpenAI's two names for it the newer models refuse the older, and the vendors that are
compatible with it mostly know no other.

A Claude that is told to think must be given more tokens than it may think with
(Anthropic, "Extended thinking": `budget_tokens` < `max_tokens`). How long it thinks is the
caller's to say: such a call is not lowered so far.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
import orjson

from domain.vendors import Format
from proxy.demand.output import generates
from proxy.demand.shape import bare, inner, whole

OUTPUT_LIMIT = "output_limit"  # among a call's changes

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NEW_NAMES_ONLY = re.compile(r"o\d|gpt-[5-9]|codex|$")  # a deployment's name: none at all
_NOTHING = (b"", b"null")


class _Place(NamedTuple):
    """Where a format keeps its limit."""

    within: tuple[str, ...]  # the object that holds it, by any of its names; none: the body
    names: tuple[str, ...]  # the first one is written where there is none
    least: int = 1  # what the vendor takes


_PLACES: Mapping[Format, _Place] = MappingProxyType(
    {
        "openai-chat": _Place((), ("max_tokens", "max_completion_tokens")),
        "openai-responses": _Place((), ("max_output_tokens",), least=16),
        "anthropic-messages": _Place((), ("max_tokens",)),
        "gemini": _Place(
            ("generationConfig", "generation_config"),
            ("maxOutputTokens", "max_output_tokens"),
        ),
        "gemini-interactions": _Place(
            ("generation_config", "generationConfig"),
            ("max_output_tokens", "maxOutputTokens"),
        ),
        "ollama": _Place(("options",), ("num_predict",)),
        "cohere-v2": _Place((), ("max_tokens",)),
        "dashscope-native": _Place(
            ("parameters",), ("max_tokens", "max_completion_tokens")
        ),
    }
)


def with_output_limit(
    format: Format,  # noqa: A002
    body: bytes,
    limit: int,
    *,
    model: str | None,
) -> bytes | None:
    """The body by which no choice is longer than so many tokens.

    None where that can't be said: the format has no such field, the limit is below what
    the vendor takes or a Claude is to think, or the body is no JSON object.
    """
    place = _PLACES.get(format)
    if place is None or limit < place.least:
        return None
    try:
        read: dict[str, Any] = orjson.loads(body)
        if not generates(format, read) or _must_think(read, limit):
            return None
        fields = _fields.decode(body)
        if not place.within:
            names = place.names
            if format == "openai-chat" and "messages" in fields:
                names = _chat_names(bare(model))
            changed = _lowered(fields, read, names, limit)
        else:
            changed = _lowered_within(fields, read, place, limit)
    except (msgspec.DecodeError, ValueError, AttributeError, RecursionError):
        return None
    return msgspec.json.encode(fields) if changed else body


def _must_think(read: dict[str, Any], limit: int) -> bool:
    budget = whole(inner(read, "thinking").get("budget_tokens"))
    return budget is not None and budget >= limit


def _chat_names(model: str) -> tuple[str, ...]:
    if _NEW_NAMES_ONLY.match(model):
        return ("max_completion_tokens", "max_tokens")
    return ("max_tokens", "max_completion_tokens")


def _lowered(
    fields: dict[str, msgspec.Raw],
    read: dict[str, Any],
    names: tuple[str, ...],
    limit: int,
) -> bool:
    """Whether something had to change; what the caller set lower stays."""
    used = [name for name in names if bytes(fields.get(name, b"")) not in _NOTHING]
    changed = False
    for name in used or names[:1]:
        now = whole(read.get(name))
        if not now or now > limit:  # 0 is no limit to some
            fields[name] = msgspec.Raw(str(limit).encode())
            changed = True
    return changed


def _lowered_within(
    fields: dict[str, msgspec.Raw], read: dict[str, Any], place: _Place, limit: int
) -> bool:
    used = [name for name in place.within if bytes(fields.get(name, b"")) not in _NOTHING]
    changed = False
    for name in used or place.within[:1]:
        held = _fields.decode(fields[name]) if used else {}
        if _lowered(held, inner(read, name), place.names, limit):
            fields[name] = msgspec.Raw(msgspec.json.encode(held))
            changed = True
    return changed
