"""What can be asked of usage, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api.exports import Format
from api.shapes import Id, ListQuery, Moment, PastQuery
from domain.calls import CallStatus
from domain.errors import InvalidFields
from domain.ids import TeamId
from domain.usage import UsageSource
from projections.usage import SUMS, UsageFilter, UsageTotals

Granularity = Literal["minute", "hour", "day", "week", "month"]
Status = Literal["settled", "refused", "abandoned"]
Members = dict[str, Any]  # of what is answered, by name
_TIMES = {"durations": "duration_ms", "first_bytes": "first_byte_ms"}
_NAMES = tuple(_TIMES.get(name, name) for name in SUMS)
Text = Annotated[str, Field(max_length=200)]


class Filters(PastQuery):
    """Which calls: those admitted in [from, to) and equal in all that is named."""

    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")
    bot: Text | None = Field(default=None, description="A bot's hostname, or its id.")
    vendor: Text | None = None
    model: Text | None = None
    provider_key: Id | None = None
    status: Status | None = None
    format: Format | None = None


class TrendQuery(Filters):
    granularity: Granularity = "hour"


class BreakdownQuery(Filters, ListQuery):
    """All groups of most teams are on one page; a file has them all."""

    group_by: Literal[
        "bot", "vendor", "model", "provider_key", "member", "status", "source"
    ]
    limit: int = Field(default=1000, ge=1, le=1000)


class CallsQuery(Filters, ListQuery):
    """A page of the calls, or as a file all of them."""


class QuantilesOut(BaseModel):
    """Milliseconds that half, 95 % and 99 % of the calls stayed within.

    From counts by steps that grow by a ninth, added up exactly: each is off by less than
    5 %, and the same whichever way the calls are put together.
    """

    p50: int
    p95: int
    p99: int


class TotalsOut(BaseModel):
    """Sums over ended calls, of what is known: `unmetered` calls told no tokens, and of
    `unpriced` ones the cost is not known; if that is all of them, the cost is null.

    `errors` counts settled calls that were answered badly or not at all. Times are from
    admission to the first and to the last byte, of settled calls; null if there are none.
    """

    calls: int
    settled: int
    refused: int
    abandoned: int
    unmetered: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_micro_usd: int | None
    unpriced: int
    errors: int
    duration_ms: QuantilesOut | None
    first_byte_ms: QuantilesOut | None


class TrendItem(TotalsOut):
    """The totals of a minute, hour, day, week (from Monday) or month, in UTC."""

    start: datetime


class BreakdownItem(TotalsOut):
    """The totals of one group; `key` is null for calls that have none of it.

    `key` is a hostname, a name, a status or an id; of a bot, `id` is the bot's own, and of
    a provider key or a member `label` is what people call it.
    """

    key: str | None
    id: UUID | None = None
    label: str | None = None


class Breakdown(BaseModel):
    """The dearest first. All pages together are the summary of the same calls."""

    group_by: str
    items: list[BreakdownItem]
    next_cursor: str | None = None


class Trend(BaseModel):
    items: list[TrendItem]
    next_cursor: None = None


class CallOut(BaseModel):
    """One call; `open` while it runs, and then in no total yet."""

    model_config = ConfigDict(from_attributes=True)
    call_id: UUID
    bot_id: UUID | None
    hostname: str | None
    vendor: str
    model: str | None
    requested_model: str | None
    provider_key_id: UUID | None
    status: CallStatus
    http_status: int | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    usage_source: UsageSource
    cost_micro_usd: int | None
    price_source: str | None
    attempts: int
    admitted_at: datetime
    first_byte_ms: int | None
    duration_ms: int | None
    client_left: bool
    error: str | None


@dataclass(frozen=True)
class OneBot:
    """Whose usage is asked for: of all that have had the hostname, or of one of them."""

    hostname: str
    bot_id: UUID | None = None


def filter_of(asked: Filters, team_id: TeamId, bot: OneBot | None) -> UsageFilter:
    """The filter as the views take it, for that bot or for all."""
    if asked.since and asked.until and asked.since > asked.until:
        raise InvalidFields(to="before-from")
    return UsageFilter(
        team_id=team_id,
        since=asked.since,
        until=asked.until,
        hostname=None if bot is None else bot.hostname,
        bot_id=None if bot is None else bot.bot_id,
        vendor=asked.vendor,
        model=asked.model,
        provider_key_id=asked.provider_key,
        status=None if asked.status is None else CallStatus(asked.status),
    )


def shown(totals: UsageTotals, **more: object) -> Members:
    """The members of `TotalsOut`, and more."""
    members: Members = dict(zip(_NAMES, totals, strict=True), **more)
    members["cost_micro_usd"] = totals.known_cost_micro_usd
    members["duration_ms"] = totals.duration_ms
    members["first_byte_ms"] = totals.first_byte_ms
    return members
