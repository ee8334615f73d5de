"""What a call asks for that is charged by the piece: pictures, characters, searches.

Sources, as of 2026: OpenAI, "Create image" (`n`; others call it `batch_size`, `num_images`)
and "Create speech" (charged by the characters of `input`); Cohere, "How does pricing work":
a search is a query with up to 100 documents, and one that is longer than 500 tokens with
its query counts once for each 500 of them. No token is less than a byte.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from domain.prices import NO_OTHER
from domain.usage import ANY_TIER, DEARER_TIERS, OtherUnits
from domain.vendors import Format
from proxy.demand.shape import whole

DOCUMENTS = 100  # of one search
CHUNK = 500  # tokens
# How OpenAI, Google and Anthropic call it; who asks for a cheaper tier may get the usual.
TIERED = frozenset({"service_tier", "serviceTier", "speed"})
# Of these an account may be served first by its own settings (OpenAI, "Priority
# processing"), unless a call names its tier.
SERVED_AS_SET: frozenset[Format] = frozenset({"openai-chat", "openai-responses"})
AS_SET = OtherUnits(service_tier=ANY_TIER)
_COUNTS = ("n", "batch_size", "num_images")
MOST_IMAGES = 10**6  # of one call, whatever it says


def units_in(format: Format, fields: dict[str, Any]) -> OtherUnits:  # noqa: A002
    """At most so many; a kind that the body says nothing of is None."""
    units = _pieces(format, fields)
    for name in TIERED.intersection(fields):
        tier = fields[name]
        if type(tier) is str and tier in DEARER_TIERS:
            return replace(units, service_tier=tier)
    if format in SERVED_AS_SET and fields.get("service_tier") in (None, ANY_TIER):
        return AS_SET
    return units


def _pieces(format: Format, fields: dict[str, Any]) -> OtherUnits:  # noqa: A002
    match format:
        case "openai-images":
            asked = (whole(fields.get(name)) or 0 for name in _COUNTS)
            return OtherUnits(images=min(max(1, *asked), MOST_IMAGES))
        case "openai-audio":
            text = fields.get("input")
            return OtherUnits(characters=len(text)) if type(text) is str else NO_OTHER
        case "cohere-v2" if "messages" not in fields:
            return _searches(fields)
        case _:
            return NO_OTHER


def _searches(fields: dict[str, Any]) -> OtherUnits:
    """Of a reranking; what has no documents is none."""
    documents = fields.get("documents")
    if type(documents) is not list or "query" not in fields:
        return NO_OTHER
    query = _size(fields["query"])
    chunks = sum(max(1, -((_size(one) + query) // -CHUNK)) for one in documents)
    return OtherUnits(search_units=max(1, -(chunks // -DOCUMENTS)))


def _size(text: object) -> int:
    """In bytes."""
    return len(text.encode("utf-8", "replace") if type(text) is str else orjson.dumps(text))
