"""The call log: one row per call, from its admission or refusal to its end."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar, assert_never, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallExtended,
    CallFacts,
    CallRefused,
    CallSettled,
    CallStatus,
)
from domain.calls_months import MonthOut
from domain.events import made_often
from domain.log import CALLS, Placed
from domain.usage import SERVED, Usage, UsageSource
from projections.latency_sketch import sketch_of
from projections.usage import UsageFilter, UsageTotals
from projections.view import Key, Projector, View


class Group(StrEnum):
    """What calls can be put together by."""

    BOT = "bot"
    VENDOR = "vendor"
    MODEL = "model"
    PROVIDER_KEY = "provider_key"
    STATUS = "status"
    SOURCE = "source"


@made_often
@dataclass(frozen=True, kw_only=True)
class CallRow:
    KEY: ClassVar[tuple[str, ...]] = ("call_id",)
    call_id: UUID
    team_id: UUID
    bot_id: UUID | None
    hostname: str | None
    vendor: str
    model: str | None
    requested_model: str | None
    provider_key_id: UUID | None
    status: CallStatus
    http_status: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    usage_source: UsageSource = UsageSource.NONE
    cost_micro_usd: int | None = None
    price_source: str | None = None
    attempts: int = 0
    admitted_at: datetime
    first_byte_ms: int | None = None
    duration_ms: int | None = None
    client_left: bool = False
    error: str | None = None
    token_id: str | None = None  # whose token it came with


def counted(row: CallRow) -> UsageTotals:
    """What one call adds to the totals; an open one nothing yet."""
    if row.status is CallStatus.OPEN:
        return UsageTotals()
    ended = row.status is not CallStatus.REFUSED
    return UsageTotals(
        calls=1,
        settled=int(row.status is CallStatus.SETTLED),
        refused=int(not ended),
        abandoned=int(row.status is CallStatus.ABANDONED),
        unmetered=int(ended and row.input_tokens is None and row.output_tokens is None),
        input_tokens=row.input_tokens or 0,
        output_tokens=row.output_tokens or 0,
        cache_read_tokens=row.cache_read_tokens or 0,
        cache_write_tokens=row.cache_write_tokens or 0,
        reasoning_tokens=row.reasoning_tokens or 0,
        cost_micro_usd=row.cost_micro_usd or 0,
        unpriced=int(ended and row.cost_micro_usd is None),
        errors=int(row.status is CallStatus.SETTLED and not _answered(row)),
        durations=sketch_of(row.duration_ms),
        first_bytes=sketch_of(row.first_byte_ms),
    )


def _answered(row: CallRow) -> bool:
    return row.error is None and row.http_status in SERVED


def matches(row: CallRow, wanted: UsageFilter) -> bool:
    """Whether the call is one of those that the filter asks for."""
    names = (
        "team_id", "hostname", "bot_id", "vendor", "provider_key_id", "status", "token_id",
    )  # fmt: skip
    return (
        (wanted.since is None or row.admitted_at >= wanted.since)
        and (wanted.until is None or row.admitted_at < wanted.until)
        and wanted.model in {None, row.model or row.requested_model}
        and all(getattr(wanted, name) in {None, getattr(row, name)} for name in names)
    )


def group_of(row: CallRow, group: Group) -> Hashable:
    """By what the call is put together with others."""
    match group:
        case Group.BOT:
            return row.bot_id, row.hostname
        case Group.VENDOR:
            return row.vendor
        case Group.MODEL:
            return row.model or row.requested_model
        case Group.PROVIDER_KEY:
            return row.provider_key_id
        case Group.STATUS:
            return row.status.value
        case Group.SOURCE:
            return row.usage_source.value


DayGroup = tuple[date, str | None, UUID | None]  # of which model, with which key


def day_group_of(row: CallRow, zone: ZoneInfo) -> DayGroup:
    """The day there of the admission, the model and the key."""
    day = row.admitted_at.astimezone(zone).date()
    return day, row.model or row.requested_model, row.provider_key_id


def age(row: CallRow) -> tuple[datetime, UUID]:
    """By which calls are listed."""
    return row.admitted_at, row.call_id


class CallLog(View[CallRow]):
    """What can be asked of the call log."""

    @abstractmethod
    def select(
        self, wanted: UsageFilter, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[CallRow]:
        """The team's calls that match, newest first, from behind `before`."""

    @abstractmethod
    def totals(self, wanted: UsageFilter) -> UsageTotals:
        """What the matching calls add up to."""

    @abstractmethod
    def by_minute(self, wanted: UsageFilter) -> list[tuple[datetime, UsageTotals]]:
        """The same for each minute that has calls, oldest first."""

    @abstractmethod
    def by_group(
        self, wanted: UsageFilter, group: Group
    ) -> list[tuple[Hashable, UsageTotals]]:
        """The same for each group that has ended calls, in no order."""

    @abstractmethod
    def by_day(
        self, wanted: UsageFilter, time_zone: str
    ) -> list[tuple[DayGroup, UsageTotals]]:
        """The same for each day there, model and key that has ended calls, in no order."""

    @abstractmethod
    def months_out(self) -> list[MonthOut]:
        """The months whose rows are here, and whose events are in the log no more."""


