"""The prices that `genai-prices` publishes, from the data it ships: no network.

A calculation of its own takes a quarter of a millisecond, so each model is looked up once
and turned into a `Price`; its tiers and its dates stay. What it charges by units that no
usage of ours has (pages, seconds of video) is not priced at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import genai_prices
from genai_prices import types
from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

from domain.prices import Price

SOURCE = "genai-prices"
CACHED = 4096  # models: their names come from answers, so there is no end of them

_MILLIONS = MappingProxyType(  # dollars for a million, so micro-dollars for a million
    {
        "input_mtok": "input",
        "cache_read_mtok": "cache_read",
        "cache_write_mtok": "cache_write",
        "cache_write_1h_mtok": "cache_write_1h",
        "input_audio_mtok": "audio_input",
        "input_image_mtok": "image_input",
        "output_mtok": "output",
        "output_reasoning_mtok": "reasoning",
        "output_audio_mtok": "audio_output",
        "output_image_mtok": "image_output",
        "audio_hours": "audio_hour",
        "input_audio_hours": "audio_hour",
        "input_mchars": "character",
    }
)
_THOUSANDS = MappingProxyType(  # dollars for a thousand
    {
        "web_searches_kcount": "web_search",
        "rerank_searches_kcount": "search_unit",
        "requests_kcount": "request",
    }
)
# Of these a usage does not tell; calls without them are priced all the same.
_UNSEEN = frozenset(
    {
        "cache_audio_read_mtok",
        "cache_image_read_mtok",
        "code_executions_kcount",
        "input_video_mtok",
        "social_searches_kcount",
        "storage_searches_kcount",
    }
)

# Ten seconds of sound are charged, be it shorter; `genai-prices` has it in its code.
_HEARD_AT_GROQ = frozenset({"whisper-large-v3", "whisper-large-v3-turbo"})
# From 4.6 on calls may have to stay in the US, by what they ask or by their workspace; each
# token costs a tenth more then (Anthropic, "Data residency", pricing).
_STAYS_IN_THE_US = re.compile(
    r"claude-(?!instant|[1-3]|(?:opus|sonnet|haiku)-4(?:$|-[0-5](?:-|$)|-\d{8}))"
)

# What a request's context says of each service tier; Anthropic's has another name.
_CONTEXTS = MappingProxyType(
    {
        "priority": {"service_tier": "priority"},
        "fast": {"service_tier": "fast", "speed": "fast"},
        "flex": {"service_tier": "flex"},
    }
)

_Constraint = types.StartDateConstraint | types.TimeOfDateConstraint | None
_Dated = tuple[tuple[_Constraint, Price | None], ...]  # the first that is active holds


class PublishedPrices:
    """Answers by our vendors' names; `names` says how `genai-prices` calls them."""

    source = SOURCE
    version = genai_prices.__version__

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        providers = get_snapshot().providers
        found = {
            vendor: [find_provider_by_id(providers, name) for name in listed]
            for vendor, listed in names.items()
        }
        self._all = providers
        self._providers = {v: [p for p in listed if p] for v, listed in found.items()}
        self._dated = lru_cache(maxsize=CACHED)(self._look_up)

    def price_of(self, vendor: str, model: str, at: datetime) -> Price | None:
        """The vendor's price of the model at that time; None if none is known."""
        for constraint, price in self._dated(vendor, model):
            if constraint is None or constraint.active(at):
                return price
        return None

    def _look_up(self, vendor: str, model: str) -> _Dated:
        name = model.removeprefix("models/")
        for provider in self._providers.get(vendor, ()):
            found = provider.find_model(name, all_providers=self._all)
            if found is not None:
                return _with(_dated(found), _beside(provider.id, found.id))
        return ()


def _beside(provider: str, model: str) -> Mapping[str, int]:
    """What its prices have that is not in the published ones."""
    if provider == "groq" and model in _HEARD_AT_GROQ:
        return {"audio_least_ms": 10_000}
    if provider == "anthropic" and _STAYS_IN_THE_US.match(model):
        return {"us_tenths": 1}
    return {}


