"""Models that a vendor may take instead of the one that is asked for, as the body says.

OpenRouter ("Model fallbacks") takes a list of names, `models`, and in Anthropic's format
what Anthropic itself takes: `fallbacks`, each with its `model`. A call is let through only
where each of them may be called, and held for by the dearest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import msgspec

from application.ports import BoundedPrices
from domain.calls import CallFacts
from domain.usage import OtherUnits

FURTHER_MODELS = ("models", "fallbacks")
MOST_FURTHER = 16  # no vendor takes as many


class _Further(msgspec.Struct):
    model: str


_Listed = Annotated[list[str | _Further], msgspec.Meta(max_length=MOST_FURTHER)]
_read = msgspec.json.Decoder(_Listed | None)


def further_models(fields: Mapping[str, msgspec.Raw]) -> tuple[str, ...]:
    """Their names; `msgspec.DecodeError` where they cannot be read."""
    names: list[str] = []
    for name in FURTHER_MODELS:
        if name in fields:
            listed = _read.decode(fields[name]) or ()
            names += [one if isinstance(one, str) else one.model for one in listed]
    return tuple(names)


def dearest_bound(
    prices: BoundedPrices,
    facts: CallFacts,
    others: tuple[str, ...],
    tokens: tuple[int, int],
    units: OtherUnits,
) -> int | None:
    """The most that a call of so many tokens, in and out, can cost by any of the models;
    None: nobody knows."""
    most = prices.bound(facts, *tokens, units)
    for other in others:
        cost = prices.bound(replace(facts, requested_model=other), *tokens, units)
        if most is None or cost is None:
            return None
        most = max(most, cost)
    return most
