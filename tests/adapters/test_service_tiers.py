"""Who is served first pays for it: held as it is asked, charged as the answer says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot

from adapters.prices import shipped_price_book
from adapters.published_prices import PublishedPrices
from domain.price_bounds import bound_of
from domain.prices import Price, cost_of
from domain.usage import ANY_TIER, DEARER_TIERS, TIERS, OtherUnits, Usage, UsageSource
from domain.vendors import Format
from proxy.demand import demand_of
from tests.proxy.usage.given import body, stream

NOW, LATER = datetime(2026, 11, 23, tzinfo=UTC), datetime(2027, 3, 1, tzinfo=UTC)
DONE = b"data: [DONE]\n\n"
TOKENS = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}


def event(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def tier_of(usage: Usage) -> str | None:
    return None if usage.other is None else usage.other.service_tier


@pytest.mark.parametrize(
    "tier", [*sorted(TIERS), "default", "standard", "auto", None, 3, ["fast"]]
)
def test_an_answer_says_in_which_tier_it_was_served(tier: object) -> None:
    told = tier if isinstance(tier, str) and tier in TIERS else None
    chat = {"model": "m", "choices": [], "service_tier": tier, "usage": TOKENS}
    response = {"model": "m", "status": "completed", "service_tier": tier, "usage": {}}
    message = {"model": "m", "usage": {"input_tokens": 1, "speed": tier}}
    assert tier_of(body(json.dumps(chat).encode()).usage) == told
    assert tier_of(stream(event(chat) + DONE).usage) == told
    for asked, format_ in ((response, "openai-responses"), (message, "anthropic-messages")):
        assert tier_of(body(json.dumps(asked).encode(), format_).usage) == told


def test_what_is_said_last_is_true() -> None:
    asked = {"type": "response.created", "response": {"service_tier": "priority"}}
    served = {"type": "response.completed", "response": {"service_tier": "default"}}
    assert tier_of(stream(event(asked), "openai-responses").usage) == "priority"
    assert tier_of(stream(event(asked) + event(served), "openai-responses").usage) is None


def test_a_tier_is_no_usage() -> None:
    told = stream(event({"choices": [], "service_tier": "fast"}) + DONE).usage
    assert (told.source, tier_of(told)) == (UsageSource.NONE, "fast")


@pytest.mark.parametrize(
    ("fields", "tier"),
    [
        ({"service_tier": "priority"}, "priority"),
        ({"serviceTier": "priority"}, "priority"),
        ({"speed": "fast"}, "fast"),
        ({"service_tier": "flex"}, None),  # it may be served as usual
        ({"service_tier": "default"}, None),
        ({"service_tier": ["priority"]}, None),
        ({"service_tier": "auto"}, ANY_TIER),
        ({"service_tier": None}, ANY_TIER),
        ({"tools": []}, ANY_TIER),
        ({}, ANY_TIER),
    ],
)
@pytest.mark.parametrize("format_", ["openai-chat", "openai-responses", "gemini"])
def test_a_request_is_held_for_in_the_tier_that_it_asks_for(
    format_: Format, fields: dict[str, Any], tier: str | None
) -> None:
    asked = json.dumps({"model": "m", "messages": [], **fields}).encode()
    demand = demand_of(format_, asked, streaming=True, model="m")
    if format_ == "gemini" and tier == ANY_TIER:
        tier = None  # who is served first there has asked for it
    assert demand.units == OtherUnits(service_tier=tier)


def test_where_the_account_decides_the_dearer_tier_is_held_for() -> None:
    asked = OtherUnits(service_tier=ANY_TIER)
    dearer = Price(input=4, output=16)
    known = Price(input=2, output=8, variants=(("fast", dearer), ("priority", dearer)))
    assert bound_of(known, 10**6, 10**6, asked) == bound_of(dearer, 10**6, 10**6) == 20
    assert bound_of(known, 10**6, 10**6) == 10
    for untold in (
        Price(input=2, output=8),
        Price(input=2, output=8, variants=()),
        Price(input=2, output=8, variants=(("fast", dearer),)),  # only for who asks
    ):
        assert bound_of(untold, 10**6, 10**6, asked) == 10


@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-5.4", "gpt-5.5"])
def test_a_call_that_names_no_tier_is_held_for_as_it_may_be_charged(model: str) -> None:
    found = shipped_price_book().price_of("openai", model, NOW)
    assert found is not None
    for tokens in (1_000, 300_000):
        for tier in (None, "flex", "priority"):
            other = None if tier is None else OtherUnits(service_tier=tier)
            used = Usage(input_tokens=tokens, output_tokens=700, other=other)
            cost = cost_of(used, found.price)
            held = bound_of(found.price, tokens, 700, OtherUnits(service_tier=ANY_TIER))
            assert cost is not None
            assert held is not None
            assert cost <= held


def test_a_tier_without_a_price_is_dearer_by_nobody_knows_what() -> None:
    usage = Usage(input_tokens=1_000, output_tokens=100)
    known = Price(input=2, output=8, variants=(("fast", Price(input=4, output=16)),))
    for tier, price in (
        ("fast", Price(input=4, output=16)),
        ("priority", None),
        ("flex", Price(input=2, output=8)),
    ):
        units = OtherUnits(service_tier=tier)
        served = Usage(input_tokens=1_000, output_tokens=100, other=units)
        expected = None if price is None else cost_of(usage, price)
        assert cost_of(served, known) == bound_of(known, 1_000, 100, units) == expected
        own = Price(input=2, output=8)  # a team's, whatever the tier
        assert cost_of(served, own) == cost_of(usage, own)


VARIED = [
    (provider.id, model.id, tier, context)
    for provider in get_snapshot().providers
    for model in provider.models
    for variant in model.price_variants or ()
    for tier, context in ((next(iter(variant.when.values())), variant.when),)
    if tier in TIERS and ("service_tier" in context or "speed" in context)
]
EVERY = PublishedPrices({provider: [provider] for provider, *_ in VARIED})


@pytest.mark.parametrize("at", [NOW, LATER])
def test_each_published_tier_costs_what_genai_prices_says(at: datetime) -> None:
    judged = 0
    for provider, model, tier, context in VARIED:
        price = EVERY.price_of(provider, model, at)
        other = OtherUnits(service_tier=tier)
        usage = Usage(input_tokens=9_000, output_tokens=700, cache_read_tokens=2_000)
        served = Usage(
            input_tokens=9_000, output_tokens=700, cache_read_tokens=2_000, other=other
        )
        ours = None if price is None else cost_of(served, price)
        if price is None or ours is None:
            continue
        told = genai_prices.calc_price(
            genai_prices.Usage(
                input_tokens=9_000, output_tokens=700, cache_read_tokens=2_000
            ),
            model,
            provider_id=provider,
            genai_request_timestamp=at,
            price_context=dict(context),
        )
        assert abs(ours - round(told.total_price * 1_000_000)) <= 1, (model, tier)
        if tier in DEARER_TIERS:
            assert ours > (cost_of(usage, price) or 0)
        judged += 1
    assert judged > 60


def test_the_price_of_a_model_served_first_holds_for_calls() -> None:
    usage = Usage(
        input_tokens=1_000_000,
        output_tokens=0,
        other=OtherUnits(service_tier="priority"),
    )
    cost, _ = shipped_price_book().priced(usage, "openai", "gpt-4.1", NOW)
    assert cost == 3_500_000  # 2,000,000 as usual
    assert shipped_price_book().priced(usage, "openai", "gpt-3.5-turbo", NOW)[0] is None


@pytest.mark.parametrize(
    ("model", "dearer"),
    [
        ("claude-opus-4-8", True),
        ("claude-sonnet-5", True),
        ("claude-fable-5-2", True),
        ("claude-sonnet-4-6", True),
        ("claude-sonnet-4-5", False),
        ("claude-haiku-4-5-20251001", False),
        ("claude-opus-4-20250514", False),
        ("claude-3-5-haiku-latest", False),
    ],
)
@pytest.mark.parametrize("speed", [None, "fast"])
def test_what_stays_in_the_us_costs_a_tenth_more_and_is_held_for(
    model: str, speed: str | None, *, dearer: bool
) -> None:
    counts = {"input_tokens": 700, "cache_read_input_tokens": 300, "output_tokens": 90}
    spoken = {"speed": speed} if speed else {}
    at_home, anywhere = (
        body(
            json.dumps({"usage": {**counts, **spoken, "inference_geo": geo}}).encode(),
            "anthropic-messages",
        ).usage
        for geo in ("us", "global")
    )
    found = shipped_price_book().price_of("anthropic", model, NOW)
    assert found is not None
    cost, usual = cost_of(at_home, found.price), cost_of(anywhere, found.price)
    if cost is None or usual is None:
        assert cost is usual is None  # it is not sold so fast
        return
    assert abs(cost - usual * (1.1 if dearer else 1)) <= 1
    held = bound_of(found.price, 1_000, 90, OtherUnits(service_tier=speed))
    assert held is not None
    assert cost <= held
