"""The views over calls, and the audit trail, played in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from adapters.memory import MemoryView
from domain.calls import CallStatus
from projections.audit_trail import AuditFilter, AuditRow, AuditTrail
from projections.call_log import CallLog, CallRow
from projections.key_health import KeyHealthRow, KeyHealths
from projections.usage import SUMS, UsageFilter, UsageTotals
from projections.usage_by_hour import UsageByHour, UsageRow


class MemoryCallLog(MemoryView[CallRow], CallLog):
    def select(
        self, wanted: UsageFilter, *, before: tuple[datetime, UUID] | None, limit: int
    ) -> list[CallRow]:
        rows = sorted(self._matching(wanted), key=_age, reverse=True)
        return [row for row in rows if before is None or _age(row) < before][:limit]

    def totals(self, wanted: UsageFilter) -> UsageTotals:
        return _sum(_counted(row) for row in self._matching(wanted))

    def by_minute(self, wanted: UsageFilter) -> list[tuple[datetime, UsageTotals]]:
        return _grouped(
            (row.admitted_at.replace(second=0, microsecond=0), _counted(row))
            for row in self._matching(wanted)
            if row.status is not CallStatus.OPEN
        )

    def _matching(self, wanted: UsageFilter) -> Iterator[CallRow]:
        for row in self.rows.values():
            if _fits(row, wanted, row.admitted_at, row.model or row.requested_model):
                yield row


class MemoryUsageByHour(MemoryView[UsageRow], UsageByHour):
    def totals(self, wanted: UsageFilter) -> UsageTotals:
        return _sum(totals for _, totals in self.by_hour(wanted))

    def by_hour(self, wanted: UsageFilter) -> list[tuple[datetime, UsageTotals]]:
        return _grouped(
            (row.hour, UsageTotals(**{name: getattr(row, name) for name in SUMS}))
            for row in self.rows.values()
            if _fits(row, wanted, row.hour, row.model)
        )


class MemoryAuditTrail(MemoryView[AuditRow], AuditTrail):
    def select(
        self, wanted: AuditFilter, *, before: tuple[datetime, str, int] | None, limit: int
    ) -> list[AuditRow]:
        names = ("actor", "kind", "stream_id", "type", "correlation_id")
        rows = [
            row
            for row in self.rows.values()
            if row.team_id == wanted.team_id
            and (wanted.since is None or row.at >= wanted.since)
            and (wanted.until is None or row.at < wanted.until)
            and all(getattr(wanted, n) in {None, getattr(row, n)} for n in names)
            and (before is None or (row.at, row.log, row.position) < before)
        ]
        return sorted(rows, key=lambda r: (r.at, r.log, r.position), reverse=True)[:limit]


def _fits(
    row: CallRow | UsageRow, wanted: UsageFilter, time: datetime, model: str | None
) -> bool:
    names = ("team_id", "hostname", "vendor", "provider_key_id", "status")
    return (
        (wanted.since is None or time >= wanted.since)
        and (wanted.until is None or time < wanted.until)
        and wanted.model in {None, model}
        and all(getattr(wanted, name) in {None, getattr(row, name)} for name in names)
    )


def _age(row: CallRow) -> tuple[datetime, UUID]:
    return row.admitted_at, row.call_id


def _counted(row: CallRow) -> UsageTotals:
    """What one row adds; an open call nothing yet."""
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
    )


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
