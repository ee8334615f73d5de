"""The views of routing in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from adapters.kept_routing import read_record, read_usage
from adapters.postgres.calls_then import targets_then
from adapters.postgres.view import PostgresView
from domain.routing_replay import PastCall
from projections.model_prices import ModelPriceRow, ModelPrices
from projections.past_calls import PastCallRow, PastCalls, PastFilter, ScopesOf
from projections.routing_shelves import RoutingShelves, ShelfRow
from projections.routing_statistics import (
    RoutingStatistics,
    StatisticsFilter,
    TargetRow,
)

AT_ONCE = 1000  # past calls, some 2 kB each


class PostgresModelPrices(PostgresView[ModelPriceRow], ModelPrices):
    table = "model_prices"
    row = ModelPriceRow

    def of_team(self, team_id: UUID) -> list[ModelPriceRow]:
        return self.query(team_id, "team_id = %s ORDER BY vendor, model", team_id)

    def all(self) -> list[ModelPriceRow]:
        return self.every()


class PostgresRoutingShelves(PostgresView[ShelfRow], RoutingShelves):
    table = "routing_shelves"
    row = ShelfRow

    def all(self) -> list[ShelfRow]:
        return self.every()


class PostgresRoutingStatistics(PostgresView[TargetRow], RoutingStatistics):
    table = "routing_statistics"
    row = TargetRow

    def select(self, wanted: StatisticsFilter) -> list[TargetRow]:
        if wanted.upto is not None:
            with self._database.team_cursor(wanted.team_id) as cursor:
                return targets_then(cursor, wanted, wanted.upto)
        return self.query(
            wanted.team_id,
            "team_id = %s AND hour >= %s AND hour < %s "
            "AND (%s::uuid IS NULL OR bot_id = %s)",
            wanted.team_id,
            wanted.since,
            wanted.until,
            wanted.bot_id,
            wanted.bot_id,
        )


class PostgresPastCalls(PostgresView[PastCallRow], PastCalls):
    table = "past_calls"
    row = PastCallRow

    def count(self, wanted: PastFilter) -> int:
        with self._database.team_cursor(wanted.team_id) as cursor:
            cursor.execute(f"SELECT count(*) {_OF_THAT_TIME}", _bound(wanted))
            row = cursor.fetchone()
        return int(row[0]) if row else 0

    def replay(self, wanted: PastFilter, scopes: ScopesOf) -> Iterator[PastCall]:
        with self._database.team_cursor(wanted.team_id) as cursor:
            for row in cursor.stream(_IN_ORDER, _bound(wanted), size=AT_ONCE):
                yield _past(row, scopes)


_OF_THAT_TIME = (
    "FROM past_calls WHERE team_id = %(team)s AND at >= %(since)s AND at < %(until)s "
    "AND (%(bot)s::uuid IS NULL OR bot_id = %(bot)s) AND NOT open"
)
_IN_ORDER = (
    "SELECT call_id, at, bot_id, vendor, model, key_id, usage::text, cost_micro_usd, "
    f"refused, routing::text {_OF_THAT_TIME} ORDER BY at, call_id"
)


def _bound(wanted: PastFilter) -> dict[str, Any]:
    return {
        "team": wanted.team_id,
        "since": wanted.since,
        "until": wanted.until,
        "bot": wanted.bot_id,
    }


def _past(row: tuple[Any, ...], scopes: ScopesOf) -> PastCall:
    call_id, at, bot_id, vendor, model, key_id, usage, cost, refused, routing = row
    return PastCall(
        call_id=call_id,
        at=at,
        bot_id=bot_id,
        vendor=vendor,
        model=model,
        key_id=key_id,
        usage=read_usage(usage),
        cost_micro_usd=cost,
        refused=refused,
        routing=None if routing is None else read_record(routing),
        scopes=scopes(bot_id),
    )
