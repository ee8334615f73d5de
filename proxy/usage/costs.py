"""What a vendor says that a call cost: whole micro-dollars, from its own decimal digits.

No float comes between, and there is one rounding, half up.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

import msgspec
from msgspec import Raw

from proxy.usage.shapes import LARGEST, UNREADABLE, Number, Shape, shaped

LONGEST = 60  # bytes; the digits of a float at their fullest are less
MICRO = 6  # decimal places from dollars to micro-dollars

_EXACT = Context(prec=2 * LONGEST, rounding=ROUND_HALF_UP, traps=[])
_read = msgspec.json.Decoder(Decimal).decode


class ServerTools(Shape):
    """Anthropic's `server_tool_use`, and OpenRouter's."""

    web_search_requests: Number = None


class _CostDetails(Shape):
    upstream_inference_cost: Raw = Raw()


class Billed(Shape):
    """The part of a `usage` that tells its cost, whatever the format."""

    cost: Raw = Raw()  # dollars (OpenRouter), or an object (Perplexity)
    is_byok: bool | None = None  # then OpenRouter's cost is its fee alone
    cost_details: _CostDetails | None = None
    server_tool_use: ServerTools | None = None


class _Cost(Shape):
    total_cost: Raw = Raw()
    currency: str | None = None


_read_cost = shaped(_Cost)


def cost_in(usage: Billed) -> int | None:
    """The whole micro-dollars that the vendor says it cost; None where it does not say."""
    cost = _micro_usd(usage.cost)
    if cost is None or not usage.is_byok:
        return cost
    details = usage.cost_details
    upstream = None if details is None else _micro_usd(details.upstream_inference_cost)
    return None if upstream is None else cost + upstream


def scaled(value: Raw, places: int) -> int | None:
    """The number times ten to the `places`, rounded half up; None for what cannot be."""
    if not 0 < len(value) <= LONGEST:
        return None
    try:
        number = _read(value)
    except UNREADABLE:
        return None
    if not number.is_finite() or not 0 <= number <= LARGEST:
        return None
    whole = number.scaleb(places, _EXACT).to_integral_value(context=_EXACT)
    return min(int(whole), LARGEST)


def _micro_usd(cost: Raw) -> int | None:
    if bytes(cost)[:1] != b"{":
        return scaled(cost, MICRO)
    told = _read_cost(cost)
    if told is None or (told.currency or "USD") != "USD":
        return None
    return scaled(told.total_cost, MICRO)
