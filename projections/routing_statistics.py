"""Routing statistics: how each target did, by the hour in which its calls were admitted.

A target is a key and the model that was asked for. A call counts once, at the target whose
answer the client got (`calls`); every target that was tried before it and failed is
counted there (`passed_on`). An answer that ended for no fault of the target's is a success
of it: a reader who has had enough says nothing against who wrote. The keys of a page are
folded as `key_health` does: one call may tell of several targets.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from operator import add, sub
from typing import ClassVar, NamedTuple, TypeAlias
from uuid import UUID

from domain.calls import CallAbandoned, CallCorrected, CallFacts, CallSettled
from domain.log import CALLS, Page, Placed
from domain.usage import SERVED, Usage
from projections.latency_histogram import NONE, Counts, merged, step_of
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
# Why an answer ended, where its target had no part in it.
NOT_BY_THE_TARGET = frozenset(
    {"client-left", "given-up", "proxy-stopped", "quota-exceeded", "unpriced-call"}
)
NOTHING = (0,) * len(SUMS)
PASSED_ON = (0, 0, 0, 1, 0, 0, 0, 0)


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


Sums: TypeAlias = tuple[int, ...]  # in the order of `SUMS`


class RoutingStatisticsProjector(Projector[TargetRow]):
    name = "routing_statistics"
    version = 2
    logs = (CALLS,)
    row = TargetRow

    def key(self, placed: Placed) -> Key | None:
        return next((told.key for told in told_by(placed)), None)

    def keys(self, page: Page) -> set[Key]:
        return {told.key for placed in page.events for told in told_by(placed)}

    def fold(
        self, page: Page, rows: Mapping[Key, TargetRow]
    ) -> dict[Key, TargetRow | None]:
        added: dict[Key, _Added] = {}
        for placed in page.events:
            for told in told_by(placed):
                added.setdefault(told.key, _Added()).add(told)
        return {key: one.to(rows.get(key) or _untried(key)) for key, one in added.items()}

    def project(self, row: TargetRow | None, placed: Placed) -> TargetRow | None:
        for told in told_by(placed):
            row = row or _untried(told.key)
            if told.key == tuple(getattr(row, name) for name in row.KEY):
                added = _Added()
                added.add(told)
                row = added.to(row)
        return row


class Told(NamedTuple):
    """What an event adds to a target; `step` is of its time to the first byte, if any."""

    key: Key
    sums: Sums
    vendor: str
    step: int | None = None


class _Added:
    """What a page adds to a row, while it is read."""

    def __init__(self) -> None:
        self._sums: Sums = NOTHING
        self._steps: dict[int, int] = {}
        self._vendor = ""

    def add(self, told: Told) -> None:
        self._sums = tuple(map(add, self._sums, told.sums))
        self._vendor = told.vendor or self._vendor
        if told.step is not None:
            self._steps[told.step] = self._steps.get(told.step, 0) + 1

    def to(self, row: TargetRow) -> TargetRow:
        """The row after it."""
        named = zip(SUMS, self._sums, strict=True)
        return replace(
            row,
            vendor=self._vendor or row.vendor,
            first_byte=merged([row.first_byte, tuple(self._steps.items())]),
            **{name: getattr(row, name) + number for name, number in named},
        )


def _untried(key: Key) -> TargetRow:
    return TargetRow(**dict(zip(TargetRow.KEY, key, strict=True)))  # type: ignore[arg-type]


def told_by(placed: Placed) -> Iterator[Told]:
    """What an event adds, to which targets; checks of keys are no calls."""
    event = placed.recorded.event
    if not isinstance(event, CallSettled | CallAbandoned | CallCorrected):
        return
    facts = event.facts
    if facts.bot_id is None or facts.provider_key_id is None:
        return
    key = _key(facts, facts.provider_key_id)
    if isinstance(event, CallSettled):
        yield _settled(key, event)
        for attempt in event.attempt_log[: _made(event) - 1]:
            vendor = facts.vendor if attempt.model is None else ""
            tried = _key(facts, attempt.provider_key_id, attempt.model)
            yield Told(tried, PASSED_ON, vendor)
    elif isinstance(event, CallAbandoned):
        sums = (1, 0, 0, 0, *_used(event.usage, None))
        yield Told(key, sums, facts.vendor)
    else:
        before = _used(event.before, event.before_cost_micro_usd)
        now = _used(event.now, event.cost_micro_usd)
        yield Told(key, (0, 0, 0, 0, *map(sub, now, before)), facts.vendor)


def _key(facts: CallFacts, key_id: UUID, model: str | None = None) -> Key:
    hour = facts.admitted_at.replace(minute=0, second=0, microsecond=0)
    asked = model or facts.requested_model or facts.model or ""
    return facts.team_id, hour, facts.bot_id, key_id, asked


def _settled(key: Key, event: CallSettled) -> Told:
    fallback = _made(event) > 1
    held = event.error is None or event.error in NOT_BY_THE_TARGET
    fine = held and event.http_status in SERVED
    used = _used(event.usage, event.cost_micro_usd)
    ms = event.first_byte_ms if fine and not fallback else None
    return Told(
        key,
        (1, int(fine), int(fallback), 0, *used),
        event.facts.vendor,
        None if ms is None else step_of(ms),
    )


def _made(event: CallSettled) -> int:
    """How many attempts: the log lacks the last one where nobody waited for its end."""
    return max(event.attempts, len(event.attempt_log))


def _used(usage: Usage, cost_micro_usd: int | None) -> Sums:
    return (
        usage.input_tokens or 0,
        usage.output_tokens or 0,
        cost_micro_usd or 0,
        int(cost_micro_usd is None),
    )
