"""The views over the calls log in PostgreSQL."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.sql import SQL, Composed

from adapters.postgres.calls_then import UNMOVED, moved_calls
from adapters.postgres.database import Cursor
from adapters.postgres.usage_totals import OF_CALLS, sums, totals_of
from adapters.postgres.usage_totals import where as where_of
from adapters.postgres.view import PostgresView
from domain.calls import CallStatus
from domain.calls_months import MonthOut
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

_GROUPS: dict[Group, LiteralString] = {
    Group.BOT: "bot_id, hostname",
    Group.VENDOR: "vendor",
    Group.MODEL: "COALESCE(model, requested_model)",
    Group.PROVIDER_KEY: "provider_key_id",
    Group.STATUS: "status",
    Group.SOURCE: "usage_source",
}

# Of tables in parts PostgreSQL reads a thousand rows with workers, which take ten times as
# long to start as the rows to read.
FEW_WORKERS: LiteralString = "SET LOCAL parallel_setup_cost = 10000"


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
            sums(OF_CALLS), where
        )
        with self._cursor(wanted) as cursor:
            found = totals_of(
                cursor.execute(statement, values, binary=True).fetchone() or ()
            )
            return sum(map(counted, moved_calls(cursor, wanted)), start=found)

    def by_minute(self, wanted: UsageFilter) -> list[tuple[datetime, UsageTotals]]:
        where, values = self._matching(wanted)
        statement = SQL(
            "SELECT date_trunc('minute', admitted_at, 'UTC') AS minute, {} FROM call_log "
            "WHERE {} AND status <> 'open' GROUP BY minute ORDER BY minute"
        ).format(sums(OF_CALLS), where)
        with self._cursor(wanted) as cursor:
            rows = cursor.execute(statement, values, binary=True).fetchall()
            moved = moved_calls(cursor, wanted)
        found = {row[0]: totals_of(row[1:]) for row in rows}
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
        ).format(sums=sums(OF_CALLS), columns=SQL(columns), where=where)
        with self._cursor(wanted) as cursor:
            rows = cursor.execute(statement, values, binary=True).fetchall()
            moved = moved_calls(cursor, wanted)
        found: dict[Hashable, UsageTotals] = {}
        for row in rows:
            key = row[len(SUMS) :]
            found[key if len(key) > 1 else key[0]] = totals_of(row[: len(SUMS)])
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
        ).format(sums(OF_CALLS), where)
        with self._cursor(wanted) as cursor:
            rows = cursor.execute(statement, [time_zone, *values], binary=True).fetchall()
            moved = moved_calls(cursor, wanted)
        found: dict[DayGroup, UsageTotals] = {row[:3]: totals_of(row[3:]) for row in rows}
        for one in moved:
            if one.status is not CallStatus.OPEN:
                group = day_group_of(one, ZoneInfo(time_zone))
                found[group] = found.get(group, UsageTotals()) + counted(one)
        return list(found.items())

    def months_out(self) -> list[MonthOut]:
        with self._database.cursor() as cursor:
            cursor.execute(
                "SELECT month, first_position, last_position, last_at "
                "FROM calls_month_detached"
            )
            return [
                MonthOut(month=month, first_position=first, last_position=last, last_at=at)
                for month, first, last, at in cursor
            ]

    @contextmanager
    def _cursor(self, wanted: UsageFilter) -> Iterator[Cursor]:
        """One statement sees one moment anyway; what stood then is read in two."""
        still = wanted.upto is not None
        with self._database.team_cursor(wanted.team_id, still=still) as cursor:
            if still:
                cursor.execute(FEW_WORKERS)
            yield cursor

    def _matching(self, wanted: UsageFilter) -> tuple[Composed, list[Any]]:
        where, values = where_of(
            wanted, time="admitted_at", model=SQL("COALESCE(model, requested_model)")
        )
        if wanted.upto is not None:
            return where + SQL(" AND ") + UNMOVED, [*values, wanted.upto]
        return where, values


class PostgresKeyHealths(PostgresView[KeyHealthRow], KeyHealths):
    table = "key_health"
    row = KeyHealthRow

    def of_keys(self, team_id: UUID, key_ids: Sequence[UUID]) -> list[KeyHealthRow]:
        return self.query(
            team_id, "team_id = %s AND key_id = ANY(%s)", team_id, list(key_ids)
        )
