"""Routing statistics: how each target did, by the hour in which its calls were admitted.

A target is a key and the model that was asked for. A call counts once, at the target whose
answer the client got (`calls`); every target that was tried before it and failed is
counted there (`passed_on`). The keys of a page are folded as `key_health` does: one call
may tell of several targets.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from domain.calls import CallAbandoned, CallCorrected, CallFacts, CallSettled
from domain.log import CALLS, Page, Placed
from domain.usage import SERVED
from projections.latency_histogram import NONE, Counts, merged, one
from projections.view import Key, Projector, View


@dataclass(frozen=True, kw_only=True)
class TargetSums:
    """What adds up. Costs are those that are known; `unpriced` counts the others."""

    calls: int = 0
    successes: int = 0
    fallbacks: int = 0  # of the calls: those that another target had failed before
    passed_on: int = 0  # attempts that failed here, so that the call went on
    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0
    unpriced: int = 0
    first_byte: Counts = NONE  # of successes at the first attempt

    def __add__(self, other: TargetSums) -> TargetSums:
        return TargetSums(
            **{name: getattr(self, name) + getattr(other, name) for name in SUMS},
            first_byte=merged([self.first_byte, other.first_byte]),
        )


SUMS = (
    "calls",
    "successes",
    "fallbacks",
    "passed_on",
    "input_tokens",
    "output_tokens",
    "cost_micro_usd",
    "unpriced",
)


@dataclass(frozen=True, kw_only=True)
class TargetRow(TargetSums):
    """`vendor` is empty where the target only failed: the key knows whose it is."""

    KEY: ClassVar[tuple[str, ...]] = (
        "team_id",
        "hour",
        "bot_id",
        "provider_key_id",
        "model",
    )
    team_id: UUID
    hour: datetime
    bot_id: UUID
    provider_key_id: UUID
    model: str
    vendor: str = ""


@dataclass(frozen=True, kw_only=True)
class StatisticsFilter:
    """Which calls of a team; times are whole hours, [from, to).

    `upto` asks for what was known of them at that position of the calls log.
    """

    team_id: UUID
    since: datetime
    until: datetime
    bot_id: UUID | None = None
    upto: int | None = None


class RoutingStatistics(View[TargetRow]):
    """What can be asked of the statistics."""

    @abstractmethod
    def select(self, wanted: StatisticsFilter) -> list[TargetRow]:
        """Every row of the time, in no order."""


class RoutingStatisticsProjector(Projector[TargetRow]):
    name = "routing_statistics"
    logs = (CALLS,)
    row = TargetRow

    def key(self, placed: Placed) -> Key | None:
        return next((key for key, _, _ in told_by(placed)), None)

    def keys(self, page: Page) -> set[Key]:
        return {key for placed in page.events for key, _, _ in told_by(placed)}

    def fold(
        self, page: Page, rows: Mapping[Key, TargetRow]
    ) -> dict[Key, TargetRow | None]:
        added: dict[Key, tuple[TargetSums, str]] = {}
        for placed in page.events:
            for key, sums, vendor in told_by(placed):
                so_far, of = added.get(key, (TargetSums(), ""))
                added[key] = (so_far + sums, vendor or of)
        return {
            key: _with(rows.get(key) or _untried(key), sums, vendor)
            for key, (sums, vendor) in added.items()
        }

    def project(self, row: TargetRow | None, placed: Placed) -> TargetRow | None:
        for key, sums, vendor in told_by(placed):
            row = row or _untried(key)
            if key == tuple(getattr(row, name) for name in row.KEY):
                row = _with(row, sums, vendor)
        return row


def _with(row: TargetRow, sums: TargetSums, vendor: str) -> TargetRow:
    return replace(row, vendor=vendor or row.vendor, **vars(row + sums))


def _untried(key: Key) -> TargetRow:
    return TargetRow(**dict(zip(TargetRow.KEY, key, strict=True)))  # type: ignore[arg-type]


def told_by(placed: Placed) -> Iterator[tuple[Key, TargetSums, str]]:
    """What an event adds, to which targets; checks of keys are no calls."""
    event = placed.recorded.event
    if not isinstance(event, CallSettled | CallAbandoned | CallCorrected):
        return
    facts = event.facts
    if facts.bot_id is None or facts.provider_key_id is None:
        return
    if isinstance(event, CallCorrected):
        yield _key(facts, facts.provider_key_id), _corrected(event), facts.vendor
        return
    if isinstance(event, CallAbandoned):
        sums = replace(_used(event), calls=1)
        yield _key(facts, facts.provider_key_id), sums, facts.vendor
        return
    yield _key(facts, facts.provider_key_id), _settled(event), facts.vendor
    for attempt in event.attempt_log[:-1]:
        vendor = facts.vendor if attempt.model is None else ""
        key = _key(facts, attempt.provider_key_id, attempt.model)
        yield key, TargetSums(passed_on=1), vendor


def _key(facts: CallFacts, key_id: UUID, model: str | None = None) -> Key:
    hour = facts.admitted_at.replace(minute=0, second=0, microsecond=0)
    asked = model or facts.requested_model or facts.model or ""
    return facts.team_id, hour, facts.bot_id, key_id, asked


def _settled(event: CallSettled) -> TargetSums:
    fallback = len(event.attempt_log) > 1
    fine = event.error is None and event.http_status in SERVED
    return replace(
        _used(event),
        calls=1,
        successes=int(fine),
        fallbacks=int(fallback),
        first_byte=one(event.first_byte_ms) if fine and not fallback else NONE,
    )


def _used(event: CallSettled | CallAbandoned) -> TargetSums:
    cost = event.cost_micro_usd if isinstance(event, CallSettled) else None
    return TargetSums(
        input_tokens=event.usage.input_tokens or 0,
        output_tokens=event.usage.output_tokens or 0,
        cost_micro_usd=cost or 0,
        unpriced=int(cost is None),
    )


def _corrected(event: CallCorrected) -> TargetSums:
    before, now = event.before, event.now
    was, cost = event.before_cost_micro_usd, event.cost_micro_usd
    return TargetSums(
        input_tokens=(now.input_tokens or 0) - (before.input_tokens or 0),
        output_tokens=(now.output_tokens or 0) - (before.output_tokens or 0),
        cost_micro_usd=(cost or 0) - (was or 0),
        unpriced=int(cost is None) - int(was is None),
    )
