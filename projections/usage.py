"""What usage adds up to, and how to ask for it: shared by the views over calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from operator import add
from typing import NamedTuple, TypedDict
from uuid import UUID

from domain.calls import CallStatus
from projections.latency_sketch import NOTHING, Sketch

SHARES = (0.5, 0.95, 0.99)


class Quantiles(TypedDict):
    """Milliseconds that half, 95 % and 99 % stayed within."""

    p50: int
    p95: int
    p99: int


class UsageTotals(NamedTuple):
    """Sums over calls. Tokens are those known; `unmetered` counts ended calls with none.

    `errors` are settled calls that were answered badly or not at all. `durations` and
    `first_bytes` add up like the rest. A trend makes ten thousand of these: hence a tuple.
    """

    calls: int = 0
    settled: int = 0
    refused: int = 0
    abandoned: int = 0
    unmetered: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_micro_usd: int = 0
    unpriced: int = 0  # ended calls whose cost is unknown
    errors: int = 0
    durations: Sketch = NOTHING
    first_bytes: Sketch = NOTHING

    @property
    def known_cost_micro_usd(self) -> int | None:
        """The sum of the costs that are known; None if of all that ended none is."""
        ended = self.settled + self.abandoned
        return None if ended and self.unpriced == ended else self.cost_micro_usd

    @property
    def duration_ms(self) -> Quantiles | None:
        """From admission to the last byte, of settled calls; None: of none is it known."""
        return _told(self.durations)

    @property
    def first_byte_ms(self) -> Quantiles | None:
        """From admission to the first byte of the answer, of those that had one."""
        return _told(self.first_bytes)

    def __add__(self, other: UsageTotals) -> UsageTotals:  # type: ignore[override]
        return UsageTotals._make(map(add, self, other))


SUMS = UsageTotals._fields
SKETCHES = ("durations", "first_bytes")


def _told(sketch: Sketch) -> Quantiles | None:
    found = sketch.quantiles(SHARES)
    if found is None:
        return None
    p50, p95, p99 = found
    return {"p50": p50, "p95": p95, "p99": p99}


@dataclass(frozen=True, kw_only=True)
class UsageFilter:
    """Which calls of a team: None asks for all. Times are of the admission, [from, to).

    `upto` asks for the calls as they stood at that position of the calls log; only the call
    log knows that, and must have read so far.
    """

    team_id: UUID
    since: datetime | None = None
    until: datetime | None = None
    hostname: str | None = None
    bot_id: UUID | None = None  # of the bots that have had the hostname
    vendor: str | None = None
    model: str | None = None
    provider_key_id: UUID | None = None
    status: CallStatus | None = None
    token_id: str | None = None  # only the call log knows it
    upto: int | None = None

    def named(self) -> list[str]:
        """What beside the time is asked for by name."""
        asked = {
            "bot": self.bot_id if self.hostname is None else self.hostname,
            "vendor": self.vendor,
            "model": self.model,
            "provider_key": self.provider_key_id,
            "status": self.status,
        }
        return [name for name, value in asked.items() if value is not None]
