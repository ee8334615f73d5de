"""The usage rollup, played in memory: it keeps minutes, and adds up when it is asked."""

from __future__ import annotations

from collections.abc import Hashable

from adapters.memory import MemoryView
from domain.log import CALLS
from projections.call_log import Group
from projections.usage import UsageFilter
from projections.usage_rollup import (
    COLUMNS,
    Part,
    Reading,
    RollupRow,
    UsageRollup,
    group_name,
    question,
)
from projections.usage_steps import Span, Step, begin


class MemoryUsageRollup(MemoryView[RollupRow], UsageRollup):
    def read(
        self, wanted: UsageFilter, *, group: Group | None = None, step: Step | None = None
    ) -> Reading:
        asked = question(wanted, group, step)
        found: dict[Hashable, Part] = {}
        for row in self.rows.values():
            if not any(_fits(row, wanted, span) for span, _ in asked.spans):
                continue
            start = None if step is None else begin(row.start, step)
            name = (
                group_name(getattr(row, one) for one in COLUMNS[group]) if group else None
            )
            totals, before = row.totals, found.get((start, name))
            if before is not None:
                totals += before.totals
            found[start, name] = Part(start=start, group=name, totals=totals)
        parts = [part for part in found.values() if part.totals.calls]
        return Reading(position=self.position(CALLS), parts=parts, edges=asked.edges)


def _fits(row: RollupRow, wanted: UsageFilter, span: Span) -> bool:
    names = (
        "team_id", "hostname", "bot_id", "vendor", "model", "provider_key_id", "status",
    )  # fmt: skip
    return (
        (span.since is None or row.start >= span.since)
        and (span.until is None or row.start < span.until)
        and all(getattr(wanted, name) in {None, getattr(row, name)} for name in names)
    )
