"""Sums over calls in SQL: which are asked for, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, LiteralString

from psycopg.sql import SQL, Composable, Composed, Identifier

from adapters.postgres.sketches import from_numeric
from projections.usage import SKETCHES, SUMS, UsageFilter, UsageTotals

OF_CALLS: Mapping[str, LiteralString] = {
    "calls": "count(*)",
    "settled": "count(*) FILTER (WHERE status = 'settled')",
    "refused": "count(*) FILTER (WHERE status = 'refused')",
    "abandoned": "count(*) FILTER (WHERE status = 'abandoned')",
    "unmetered": "count(*) FILTER (WHERE status IN ('settled', 'abandoned') "
    "AND input_tokens IS NULL AND output_tokens IS NULL)",
    "unpriced": "count(*) FILTER (WHERE status IN ('settled', 'abandoned') "
    "AND cost_micro_usd IS NULL)",
    "errors": "count(*) FILTER (WHERE call_failed(status, http_status, error))",
    "durations": "sum(latency_sketch(duration_ms))",
    "first_bytes": "sum(latency_sketch(first_byte_ms))",
}
OF_ROWS: Mapping[str, LiteralString] = {}


def sums(expressions: Mapping[str, LiteralString]) -> Composed:
    """The members of `UsageTotals` in their order; each a column's sum unless said."""
    return SQL(", ").join(
        SQL(
            "numeric_send(COALESCE({}, 0))"
            if name in SKETCHES
            else "COALESCE({}, 0)::bigint"
        ).format(
            SQL(expressions[name])
            if name in expressions
            else SQL("sum({})").format(Identifier(name))
        )
        for name in SUMS
    )


def totals_of(row: tuple[Any, ...]) -> UsageTotals:
    """What `sums` selected, read in binary."""
    *counts, durations, first_bytes = row
    times = from_numeric(durations), from_numeric(first_bytes)
    return UsageTotals._make((*counts, *times))


def where(
    wanted: UsageFilter, *, time: str, model: Composable
) -> tuple[Composed, list[Any]]:
    """What the filter asks for, as a condition with its values."""
    conditions: list[Composed] = [SQL("team_id = {}").format(SQL("%s"))]
    values: list[Any] = [wanted.team_id]
    for column, operator, value in (
        (Identifier(time), SQL(">="), wanted.since),
        (Identifier(time), SQL("<"), wanted.until),
        (Identifier("hostname"), SQL("="), wanted.hostname),
        (Identifier("bot_id"), SQL("="), wanted.bot_id),
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
