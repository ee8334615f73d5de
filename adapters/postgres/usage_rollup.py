"""The usage rollup in PostgreSQL, one partition of its table for each step of time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, LiteralString, get_type_hints
from uuid import UUID

from psycopg.sql import SQL, Composed, Identifier, Literal

from adapters.postgres.binary_array import (
    Sent,
    bigint_array,
    numeric_array,
    send_arrays,
    text_array,
    time_array,
    uuid_array,
)
from adapters.postgres.database import Cursor, Database
from adapters.postgres.sketches import from_numeric, to_numeric
from adapters.postgres.usage_totals import OF_ROWS, sums, totals_of, where
from adapters.postgres.view import PostgresView
from adapters.postgres.view_positions import position_of
from domain.log import CALLS, Page
from projections.call_log import Group
from projections.latency_sketch import Sketch
from projections.usage import SKETCHES, SUMS, UsageFilter, UsageTotals
from projections.usage_events import NOBODY
from projections.usage_rollup import (
    COLUMNS,
    Facet,
    Part,
    Question,
    Reading,
    RollupRow,
    UsageRollup,
    group_name,
    question,
)
from projections.usage_steps import Step
from projections.view import Projector

_ARRAYS: dict[object, tuple[LiteralString, Callable[[Sequence[Any]], bytes]]] = {
    int: ("bigint", bigint_array),
    UUID: ("uuid", uuid_array),
    datetime: ("timestamptz", time_array),
    Sketch: ("numeric", lambda sketches: numeric_array(list(map(to_numeric, sketches)))),
}
Place = tuple[datetime | None, Hashable]  # of a part: when, and which group
_AS_THEY_ARE = SQL(", ").join(map(Identifier, SUMS))
_SENT = SQL(", ").join(
    SQL("numeric_send({0}) AS {0}" if name in SKETCHES else "{}").format(Identifier(name))
    for name in SUMS
)
_TEXTS: tuple[LiteralString, Callable[[Sequence[Any]], bytes]] = ("text", text_array)

# Minutes by every facet come in. They are added up to hours first, which are few, and these
# to all that is coarser or tells less apart. A facet is told by which of the six columns it
# does not keep apart: a bit for each.
_ADD: LiteralString = """
WITH minutes AS MATERIALIZED (
    SELECT * FROM unnest({arrays}) AS minutes ({names})
), hours AS MATERIALIZED (
    SELECT {added}, team_id, date_trunc('hour', start, 'UTC') AS hour,
        bot_id, hostname, vendor, model, provider_key_id, status, source
    FROM minutes
    GROUP BY team_id, hour, bot_id, hostname, vendor, model, provider_key_id, status, source
)
INSERT INTO {at} AS t ({names})
SELECT {names} FROM minutes
UNION ALL
SELECT {added}, team_id, 'all', 'minute', start, {nobody}, '', '', '', {nobody}, '', ''
FROM minutes GROUP BY team_id, start
UNION ALL
SELECT {added}, team_id,
    CASE GROUPING(bot_id, vendor, model, provider_key_id, status, source)
        WHEN 0 THEN 'every' WHEN 63 THEN 'all' WHEN 31 THEN 'bot' WHEN 47 THEN 'vendor'
        WHEN 55 THEN 'model' WHEN 59 THEN 'provider_key' WHEN 61 THEN 'status'
        ELSE 'source' END,
    step, begins, COALESCE(bot_id, {nobody}), COALESCE(hostname, ''),
    COALESCE(vendor, ''), COALESCE(model, ''), COALESCE(provider_key_id, {nobody}),
    COALESCE(status, ''), COALESCE(source, '')
FROM hours CROSS JOIN LATERAL (
    SELECT step, date_trunc(step, hour, 'UTC') AS begins
    FROM unnest(ARRAY['hour', 'day', 'month']) AS step) AS steps
GROUP BY team_id, step, begins, GROUPING SETS (
    (bot_id, hostname, vendor, model, provider_key_id, status, source),
    (bot_id, hostname), (vendor), (model), (provider_key_id), (status), (source), ())
