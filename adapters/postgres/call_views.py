"""The views over the calls log in PostgreSQL."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.sql import SQL, Composable, Composed, Identifier

from adapters.postgres.calls_then import UNMOVED, moved_calls
from adapters.postgres.database import Cursor
from adapters.postgres.view import PostgresView
from domain.calls import CallStatus
from projections.call_log import (
    CallLog,
    CallRow,
    DayGroup,
    Group,
    age,
    counted,
    day_group_of,
    group_of,
)
from projections.key_health import KeyHealthRow, KeyHealths
from projections.usage import SUMS, UsageFilter, UsageTotals
from projections.usage_by_hour import UsageByHour, UsageRow

_CALL_SUMS: dict[str, LiteralString] = {
    "calls": "count(*)",
    "settled": "count(*) FILTER (WHERE status = 'settled')",
    "refused": "count(*) FILTER (WHERE status = 'refused')",
    "abandoned": "count(*) FILTER (WHERE status = 'abandoned')",
    "unmetered": "count(*) FILTER (WHERE status IN ('settled', 'abandoned') "
    "AND input_tokens IS NULL AND output_tokens IS NULL)",
    "unpriced": "count(*) FILTER (WHERE status IN ('settled', 'abandoned') "
    "AND cost_micro_usd IS NULL)",
}


_GROUPS: dict[Group, LiteralString] = {
    Group.BOT: "bot_id, hostname",
    Group.VENDOR: "vendor",
    Group.MODEL: "COALESCE(model, requested_model)",
    Group.PROVIDER_KEY: "provider_key_id",
    Group.STATUS: "status",
    Group.SOURCE: "usage_source",
}


def _sums(expressions: dict[str, LiteralString]) -> Composed:
    return SQL(", ").join(
        SQL("COALESCE({}, 0)::bigint").format(
            SQL(expressions[name])
            if name in expressions
            else SQL("sum({})").format(Identifier(name))
        )
        for name in SUMS
    )


def _totals(row: tuple[Any, ...]) -> UsageTotals:
    return UsageTotals(**dict(zip(SUMS, row, strict=True)))


def _where(
    wanted: UsageFilter, *, time: str, model: Composable
) -> tuple[Composed, list[Any]]:
    """What the filter asks for, as a condition with its values."""
    conditions: list[Composed] = [SQL("team_id = {}").format(SQL("%s"))]
    values: list[Any] = [wanted.team_id]
    for column, operator, value in (
        (Identifier(time), SQL(">="), wanted.since),
        (Identifier(time), SQL("<"), wanted.until),
        (Identifier("hostname"), SQL("="), wanted.hostname),
        (Identifier("vendor"), SQL("="), wanted.vendor),
        (model, SQL("="), wanted.model),
        (Identifier("provider_key_id"), SQL("="), wanted.provider_key_id),
        (Identifier("status"), SQL("="), wanted.status and wanted.status.value),
        (Identifier("token_id"), SQL("="), wanted.token_id),
    ):
        if value is not None:
            conditions.append(SQL("{} {} %s").format(column, operator))
            values.append(value)
    return SQL(" AND ").join(conditions), values


class PostgresCallLog(PostgresView[CallRow], CallLog):
    table = "call_log"
    row = CallRow

    def select(
        self, wanted: UsageFilter, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[CallRow]:
        where, values = self._matching(wanted)
        if before is not None:
            where += SQL(" AND (admitted_at, call_id) < (%s, %s)")
            values.extend(before)
        with self._cursor(wanted) as cursor:
            cursor.execute(
                SQL(
                    "SELECT * FROM call_log WHERE {} "
                    "ORDER BY admitted_at DESC, call_id DESC LIMIT %s"
                ).format(where),
                [*values, limit],
            )
            rows, moved = self._rows(cursor), moved_calls(cursor, wanted)
        if moved:
            rows += [row for row in moved if before is None or age(row) < before]
            rows.sort(key=age, reverse=True)
        return rows[:limit]

    def totals(self, wanted: UsageFilter) -> UsageTotals:
        where, values = self._matching(wanted)
        statement = SQL("SELECT {} FROM call_log WHERE {} AND status <> 'open'").format(
            _sums(_CALL_SUMS), where
        )
        with self._cursor(wanted) as cursor:
            found = _totals(cursor.execute(statement, values).fetchone() or ())
            return sum(map(counted, moved_calls(cursor, wanted)), start=found)

    def by_minute(self, wanted: UsageFilter) -> list[tuple[datetime, UsageTotals]]:
        where, values = self._matching(wanted)
        statement = SQL(
            "SELECT date_trunc('minute', admitted_at, 'UTC') AS minute, {} FROM call_log "
            "WHERE {} AND status <> 'open' GROUP BY minute ORDER BY minute"
        ).format(_sums(_CALL_SUMS), where)
        with self._cursor(wanted) as cursor:
            rows = cursor.execute(statement, values).fetchall()
            moved = moved_calls(cursor, wanted)
        found = {row[0]: _totals(row[1:]) for row in rows}
        for one in moved:
            if one.status is not CallStatus.OPEN:
                minute = one.admitted_at.replace(second=0, microsecond=0)
                found[minute] = found.get(minute, UsageTotals()) + counted(one)
        return sorted(found.items())

    def by_group(
        self, wanted: UsageFilter, group: Group
    ) -> list[tuple[Hashable, UsageTotals]]:
        where, values = self._matching(wanted)
        columns = _GROUPS[group]
        statement = SQL(
            "SELECT {sums}, {columns} FROM call_log "
            "WHERE {where} AND status <> 'open' GROUP BY {columns}"
        ).format(sums=_sums(_CALL_SUMS), columns=SQL(columns), where=where)
        with self._cursor(wanted) as cursor:
            rows = cursor.execute(statement, values).fetchall()
            moved = moved_calls(cursor, wanted)
        found: dict[Hashable, UsageTotals] = {}
        for row in rows:
            key = row[len(SUMS) :]
            found[key if len(key) > 1 else key[0]] = _totals(row[: len(SUMS)])
        for one in moved:
            if one.status is not CallStatus.OPEN:
                name = group_of(one, group)
                found[name] = found.get(name, UsageTotals()) + counted(one)
        return list(found.items())

    def by_day(
        self, wanted: UsageFilter, time_zone: str
    ) -> list[tuple[DayGroup, UsageTotals]]:
        where, values = self._matching(wanted)
        statement = SQL(
            "SELECT (admitted_at AT TIME ZONE %s)::date, COALESCE(model, requested_model), "
            "provider_key_id, {} FROM call_log WHERE {} AND status <> 'open' "
            "GROUP BY 1, 2, 3"
        ).format(_sums(_CALL_SUMS), where)
        with self._cursor(wanted) as cursor:
            rows = cursor.execute(statement, [time_zone, *values]).fetchall()
            moved = moved_calls(cursor, wanted)
        found: dict[DayGroup, UsageTotals] = {row[:3]: _totals(row[3:]) for row in rows}
        for one in moved:
            if one.status is not CallStatus.OPEN:
                group = day_group_of(one, ZoneInfo(time_zone))
                found[group] = found.get(group, UsageTotals()) + counted(one)
        return list(found.items())

    def _cursor(self, wanted: UsageFilter) -> AbstractContextManager[Cursor]:
        """One statement sees one moment anyway; what stood then is read in two."""
        still = wanted.upto is not None
        return self._database.team_cursor(wanted.team_id, still=still)

    def _matching(self, wanted: UsageFilter) -> tuple[Composed, list[Any]]:
        where, values = _where(
            wanted, time="admitted_at", model=SQL("COALESCE(model, requested_model)")
        )
        if wanted.upto is not None:
            return where + SQL(" AND ") + UNMOVED, [*values, wanted.upto]
        return where, values


class PostgresUsageByHour(PostgresView[UsageRow], UsageByHour):
    table = "usage_by_hour"
    row = UsageRow

    def totals(self, wanted: UsageFilter) -> UsageTotals:
        where, values = _where(wanted, time="hour", model=Identifier("model"))
        statement = SQL("SELECT {} FROM usage_by_hour WHERE {}").format(_sums({}), where)
        with self._database.team_cursor(wanted.team_id) as cursor:
            return _totals(cursor.execute(statement, values).fetchone() or ())

    def by_hour(self, wanted: UsageFilter) -> list[tuple[datetime, UsageTotals]]:
        where, values = _where(wanted, time="hour", model=Identifier("model"))
        statement = SQL(
            "SELECT hour, {} FROM usage_by_hour WHERE {} GROUP BY hour ORDER BY hour"
        ).format(_sums({}), where)
        with self._database.team_cursor(wanted.team_id) as cursor:
            rows = cursor.execute(statement, values).fetchall()
        return [(row[0], _totals(row[1:])) for row in rows]


class PostgresKeyHealths(PostgresView[KeyHealthRow], KeyHealths):
    table = "key_health"
    row = KeyHealthRow

    def of_keys(self, team_id: UUID, key_ids: Sequence[UUID]) -> list[KeyHealthRow]:
        return self.query(
            team_id, "team_id = %s AND key_id = ANY(%s)", team_id, list(key_ids)
        )
