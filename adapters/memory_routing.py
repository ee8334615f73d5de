"""The views of routing, played in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from uuid import UUID

from adapters.kept_routing import record_in
from adapters.memory import MemoryView
from domain.log import CALLS, Page, Placed
from domain.routing_replay import PastCall
from projections.model_prices import ModelPriceRow, ModelPrices
from projections.past_calls import PastCallRow, PastCalls, PastFilter, ScopesOf
from projections.routing_statistics import (
    RoutingStatistics,
    RoutingStatisticsProjector,
    StatisticsFilter,
    TargetRow,
)
from projections.view import Projector


class MemoryModelPrices(MemoryView[ModelPriceRow], ModelPrices):
    def of_team(self, team_id: UUID) -> list[ModelPriceRow]:
        mine = (row for row in self.rows.values() if row.team_id == team_id)
        return sorted(mine, key=lambda row: (row.vendor, row.model))

    def all(self) -> list[ModelPriceRow]:
        return list(self.rows.values())


class MemoryRoutingStatistics(MemoryView[TargetRow], RoutingStatistics):
    """Keeps what it was told, to tell what was known by then."""

    def __init__(self) -> None:
        super().__init__()
        self._told: list[Placed] = []

    def advance(self, projector: Projector[TargetRow], page: Page) -> None:
        super().advance(projector, page)
        self._told += page.events

    def select(self, wanted: StatisticsFilter) -> list[TargetRow]:
        rows: Iterable[TargetRow | None] = self.rows.values()
        if wanted.upto is not None:
            told = tuple(one for one in self._told if one.position <= wanted.upto)
            page = Page(log=CALLS, after=0, upto=wanted.upto, events=told)
            rows = RoutingStatisticsProjector().fold(page, {}).values()
        return [
            row
            for row in rows
            if row is not None
            and row.team_id == wanted.team_id
            and wanted.since <= row.hour < wanted.until
            and wanted.bot_id in {None, row.bot_id}
        ]


class MemoryPastCalls(MemoryView[PastCallRow], PastCalls):
    def count(self, wanted: PastFilter) -> int:
        return len(self._matching(wanted))

    def replay(self, wanted: PastFilter, scopes: ScopesOf) -> Iterator[PastCall]:
        for row in sorted(self._matching(wanted), key=lambda row: (row.at, row.call_id)):
            yield PastCall(
                call_id=row.call_id,
                at=row.at,
                bot_id=row.bot_id,
                vendor=row.vendor,
                model=row.model,
                key_id=row.key_id,
                usage=row.usage,
                cost_micro_usd=row.cost_micro_usd,
                refused=row.refused,
                routing=record_in(row.routing),
                scopes=scopes(row.bot_id),
            )

    def _matching(self, wanted: PastFilter) -> list[PastCallRow]:
        return [
            row
            for row in self.rows.values()
            if row.team_id == wanted.team_id
            and wanted.since <= row.at < wanted.until
            and wanted.bot_id in {None, row.bot_id}
            and not row.open
        ]