ON CONFLICT ({key}) DO UPDATE SET {sums}
"""


class PostgresUsageRollup(PostgresView[RollupRow], UsageRollup):
    table = "usage_rollup"
    row = RollupRow

    def __init__(self, database: Database, *, schema: str | None = None) -> None:
        super().__init__(database, schema=schema)
        hints = get_type_hints(RollupRow)
        self._kinds = [_ARRAYS.get(hints[name], _TEXTS) for name in self._names]

    def advance(self, projector: Projector[RollupRow], page: Page) -> None:
        """Add what the page adds, without reading what is there."""
        with self._moved(page, projector.version) as cursor:
            rows = [row for row in projector.fold(page, {}).values() if row is not None]
            if rows:
                send_arrays(cursor)
                cursor.execute(self._add(), self._arrays(rows))

    def _arrays(self, rows: Sequence[RollupRow]) -> list[Sent]:
        return [
            Sent(array(column))
            for (_, array), column in zip(
                self._kinds, zip(*map(self._get, rows), strict=True), strict=True
            )
        ]

    def _add(self) -> Composed:
        arrays = SQL(", ").join(
            SQL("%s::{}[]").format(SQL(kind)) for kind, _ in self._kinds
        )
        return SQL(_ADD).format(
            at=self._at,
            names=self._columns(self._names),
            arrays=arrays,
            key=self._columns(self._key),
            nobody=Literal(NOBODY),
            added=SQL(", ").join(
                SQL("sum({0}) AS {0}").format(Identifier(name)) for name in SUMS
            ),
            sums=SQL(", ").join(
                SQL("{0} = t.{0} + excluded.{0}").format(Identifier(name)) for name in SUMS
            ),
        )

    def every(self) -> list[RollupRow]:
        keys = self._columns(self._key)
        with self._database.cursor() as cursor:
            cursor.execute(SQL("SELECT {}, {} FROM {}").format(_SENT, keys, self._at))
            return self._rows(cursor)

    def _rows(self, cursor: Cursor) -> list[RollupRow]:
        rows = [dict(zip(self._names, row, strict=True)) for row in cursor]
        for row in rows:
            row |= {name: from_numeric(row[name]) for name in SKETCHES}
        return self._adapter.validate_python(rows)

    def read(
        self, wanted: UsageFilter, *, group: Group | None = None, step: Step | None = None
    ) -> Reading:
        asked = question(wanted, group, step)
        found: dict[Place, UsageTotals] = {}
        with self._database.team_cursor(wanted.team_id, still=True) as cursor:
            position = position_of(cursor, self._name, CALLS)
            if asked.spans:
                cursor.execute(*_statement(asked, wanted, group, step), binary=True)
                for row in cursor:
                    place, totals = _read(row, stepped=step is not None)
                    before = found.get(place)
                    found[place] = totals if before is None else before + totals
        parts = [
            Part(start=start, group=name, totals=totals)
            for (start, name), totals in found.items()
            if totals.calls
        ]
        return Reading(position=position, parts=parts, edges=asked.edges)


def _statement(
    asked: Question, wanted: UsageFilter, group: Group | None, step: Step | None
) -> tuple[Composed, list[Any]]:
    """A select for each span, so that each reads one partition and no more of it."""
    names = [*([] if step is None else ["start"]), *(COLUMNS[group] if group else ())]
    selects: list[Composed] = []
    values: list[Any] = []
    for span, facet in asked.spans:
        named = replace(wanted, since=span.since, until=span.until)
        condition, bound = where(named, time="start", model=Identifier("model"))
        rows = SQL("usage_rollup WHERE facet = {} AND step = {} AND {}").format(
            Literal(facet.value), Literal(span.step.value), condition
        )
        if step is None:
            selects.append(_select(names, _AS_THEY_ARE, rows))
        elif facet is Facet.EVERY:
            selects.append(_summed(names, rows))
        else:  # a sum of one sketch costs ten times what it costs to read it
            selects.append(_select(names, _SENT, rows))
        values += bound
    together = SQL(" UNION ALL ").join(selects)
    if step is None:
        together = _summed(names, SQL("({}) AS parts").format(together))
    return together, values


def _summed(names: Sequence[str], rows: Composed) -> Composed:
    statement = _select(names, sums(OF_ROWS), rows)
    if names:
        statement += SQL(" GROUP BY ") + SQL(", ").join(map(Identifier, names))
    return statement


def _select(names: Sequence[str], sums: Composed, rows: Composed) -> Composed:
    columns = SQL(", ").join([*map(Identifier, names), sums])
    return SQL("SELECT {} FROM {}").format(columns, rows)


def _read(row: tuple[Any, ...], *, stepped: bool) -> tuple[Place, UsageTotals]:
    names, totals = row[: -len(SUMS)], totals_of(row[-len(SUMS) :])
    start = names[0] if stepped else None
    return (start, group_name(names[int(stepped) :])), totals
