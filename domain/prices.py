"""Prices: what a call costs, once its usage is known.

A price has a rate for each kind of thing that it charges apart. A part without a rate of
its own (cached tokens, say) is charged like the whole that it belongs to. Amounts are whole
numbers of micro-dollars. A cost that cannot be known is None, never 0: a count that was not
told and is charged for, or one that was told and has no rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from domain.usage import DEARER_TIERS, OtherUnits, Usage

LARGEST = 2**53 - 1  # micro-dollars; what every JSON reader downstream can hold exactly
# Of one call. Who reports more lies, and the sums of many lies must still fit a column.
MOST_OF_A_CALL = 10**12
MILLION = 1_000_000
NO_OTHER = OtherUnits()
FIRST = "priority"  # the service tier that an account of OpenAI may have for its usual one

Part = tuple[int, int | None]  # how many, at which rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """Micro-dollars for a million tokens of each kind, or a million characters.

    For one each of whatever else is no token.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    audio_input: int | None = None
    image_input: int | None = None
    output: int | None = None
    reasoning: int | None = None
    audio_output: int | None = None
    image_output: int | None = None
    web_search: int | None = None
    search_unit: int | None = None
    image: int | None = None
    audio_hour: int | None = None
    audio_least_ms: int = 0  # that are charged of any sound, be it shorter
    character: int | None = None
    request: int = 0
    us_tenths: int = 0  # of all its tokens' cost, on top where they stay in one country
    # Beyond so many input tokens the whole call is charged so instead; lowest first.
    tiers: tuple[tuple[int, Price], ...] = ()
    # What it costs in other service tiers, by their names; None: there it costs the same.
    variants: tuple[tuple[str, Price], ...] | None = None
    # Of input and of output; None: that is not all that may be charged.
    dearest: tuple[int, int] | None = field(init=False, repr=False, compare=False)
    # What it costs where the account is served first, though nobody asked for it.
    first: Price | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dearest", _dearest(self))
        object.__setattr__(self, "first", dict(self.variants or ()).get(FIRST))

    @property
    def has_units(self) -> bool:
        """Whether something is charged that a call without it must not be silent about."""
        return bool(self.audio_hour or self.image or self.search_unit or self.character)

    def in_tier(self, tier: str) -> Price | None:
        """The price in that service tier; None: it may be dearer, nobody knows by what."""
        for name, price in self.variants or ():
            if name == tier:
                return price
        return None if self.variants is not None and tier in DEARER_TIERS else self

    def for_input(self, tokens: int) -> Price:
        """The price of a call with so many input tokens."""
        for above, price in reversed(self.tiers):
            if tokens > above:
                return price
        return self


def _dearest(price: Price) -> tuple[int, int] | None:
    """The highest rate that a token of input can have, and one of output."""
    into, out, beside = price.input, price.output, (price.search_unit, price.image)
    if price.tiers or into is None or out is None or beside != (None, None):
        return None
    if price.audio_hour is not None or price.character is not None:
        return None
    kinds = (price.cache_read, price.cache_write, price.cache_write_1h)
    media = (price.audio_input, price.image_input)
    written = (price.reasoning, price.audio_output, price.image_output)
    heard = max(into, *(rate or 0 for rate in kinds + media))
    spoken = max(out, *(rate or 0 for rate in written))
    return -(-heard * (10 + price.us_tenths) // 10), -(
        -spoken * (10 + price.us_tenths) // 10
    )


