"""No call costs more than was held for it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.price_bounds import bound_of
from domain.prices import Price, cost_of
from domain.usage import OtherUnits, Usage

DOLLAR = 1_000_000  # micro-dollars

rates = st.none() | st.integers(0, 200) | st.integers(0, 100 * DOLLAR)
flat = st.builds(
    Price,
    input=rates,
    cache_read=rates,
    cache_write=rates,
    cache_write_1h=rates,
    audio_input=rates,
    image_input=rates,
    output=rates,
    reasoning=rates,
    audio_output=rates,
    image_output=rates,
    web_search=rates,
    search_unit=rates,
    image=rates,
    character=rates,
    request=st.integers(0, DOLLAR),
)
STARTS = (100, 1_000)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    base = draw(flat)
    count = draw(st.integers(0, len(STARTS)))
    more = draw(st.integers(0, 3))
    tiers = tuple((start, replace(draw(flat), us_tenths=more)) for start in STARTS[:count])
    return replace(base, tiers=tiers, us_tenths=more)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    def part(whole: int) -> int | None:
        return draw(st.none() | st.integers(0, whole))

    into, out = draw(st.integers(0, 3_000)), draw(st.integers(0, 3_000))
    other = OtherUnits(
        audio_input_tokens=part(into),
        audio_output_tokens=part(out),
        image_input_tokens=part(into),
        image_output_tokens=part(out),
        billed_input_tokens=part(into),
        billed_output_tokens=part(out),
        search_units=part(9),
        images=part(9),
        characters=part(999),
        us_only=draw(st.none() | st.booleans()),
    )
    return Usage(
        input_tokens=into,
        output_tokens=out,
        cache_read_tokens=part(into),
        cache_write_tokens=part(into),
        cache_write_1h_tokens=part(into),
        reasoning_tokens=part(out),
        other=draw(st.sampled_from([None, other])),
    )


@settings(max_examples=600)
@given(prices(), usages(), st.integers(0, 2_000), st.integers(0, 2_000))
def test_no_usage_within_the_tokens_costs_more(
    price: Price, usage: Usage, more_in: int, more_out: int
) -> None:
    cost = cost_of(usage, price)
    into, out = (usage.input_tokens or 0) + more_in, (usage.output_tokens or 0) + more_out
    told = usage.other or OtherUnits()
    units = OtherUnits(
        search_units=told.search_units and told.search_units + more_in,
        images=told.images,
        characters=told.characters and told.characters + more_out,
    )
    bound = bound_of(price, into, out, units)
    if bound is not None and cost is not None:
        assert cost <= bound


@given(prices(), st.integers(0, 3_000), st.integers(0, 3_000))
def test_the_plainest_usage_of_a_plain_price_costs_just_that(
    price: Price, into: int, out: int
) -> None:
    plain = Price(input=price.input, output=price.output, request=price.request)
    usage = Usage(input_tokens=into, output_tokens=out)
    assert bound_of(plain, into, out) == cost_of(usage, plain)


def test_the_dearest_kind_of_token_is_held() -> None:
    price = Price(
        input=3 * DOLLAR,
        output=15 * DOLLAR,
        cache_read=300_000,
        cache_write=3_750_000,
        cache_write_1h=6 * DOLLAR,
        web_search=10_000,
    )
    assert bound_of(price, 1_000, 200) == 6_000 + 3_000
    assert bound_of(Price(input=1, output=1, reasoning=DOLLAR), 0, 7) == 7


def test_a_lower_tier_may_be_the_dearer_one() -> None:
    cheap = Price(input=DOLLAR, output=DOLLAR)
    price = Price(input=5 * DOLLAR, output=DOLLAR, tiers=((100, cheap),))
    assert bound_of(price, 100, 0) == 500
    assert bound_of(price, 101, 0) == 500
    assert bound_of(price, 501, 0) == 501


def test_what_is_charged_by_the_piece_is_bounded_by_what_is_asked_for() -> None:
    assert bound_of(Price(search_unit=2_000), 99, 0, OtherUnits(search_units=3)) == 6_000
    asked = OtherUnits(images=2)
    assert bound_of(Price(input=0, output=0, image=40_000), 9, 9, asked) == 80_000
    assert bound_of(Price(input=DOLLAR, output=0, image=40_000), 9, 9, asked) == 80_009
    spoken = OtherUnits(characters=100)
    assert bound_of(Price(character=15 * DOLLAR), 50, 9_000, spoken) == 1_500
    assert cost_of(Usage(other=spoken), Price(character=15 * DOLLAR)) == 1_500
    assert bound_of(Price(image=1, character=1), 0, 0, spoken) is None


def test_what_tokens_do_not_tell_has_no_bound() -> None:
    assert bound_of(Price(audio_hour=1), 1, 1) is None
    assert bound_of(Price(search_unit=1), 1, 0) is None
    assert bound_of(Price(character=1), 1, 0) is None
    assert bound_of(Price(input=1, output=1, image=1), 1, 1) is None
    assert bound_of(Price(input=1), 1, 1) is None
    assert bound_of(Price(input=DOLLAR), 1, 0) == 1  # embeddings write nothing
    half = Price(input=1, output=1, tiers=((10, Price(output=1)),))
    assert bound_of(half, 10, 1) == 0
    assert bound_of(half, 11, 1) is None