class CallLogProjector(Projector[CallRow]):
    name = "call_log"
    logs = (CALLS,)
    row = CallRow

    def key(self, placed: Placed) -> Key | None:
        return (placed.recorded.originator_id,)

    def project(self, row: CallRow | None, placed: Placed) -> CallRow | None:
        call_id = placed.recorded.originator_id
        event = cast("CallEvent", placed.recorded.event)
        match event:
            case CallAdmitted():
                return _row(call_id, event.facts, CallStatus.OPEN, event.token_id)
            case CallExtended():
                return row
            case CallRefused():
                return replace(
                    _row(call_id, event.facts, CallStatus.REFUSED), error=event.code
                )
            case CallSettled():
                return _settled(call_id, event, None if row is None else row.token_id)
            case CallAbandoned():
                abandoned = _row(call_id, event.facts, CallStatus.ABANDONED)
                return _of_token(row, _used(abandoned, event.usage))
            case CallCorrected():
                row = row or _row(call_id, event.facts, event.ended_as)
                return _used(
                    replace(
                        row,
                        cost_micro_usd=event.cost_micro_usd,
                        price_source=event.price_source,
                        http_status=event.http_status,
                    ),
                    event.now,
                )
            case _:
                assert_never(event)


def _of_token(before: CallRow | None, after: CallRow) -> CallRow:
    """Only the admission says which token it was."""
    return after if before is None else replace(after, token_id=before.token_id)


def _row(
    call_id: UUID, facts: CallFacts, status: CallStatus, token_id: str | None = None
) -> CallRow:
    return CallRow(
        call_id=call_id,
        team_id=facts.team_id,
        bot_id=facts.bot_id,
        hostname=facts.hostname,
        vendor=facts.vendor,
        model=facts.model,
        requested_model=facts.requested_model,
        provider_key_id=facts.provider_key_id,
        status=status,
        admitted_at=facts.admitted_at,
        token_id=token_id,
    )


def _settled(call_id: UUID, event: CallSettled, token_id: str | None) -> CallRow:
    facts, usage = event.facts, event.usage
    return CallRow(  # made at once: half of all events are these
        call_id=call_id,
        team_id=facts.team_id,
        bot_id=facts.bot_id,
        hostname=facts.hostname,
        vendor=facts.vendor,
        model=facts.model,
        requested_model=facts.requested_model,
        provider_key_id=facts.provider_key_id,
        status=CallStatus.SETTLED,
        admitted_at=facts.admitted_at,
        http_status=event.http_status,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        usage_source=usage.source,
        cost_micro_usd=event.cost_micro_usd,
        price_source=event.price_source,
        attempts=event.attempts,
        first_byte_ms=event.first_byte_ms,
        duration_ms=event.duration_ms,
        client_left=event.client_left,
        error=event.error,
        token_id=token_id,
    )


def _used(row: CallRow, usage: Usage) -> CallRow:
    return replace(
        row,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        usage_source=usage.source,
    )
