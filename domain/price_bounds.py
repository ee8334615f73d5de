"""The most that a call of so many tokens can cost, before anybody knows what they will be.

Of the input's tokens each may be the dearest kind that the price knows (written to a cache
for an hour, say), of the output's too (reasoning, sound); and fewer tokens may cost more
than many, where a lower tier is the dearer one. What is charged beside tokens (searches,
pictures, time) has no bound here: a price by nothing else is None.
"""

from __future__ import annotations

from domain.prices import LARGEST, MILLION, Price


def bound_of(price: Price, input_tokens: int, output_tokens: int) -> int | None:
    """Whole micro-dollars, not less than `cost_of` any usage of no more tokens than these.

    None where tokens alone do not tell the cost.
    """
    most, start = 0, price
    for above, tier in price.tiers:
        if input_tokens <= above:
            break
        cost = _cost(start, above, output_tokens)
        if cost is None:
            return None
        most, start = max(most, cost), tier
    cost = _cost(start, input_tokens, output_tokens)
    if cost is None:
        return None
    return min((max(most, cost) + MILLION // 2) // MILLION, LARGEST)


def _cost(price: Price, input_tokens: int, output_tokens: int) -> int | None:
    """Millionths of a micro-dollar, by one tier."""
    if not (price.audio_hour is price.search_unit is price.image is None):
        return None
    into, out = price.input, price.output
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
    cost = input_tokens * dearest_in + output_tokens * dearest_out
    return cost + price.request * MILLION if input_tokens else cost
