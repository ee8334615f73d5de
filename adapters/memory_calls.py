"""The views over calls, and the audit trail, played in memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from adapters.memory import MemoryView
from domain.calls import CallStatus
from domain.calls_months import MonthOut
from domain.log import Page
from projections.audit_trail import AuditFilter, AuditRow, AuditTrail
from projections.call_log import (
    CallLog,
    CallRow,
    DayGroup,
    Group,
    age,
    counted,
    day_group_of,
    group_of,
    matches,
)
from projections.key_health import KeyHealthRow, KeyHealths
from projections.usage import UsageFilter, UsageTotals
from projections.view import Key, Projector


class MemoryCallLog(MemoryView[CallRow], CallLog):
    """Keeps how each call stood after each event of it."""

    def __init__(self) -> None:
        super().__init__()
        self._stood: dict[Key, list[tuple[int, CallRow]]] = {}

    def advance(self, projector: Projector[CallRow], page: Page) -> None:
        super().advance(projector, page)
        for placed in page.events:
            stood = self._stood.setdefault(projector.key(placed) or (), [])
            row = projector.project(stood[-1][1] if stood else None, placed)
            if row is not None:
                stood.append((placed.position, row))

    def select(
        self, wanted: UsageFilter, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[CallRow]:
        rows = sorted(self._matching(wanted), key=age, reverse=True)
        return [row for row in rows if before is None or age(row) < before][:limit]

    def totals(self, wanted: UsageFilter) -> UsageTotals:
        return _sum(counted(row) for row in self._matching(wanted))

    def months_out(self) -> list[MonthOut]:
        return []

    def by_minute(self, wanted: UsageFilter) -> list[tuple[datetime, UsageTotals]]:
        return _grouped(
            (row.admitted_at.replace(second=0, microsecond=0), counted(row))
            for row in self._matching(wanted)
            if row.status is not CallStatus.OPEN
        )

    def by_group(
        self, wanted: UsageFilter, group: Group
    ) -> list[tuple[Hashable, UsageTotals]]:
        found: dict[Hashable, UsageTotals] = {}
        for row in self._matching(wanted):
            if row.status is not CallStatus.OPEN:
                key = group_of(row, group)
                found[key] = found.get(key, UsageTotals()) + counted(row)
        return list(found.items())

    def by_day(
        self, wanted: UsageFilter, time_zone: str
    ) -> list[tuple[DayGroup, UsageTotals]]:
        found: dict[DayGroup, UsageTotals] = {}
        for row in self._matching(wanted):
            if row.status is not CallStatus.OPEN:
                key = day_group_of(row, ZoneInfo(time_zone))
                found[key] = found.get(key, UsageTotals()) + counted(row)
        return list(found.items())

    def _matching(self, wanted: UsageFilter) -> Iterator[CallRow]:
        return (row for row in self._as_of(wanted.upto) if matches(row, wanted))

    def _as_of(self, upto: int | None) -> Iterable[CallRow]:
        if upto is None:
            return self.rows.values()
        return [
            then[-1]
            for stood in self._stood.values()
            if (then := [row for position, row in stood if position <= upto])
        ]


class MemoryAuditTrail(MemoryView[AuditRow], AuditTrail):
    def select(
        self, wanted: AuditFilter, *, before: tuple[datetime, str, int] | None, limit: int
    ) -> list[AuditRow]:
        names = ("kind", "stream_id", "type", "correlation_id")
        rows = [
            row
            for row in self.rows.values()
            if row.team_id == wanted.team_id
            and (not wanted.actors or row.actor in wanted.actors)
            and (wanted.since is None or row.at >= wanted.since)
            and (wanted.until is None or row.at < wanted.until)
            and all(getattr(wanted, n) in {None, getattr(row, n)} for n in names)
            and (before is None or (row.at, row.log, row.position) < before)
        ]
        return sorted(rows, key=lambda r: (r.at, r.log, r.position), reverse=True)[:limit]


def _sum(totals: Iterable[UsageTotals]) -> UsageTotals:
    return sum(totals, start=UsageTotals())


def _grouped(
    parts: Iterable[tuple[datetime, UsageTotals]],
) -> list[tuple[datetime, UsageTotals]]:
    groups: dict[datetime, UsageTotals] = {}
    for start, totals in parts:
        groups[start] = groups.get(start, UsageTotals()) + totals
    return sorted(groups.items())


class MemoryKeyHealths(MemoryView[KeyHealthRow], KeyHealths):
    def of_keys(self, team_id: UUID, key_ids: Sequence[UUID]) -> list[KeyHealthRow]:
        rows = self.rows.values()
        return [row for row in rows if row.team_id == team_id and row.key_id in key_ids]
