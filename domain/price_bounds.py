"""The most that a call of so many tokens can cost, before anybody knows what they will be.

Of the input's tokens each may be the dearest kind that the price knows (written to a cache
for an hour, say), of the output's too (reasoning, sound); and fewer tokens may cost more
than many, where a lower tier is the dearer one.

What is charged by the piece (pictures, characters to be spoken, searches of a reranker) is
bounded where the request says how many; otherwise, and where time is charged, there is no
bound. What a vendor's own tools look for meanwhile has none either. Where the account
decides in which service tier a call is served, it may be the dearer one, and any call may
have to stay in one country.
"""

from __future__ import annotations

from domain.prices import LARGEST, MILLION, NO_OTHER, Price
from domain.usage import ANY_TIER, OtherUnits


def bound_of(
    price: Price, input_tokens: int, output_tokens: int, units: OtherUnits = NO_OTHER
) -> int | None:
    """Whole micro-dollars, not less than `cost_of` any usage of no more than all these.

    None where they do not tell the cost.
    """
    tier = units.service_tier
    if tier == ANY_TIER:
        usual, first = _bound(price, input_tokens, output_tokens, units), price.first
        if first is None or usual is None:
            return usual
        dearer = _bound(first, input_tokens, output_tokens, units)
        return None if dearer is None else max(usual, dearer)
    served = price if tier is None else price.in_tier(tier)
    if served is None:
        return None
    return _bound(served, input_tokens, output_tokens, units)


def _bound(
    price: Price, input_tokens: int, output_tokens: int, units: OtherUnits
) -> int | None:
    """The same, in the service tier that the price is for."""
    if price.dearest is not None:  # the usual case
        into, out = price.dearest
        cost = input_tokens * into + output_tokens * out
        if input_tokens:
            cost += price.request * MILLION
        return min((cost + MILLION // 2) // MILLION, LARGEST)
    tenths = 10 + price.us_tenths
    most, start = 0, price
    for above, tier in price.tiers:
        if input_tokens <= above:
            break
        below = _cost(start, above, output_tokens, units, tenths)
        if below is None:
            return None
        most, start = max(most, below), tier
    last = _cost(start, input_tokens, output_tokens, units, tenths)
    if last is None:
        return None
    return min((max(most, last) + MILLION // 2) // MILLION, LARGEST)


def _cost(
    price: Price, input_tokens: int, output_tokens: int, units: OtherUnits, tenths: int
) -> int | None:
    """Millionths of a micro-dollar, by one tier; `tenths` of its tokens' cost."""
    beside = _beside(price, units)
    if beside is None:
        return None
    into, out = price.input, price.output
    if into is None and out is None and price.has_units:
        return beside
    if (into is None and input_tokens) or (out is None and output_tokens):
        return None
    dearest_in = max(
        into or 0,
        price.cache_read or 0,
        price.cache_write or 0,
        price.cache_write_1h or 0,
        price.audio_input or 0,
        price.image_input or 0,
    )
    dearest_out = max(
        out or 0, price.reasoning or 0, price.audio_output or 0, price.image_output or 0
    )
    cost = -(-(input_tokens * dearest_in + output_tokens * dearest_out) * tenths // 10)
    return cost + beside + (price.request * MILLION if input_tokens else 0)


def _beside(price: Price, units: OtherUnits) -> int | None:
    """Millionths of a micro-dollar for what is no token."""
    if price.audio_hour is not None:
        return None
    if price.search_unit is None and price.image is None and price.character is None:
        return 0
    cost = 0
    for number, rate in (
        (units.search_units, price.search_unit and price.search_unit * MILLION),
        (units.images, price.image and price.image * MILLION),
        (units.characters, price.character),
    ):
        if rate is None:
            continue
        if number is None:
            return None
        cost += number * rate
    return cost