def _with(dated: _Dated, more: Mapping[str, Any]) -> _Dated:
    """The same prices, in each service tier, with that beside."""
    if not more:
        return dated
    return tuple((at, price and _changed(price, more)) for at, price in dated)


def _changed(price: Price, more: Mapping[str, Any]) -> Price:
    variants = price.variants and tuple(
        (tier, _changed(each, more)) for tier, each in price.variants
    )
    tiers = tuple((start, replace(each, **more)) for start, each in price.tiers)
    return replace(price, variants=variants, tiers=tiers, **more)


def _dated(model: types.ModelInfo) -> _Dated:
    """The model's prices, the latest first; the first listed holds when none is active."""
    if any(_contexts_of(variant) for variant in model.price_variants or ()):
        return _with_tiers(model)
    if isinstance(model.prices, types.ModelPrice):
        return ((None, _price(model.prices)),)
    listed = [(dated.constraint, _price(dated.prices)) for dated in model.prices]
    return (*reversed(listed), *((None, price) for _, price in listed[:1]))


def _contexts_of(variant: types.PriceVariant) -> list[str]:
    """The service tiers that the variant is about."""
    when = variant.when.items()
    return [tier for tier, context in _CONTEXTS.items() if when <= context.items()]


def _with_tiers(model: types.ModelInfo) -> _Dated:
    """The prices of a model that is priced by service tier too, from each change on."""
    base = model.prices if isinstance(model.prices, list) else []
    changes: list[types.ConditionalPrice | types.PriceVariant] = list(base)
    changes += [one for one in model.price_variants or () if _contexts_of(one)]
    starts = [one.constraint for one in changes]
    dates = {one.start_date for one in starts if isinstance(one, types.StartDateConstraint)}
    if not dates:
        return ((None, _at(model, datetime.max.replace(tzinfo=UTC))),)
    dated: list[tuple[_Constraint, Price | None]] = []
    for start in sorted(dates, reverse=True):
        moment = datetime.combine(start, time(), UTC)
        dated.append((types.StartDateConstraint(start), _at(model, moment)))
    return (*dated, (None, dated[-1][1]))


def _at(model: types.ModelInfo, moment: datetime) -> Price | None:
    """The model's price by then, with what it is in each tier."""
    price = _price(model.get_prices(moment))
    if price is None:
        return None
    tiers: list[tuple[str, Price]] = []
    for tier, context in _CONTEXTS.items():
        published = model.get_prices(moment, context)
        found = _price(published)
        if found is not None and found != price:
            tiers.append((tier, found))
    return replace(price, variants=tuple(tiers))


def _price(published: types.ModelPrice) -> Price | None:
    """Ours for theirs; None where it charges by what we cannot count."""
    rates: dict[str, Decimal | types.TieredPrices] = {
        key: value for key, value in vars(published).items() if value is not None
    }
    known = _MILLIONS.keys() | _THOUSANDS.keys()
    if rates.keys() - known - _UNSEEN or not rates.keys() & known:
        return None
    tiered = [value for value in rates.values() if isinstance(value, types.TieredPrices)]
    starts = sorted({tier.start for value in tiered for tier in value.tiers})
    tiers = tuple((start, _beyond(start, rates)) for start in starts)
    return replace(_beyond(None, rates), tiers=tiers, variants=())


def _beyond(start: int | None, rates: Mapping[str, Decimal | types.TieredPrices]) -> Price:
    """The price of a call whose input goes beyond the start of that tier."""
    amounts: dict[str, Any] = {}
    for key, rate in rates.items():
        dollars = _rate(start, rate)
        if key in _MILLIONS:
            amounts[_MILLIONS[key]] = _whole(dollars * 1_000_000)
        elif key in _THOUSANDS:
            amounts[_THOUSANDS[key]] = _whole(dollars * 1_000)
    return Price(**amounts)


def _rate(start: int | None, rate: Decimal | types.TieredPrices) -> Decimal:
    if isinstance(rate, Decimal):
        return rate
    if start is None:
        return rate.base
    return next((t.price for t in reversed(rate.tiers) if t.start <= start), rate.base)


def _whole(micro_dollars: Decimal) -> int:
    return int(micro_dollars.to_integral_value(ROUND_HALF_UP))
