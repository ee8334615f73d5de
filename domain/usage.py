"""Usage: what a call consumed, by one convention for all vendors.

Token counts are whole numbers; None means unknown and is never written as 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.events import made_often


class UsageSource(StrEnum):
    """How far a usage can be trusted."""

    REPORTED = "reported"  # the vendor's own final numbers
    PARTIAL = "partial"  # the stream broke off after some numbers
    ESTIMATED = "estimated"  # counted by us from what was sent and relayed
    NONE = "none"  # nothing is known


# Statuses of answers that serve: what is not known of one may have cost something.
SERVED = frozenset({101, *range(200, 300)})  # 101: a session
# Formats of images and sound: how many bytes they have says nothing of their tokens.
UNWEIGHED = frozenset({"openai-images", "openai-audio", "openai-realtime"})

# Whoever is served first pays for it; who lets others go first may pay less.
DEARER_TIERS = frozenset({"priority", "fast"})
TIERS = DEARER_TIERS | {"flex"}
# Of a request: the account decides, so it may be the dearer one.
ANY_TIER = "auto"


@dataclass(frozen=True, kw_only=True, slots=True)
class OtherUnits:
    """What some calls are charged by beside tokens, or instead of them."""

    web_searches: int | None = None
    search_units: int | None = None  # Cohere's, for reranking
    images: int | None = None
    audio_ms: int | None = None
    audio_input_tokens: int | None = None  # part of input_tokens
    audio_output_tokens: int | None = None  # part of output_tokens
    image_input_tokens: int | None = None  # part of input_tokens
    image_output_tokens: int | None = None  # part of output_tokens
    billed_input_tokens: int | None = None  # where a vendor bills fewer than it counts
    billed_output_tokens: int | None = None
    transcript_tokens: int | None = None  # part of both: another model's, at its own price
    characters: int | None = None  # of a text that was asked to be spoken
    service_tier: str | None = None  # of `TIERS`: all costs otherwise there; or `ANY_TIER`
    us_only: bool | None = None  # worked out in that country alone, which may cost more


@made_often
@dataclass(frozen=True, kw_only=True)  # no slots: written down four times as fast without
class Usage:
    """Tokens of one call, by one convention for all vendors.

    `input_tokens` is the whole prompt with cache reads and writes in it;
    `output_tokens` is all that was generated, reasoning included.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cache_write_1h_tokens: int | None = None
    reasoning_tokens: int | None = None
    total_tokens: int | None = None
    reported_cost_micro_usd: int | None = None  # by the vendor itself
    other: OtherUnits | None = None
    source: UsageSource = UsageSource.NONE


UNKNOWN = Usage()
