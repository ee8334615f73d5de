"""Costs worked out by hand, and what holds for all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.prices import LARGEST, Price, cost_of
from domain.usage import UNKNOWN, OtherUnits, Usage

DOLLAR = 1_000_000  # micro-dollars
SONNET = Price(
    input=3 * DOLLAR,
    output=15 * DOLLAR,
    cache_read=300_000,
    cache_write=3_750_000,
    cache_write_1h=6 * DOLLAR,
    web_search=10_000,
)
TIERED = Price(
    input=3 * DOLLAR,
    output=15 * DOLLAR,
    tiers=((200_000, Price(input=6 * DOLLAR, output=22_500_000)),),
)


def test_input_and_output_are_charged_by_the_million() -> None:
    usage = Usage(input_tokens=1_000, output_tokens=200)
    assert cost_of(usage, SONNET) == 3_000 + 3_000


@pytest.mark.parametrize(
    ("tokens", "cost"), [(0, 0), (1, 0), (2, 1), (3, 1), (5, 1), (6, 2)]
)
def test_a_cost_is_rounded_half_up(tokens: int, cost: int) -> None:
    price = Price(input=250_000, output=0)  # a quarter of a micro-dollar each
    assert cost_of(Usage(input_tokens=tokens, output_tokens=0), price) == cost


def test_the_tokens_of_images_have_a_rate_of_their_own_and_must_be_told() -> None:
    price = Price(
        input=5_000_000,
        output=10_000_000,
        image_input=8_000_000,
        image_output=32_000_000,
    )
    told = OtherUnits(images=1, image_input_tokens=30, image_output_tokens=90)
    usage = Usage(input_tokens=50, output_tokens=100, other=told)
    assert cost_of(usage, price) == 20 * 5 + 30 * 8 + 10 * 10 + 90 * 32
    for lacking in (
        replace(told, image_input_tokens=None),
        replace(told, image_output_tokens=None),
    ):
        assert cost_of(replace(usage, other=lacking), price) is None
    assert cost_of(replace(usage, other=None), price) == 50 * 5 + 100 * 10
    cached = replace(usage, cache_read_tokens=10)
    assert cost_of(cached, price) is None  # of which kind they are is not told
    none = replace(cached, other=replace(told, image_input_tokens=0))
    assert cost_of(none, price) == 50 * 5 + 10 * 10 + 90 * 32


def test_cached_tokens_are_part_of_the_input_and_charged_apart() -> None:
    usage = Usage(
        input_tokens=2_450,  # 50 neither read nor written
        output_tokens=220,
        cache_read_tokens=2_000,
        cache_write_tokens=400,
        cache_write_1h_tokens=100,
    )
    # 50 x 3 + 2000 x 0.3 + 300 x 3.75 + 100 x 6 + 220 x 15
    assert cost_of(usage, SONNET) == 150 + 600 + 1_125 + 600 + 3_300


def test_a_part_without_a_rate_costs_as_much_as_its_whole() -> None:
    usage = Usage(
        input_tokens=1_000,
        output_tokens=100,
        cache_read_tokens=400,
        cache_write_tokens=300,
        cache_write_1h_tokens=200,
        reasoning_tokens=50,
    )
    plain = Price(input=2 * DOLLAR, output=8 * DOLLAR)
    assert cost_of(usage, plain) == 2_000 + 800
    writes = replace(plain, cache_write=4 * DOLLAR)
    assert cost_of(usage, writes) == 700 * 2 + 300 * 4 + 800
    thoughts = replace(plain, reasoning=1 * DOLLAR)
    assert cost_of(usage, thoughts) == 2_000 + 50 * 8 + 50


@pytest.mark.parametrize(("tokens", "cost"), [(200_000, 600_000), (200_001, 1_200_006)])
def test_beyond_a_tier_the_whole_call_costs_more(tokens: int, cost: int) -> None:
    usage = Usage(input_tokens=tokens, output_tokens=1_000)
    output = 15_000 if tokens == 200_000 else 22_500
    assert cost_of(usage, TIERED) == cost + output


def test_the_highest_tier_that_was_reached_holds() -> None:
    tiers = ((10, Price(input=DOLLAR, output=0)), (20, Price(input=2 * DOLLAR, output=0)))
    price = Price(input=0, output=0, tiers=tiers)
    costs = [cost_of(Usage(input_tokens=n, output_tokens=0), price) for n in (10, 20, 21)]
    assert costs == [0, 20, 42]


def test_what_a_vendor_bills_is_charged_and_not_what_it_counts() -> None:
    billed = OtherUnits(billed_input_tokens=12, billed_output_tokens=4)
    usage = Usage(input_tokens=512, output_tokens=4, other=billed)
    price = Price(input=2_500_000, output=10 * DOLLAR)
    assert cost_of(usage, price) == 30 + 40


def test_sound_is_charged_by_its_tokens_or_by_its_time() -> None:
    other = OtherUnits(audio_input_tokens=80, audio_output_tokens=10)
    usage = Usage(input_tokens=100, output_tokens=30, other=other)
    price = Price(
        input=2 * DOLLAR,
        output=10 * DOLLAR,
        audio_input=32 * DOLLAR,
        audio_output=64 * DOLLAR,
    )
    assert cost_of(usage, price) == 20 * 2 + 80 * 32 + 20 * 10 + 10 * 64
    assert cost_of(usage, Price(input=2 * DOLLAR, output=10 * DOLLAR)) == 500
    minute = Usage(other=OtherUnits(audio_ms=60_000))
    assert cost_of(minute, Price(audio_hour=360_000)) == 6_000


def test_searches_units_images_and_requests_are_charged_each() -> None:
    usage = Usage(input_tokens=1_000, output_tokens=0, other=OtherUnits(web_searches=3))
    assert cost_of(usage, SONNET) == 3_000 + 30_000
    rerank = Usage(other=OtherUnits(search_units=2))
    assert cost_of(rerank, Price(search_unit=2_000)) == 4_000
    assert cost_of(Usage(other=OtherUnits(images=2)), Price(image=40_000)) == 80_000
    sonar = Price(input=DOLLAR, output=DOLLAR, request=12_000)
    assert cost_of(Usage(input_tokens=500, output_tokens=500), sonar) == 13_000
    assert cost_of(Usage(input_tokens=0, output_tokens=0), sonar) == 0


def test_what_costs_nothing_needs_no_count() -> None:
    assert cost_of(UNKNOWN, Price(input=0, output=0)) == 0


TEXT = Usage(input_tokens=10, output_tokens=1)


@pytest.mark.parametrize(
    ("usage", "price"),
    [
        (UNKNOWN, SONNET),
        (Usage(input_tokens=10), SONNET),
        (Usage(output_tokens=10), SONNET),
        (Usage(other=OtherUnits(search_units=1)), SONNET),
        (Usage(input_tokens=10, output_tokens=1), Price(input=1)),
        (Usage(), Price(audio_hour=1)),
        (Usage(other=OtherUnits(images=1)), Price(search_unit=1)),
        (replace(TEXT, other=OtherUnits(web_searches=1)), Price(input=1, output=1)),
        (replace(TEXT, cache_read_tokens=11), SONNET),
        (replace(TEXT, cache_write_1h_tokens=1), SONNET),
        (
            replace(TEXT, cache_read_tokens=1, other=OtherUnits(audio_input_tokens=1)),
            replace(SONNET, audio_input=1),
        ),
        (replace(TEXT, other=OtherUnits(images=1)), replace(SONNET, image_output=1)),
    ],
)
def test_what_cannot_be_known_is_unknown(usage: Usage, price: Price) -> None:
    assert cost_of(usage, price) is None


tokens = st.none() | st.integers(0, LARGEST)
rates = st.none() | st.integers(0, 10**9)
usages = st.builds(
    Usage,
    input_tokens=tokens,
    output_tokens=tokens,
    cache_read_tokens=tokens,
    cache_write_tokens=tokens,
    cache_write_1h_tokens=tokens,
    reasoning_tokens=tokens,
    other=st.none()
    | st.builds(
        OtherUnits,
        web_searches=tokens,
        search_units=tokens,
        images=tokens,
        audio_ms=tokens,
        audio_input_tokens=tokens,
        billed_input_tokens=tokens,
    ),
)
prices = st.builds(
    Price,
    input=rates,
    cache_read=rates,
    cache_write=rates,
    cache_write_1h=rates,
    audio_input=rates,
    output=rates,
    reasoning=rates,
    audio_output=rates,
    web_search=rates,
    search_unit=rates,
    image=rates,
    audio_hour=rates,
)


def test_tokens_of_two_models_have_no_one_price() -> None:
    usage = Usage(input_tokens=10, output_tokens=10, other=OtherUnits(transcript_tokens=2))
    assert cost_of(usage, SONNET) is None
    assert cost_of(replace(usage, other=None), SONNET) is not None


@given(usages, prices)
def test_a_cost_is_never_below_nothing(usage: Usage, price: Price) -> None:
    cost = cost_of(usage, price)
    assert cost is None or 0 <= cost <= LARGEST


@given(usages, prices, st.integers(0, 10**9), st.integers(0, 10**9))
def test_more_tokens_never_cost_less(
    usage: Usage, price: Price, more_in: int, more_out: int
) -> None:
    less = replace(usage, input_tokens=usage.input_tokens or 0, output_tokens=0)
    more = replace(less, input_tokens=(usage.input_tokens or 0) + more_in)
    more = replace(more, output_tokens=more_out)
    before, after = cost_of(less, price), cost_of(more, price)
    if before is not None and after is not None:
        assert after >= before
