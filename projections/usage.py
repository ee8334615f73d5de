"""What usage adds up to, and how to ask for it: shared by the views over calls."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from domain.calls import CallStatus


@dataclass(frozen=True, kw_only=True)
class UsageTotals:
    """Sums over calls. Tokens are those known; `unmetered` counts ended calls with none."""

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

    @property
    def known_cost_micro_usd(self) -> int | None:
        """The sum of the costs that are known; None if of all that ended none is."""
        ended = self.settled + self.abandoned
        return None if ended and self.unpriced == ended else self.cost_micro_usd

    def __add__(self, other: UsageTotals) -> UsageTotals:
        return UsageTotals(
            **{name: getattr(self, name) + getattr(other, name) for name in SUMS}
        )


SUMS = tuple(field.name for field in fields(UsageTotals))


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
    vendor: str | None = None
    model: str | None = None
    provider_key_id: UUID | None = None
    status: CallStatus | None = None
    token_id: str | None = None  # only the call log knows it
    upto: int | None = None