def cost_of(usage: Usage, price: Price) -> int | None:
    """Whole micro-dollars, rounded half up; None where it cannot be known."""
    other = usage.other or NO_OTHER
    into, out = other.billed_input_tokens, other.billed_output_tokens
    into = usage.input_tokens if into is None else into
    out = usage.output_tokens if out is None else out
    if other.transcript_tokens:
        return None
    if other.service_tier is not None:
        served = price.in_tier(other.service_tier)
        if served is None:
            return None
        price = served
    if price.tiers:
        price = price.for_input(into or 0)
    if other.images and _image_tokens_lack(other, price):
        return None
    heard, spoken = _input_cost(usage, other, into, price), _output_cost(usage, out, price)
    if heard is None or spoken is None:
        return None
    total = heard + spoken
    if usage.other is not None or price.has_units:
        beside = _cost_beside(other, price, total)
        if beside is None:
            return None
        total += beside
    if into:
        total += price.request * MILLION
    return min((total + MILLION // 2) // MILLION, LARGEST)


def _image_tokens_lack(other: OtherUnits, price: Price) -> bool:
    """Whether the tokens of images cost otherwise, and it is not told how many they are."""
    return (price.image_input is not None and other.image_input_tokens is None) or (
        price.image_output is not None and other.image_output_tokens is None
    )


def _input_cost(
    usage: Usage, other: OtherUnits, tokens: int | None, price: Price
) -> int | None:
    """Millionths of a micro-dollar."""
    read, written = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    long, audio = usage.cache_write_1h_tokens or 0, other.audio_input_tokens or 0
    seen = other.image_input_tokens or 0
    apart = (audio and price.audio_input is not None) or (
        seen and price.image_input is not None
    )
    if long > written or (read and apart):
        return None  # of cached sound and images nobody tells how much there is
    parts: tuple[Part, ...] = ()
    if tokens is None or read or written or audio or seen:
        hour = price.cache_write_1h
        parts = (
            (read, price.cache_read),
            (written - long, price.cache_write),
            (long, price.cache_write if hour is None else hour),
            (audio, price.audio_input),
            (seen, price.image_input),
        )
    return _charged(tokens, price.input, parts, timed=price.audio_hour is not None)


def _output_cost(usage: Usage, tokens: int | None, price: Price) -> int | None:
    """Millionths of a micro-dollar."""
    other = usage.other or NO_OTHER
    reasoned = usage.reasoning_tokens or 0
    spoken, drawn = other.audio_output_tokens or 0, other.image_output_tokens or 0
    parts: tuple[Part, ...] = ()
    if tokens is None or reasoned or spoken or drawn:
        parts = (
            (reasoned, price.reasoning),
            (spoken, price.audio_output),
            (drawn, price.image_output),
        )
    return _charged(tokens, price.output, parts, timed=price.audio_hour is not None)


def _charged(
    tokens: int | None, rate: int | None, parts: tuple[Part, ...], *, timed: bool
) -> int | None:
    """What tokens cost of which some are charged apart; nothing where time is charged."""
    rest, cost = tokens or 0, 0
    for number, own in parts:
        if own is not None and number:
            rest -= number
            cost += number * own
    if tokens is None:
        charged = rate or any(own for _, own in parts)
        return None if charged else 0
    if rest < 0:
        return None
    if rate is None:
        return cost if timed or not rest else None
    return cost + rest * rate


def _cost_beside(other: OtherUnits, price: Price, tokens: int) -> int | None:
    """Millionths of a micro-dollar for what is no token, and on top of what tokens cost."""
    if other.web_searches and price.web_search is None:
        return None
    if other.search_units and price.search_unit is None:
        return None
    cost = (other.web_searches or 0) * (price.web_search or 0) * MILLION
    if other.us_only:
        cost += tokens * price.us_tenths // 10
    for number, rate in (
        (other.search_units, price.search_unit and price.search_unit * MILLION),
        (other.images, price.image and price.image * MILLION),
        (other.characters, price.character),
    ):
        if rate is None:
            continue
        if number is None:
            return None
        cost += number * rate
    if price.audio_hour is None:
        return cost
    if other.audio_ms is None:
        return None
    heard = max(other.audio_ms, price.audio_least_ms) if other.audio_ms else 0
    return cost + heard * price.audio_hour * 5 // 18  # 3.6 million ms
