"""Usage rolled up: what calls add up to by minute, hour, day and month of their admission.

A call counts when it ends (or is refused). Every row is of one step of time, and of one
facet: all calls together, those of one bot, vendor, model, key, status or source, those
that have all of these alike, or all but the bot. A question takes the facet with the fewest
rows that can answer it, and the fewest steps that its time is put together from.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, NamedTuple, cast
from uuid import UUID

from domain.calls import CallEvent
from domain.log import CALLS, Page, Placed
from projections.call_log import Group
from projections.usage import UsageFilter, UsageTotals
from projections.usage_events import NOBODY, told_by
from projections.usage_steps import Edge, Span, Step, begin, put_together
from projections.view import Key, Projector, View


class Facet(StrEnum):
    """By what the calls of a row are alike, beside team and time."""

    ALL = "all"
    BOT = "bot"
    VENDOR = "vendor"
    MODEL = "model"
    PROVIDER_KEY = "provider_key"
    STATUS = "status"
    SOURCE = "source"
    ANY_BOT = "any_bot"
    EVERY = "every"


COLUMNS: Mapping[Group, tuple[str, ...]] = {
    Group.BOT: ("bot_id", "hostname"),
    Group.VENDOR: ("vendor",),
    Group.MODEL: ("model",),
    Group.PROVIDER_KEY: ("provider_key_id",),
    Group.STATUS: ("status",),
    Group.SOURCE: ("source",),
}
# Minutes are many, and asked for over short times.
OF_MINUTES = (Facet.ALL, Facet.ANY_BOT, Facet.EVERY)


@dataclass(frozen=True, kw_only=True)
class RollupRow:
    """What a facet does not tell apart is empty, and `NOBODY` where it is an id.

    Each of the totals is a column of its own.
    """

    KEY: ClassVar[tuple[str, ...]] = (
        "team_id",
        "facet",
        "step",
        "start",
        "bot_id",
        "hostname",
        "vendor",
        "model",
        "provider_key_id",
        "status",
        "source",
    )
    team_id: UUID
    facet: Facet
    step: Step
    start: datetime
    bot_id: UUID
    hostname: str
    vendor: str
    model: str
    provider_key_id: UUID
    status: str
    source: str
    totals: UsageTotals


class Part(NamedTuple):
    """What the calls of one step or group, or of one in the other, add up to."""

    start: datetime | None
    group: Hashable
    totals: UsageTotals


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What was read at one position of the calls log, in whole minutes.

    The call log knows what is left, at that same position.
    """

    position: int
    parts: list[Part]
    edges: list[Edge]


class UsageRollup(View[RollupRow]):
    """What can be asked of usage. Nothing is told of groups without calls."""

    @abstractmethod
    def read(
        self, wanted: UsageFilter, *, group: Group | None = None, step: Step | None = None
    ) -> Reading:
        """What matches, by group if one is named, and by step."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be looked up for a filter: from which spans, of which facet each."""

    spans: list[tuple[Span, Facet]]
    edges: list[Edge]


def question(wanted: UsageFilter, group: Group | None, step: Step | None) -> Question:
    """The least that has to be read; nothing for a name that stands for none here."""
    if wanted.provider_key_id == NOBODY or "" in {
        wanted.hostname,
        wanted.vendor,
        wanted.model,
    }:
        return Question(spans=[], edges=[])
    spans, edges = put_together(wanted.since, wanted.until, step or Step.MONTH)
    named = {Facet(dim) for dim in wanted.named()}
    if group is not None:
        named.add(Facet(group))
    return Question(spans=[(span, _facet(named, span.step)) for span in spans], edges=edges)


def group_name(values: Iterable[Hashable]) -> Hashable:
    """What a group is called by its columns; what is empty is None again."""
    names = tuple(None if value in {"", NOBODY} else value for value in values)
    return names if len(names) > 1 else next(iter(names), None)


def _facet(named: set[Facet], step: Step) -> Facet:
    """The one with the fewest rows of those that tell all that is named."""
    only = next(iter(named), Facet.ALL)
    if len(named) <= 1 and (step is not Step.MINUTE or only in OF_MINUTES):
        return only
    return Facet.EVERY if Facet.BOT in named else Facet.ANY_BOT


class UsageRollupProjector(Projector[RollupRow]):
    """Tells minutes, by every facet; a view adds up from these whatever else it keeps.

    It adds: what a page makes of no rows at all is what it adds to any.
    """

    name = "usage_rollup"
    logs = (CALLS,)
    row = RollupRow
    version = 2

    def key(self, placed: Placed) -> Key | None:
        return next(iter(_added([placed])), None)

    def keys(self, page: Page) -> set[Key]:
        return set(_added(page.events))

    def project(self, row: RollupRow | None, placed: Placed) -> RollupRow | None:
        for key, totals in _added([placed]).items():
            if row is None or key == tuple(getattr(row, name) for name in row.KEY):
                return _row(row, key, totals)
        return row

    def fold(
        self, page: Page, rows: Mapping[Key, RollupRow]
    ) -> dict[Key, RollupRow | None]:
        added = _added(page.events)
        return {key: _row(rows.get(key), key, totals) for key, totals in added.items()}


def _row(before: RollupRow | None, key: Key, totals: UsageTotals) -> RollupRow:
    if before is None:
        return RollupRow(**dict(zip(RollupRow.KEY, key, strict=True)), totals=totals)  # type: ignore[arg-type]
    return replace(before, totals=before.totals + totals)


def _added(events: Iterable[Placed]) -> dict[Key, UsageTotals]:
    """What the events add, to every row that they touch."""
    rows: dict[Key, UsageTotals] = {}
    for placed in events:
        event = cast("CallEvent", placed.recorded.event)
        for kind, totals in told_by(event):
            minute = begin(event.facts.admitted_at, Step.MINUTE)
            key = (event.facts.team_id, Facet.EVERY, Step.MINUTE, minute, *kind)
            before = rows.get(key)
            rows[key] = totals if before is None else before + totals
    return rows
