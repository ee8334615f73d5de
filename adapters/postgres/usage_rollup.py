"""The usage rollup in PostgreSQL, one partition of its table for each step of time."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, LiteralString, get_type_hints
from uuid import UUID

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

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
from adapters.postgres.sketches import to_numeric
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
_key = attrgetter(*RollupRow.KEY)
Place = tuple[datetime | None, Hashable]  # of a part: when, and which group
_AS_THEY_ARE = SQL(", ").join(map(Identifier, SUMS))
_SENT = SQL(", ").join(
    SQL("numeric_send({0}) AS {0}" if name in SKETCHES else "{}").format(Identifier(name))
    for name in SUMS
)
_TEXTS: tuple[LiteralString, Callable[[Sequence[Any]], bytes]] = ("text", text_array)

# Minutes by every facet come in. They are added up to fewer rows step by step: to hours,
# without bots, and so to all that is coarser or tells less apart, each from the fewest rows
# that can tell it. A facet is told by which columns it does not keep apart: a bit for each.
_ADD: LiteralString = """
WITH minutes AS MATERIALIZED (
    SELECT * FROM unnest({arrays}) AS minutes ({names})
), minutes_of_any AS MATERIALIZED (
    SELECT {added}, team_id, start, vendor, model, provider_key_id, status, source
    FROM minutes
    GROUP BY team_id, start, vendor, model, provider_key_id, status, source
), hours AS MATERIALIZED (
    SELECT {added}, team_id, date_trunc('hour', start, 'UTC') AS hour,
        bot_id, hostname, vendor, model, provider_key_id, status, source
    FROM minutes
    GROUP BY team_id, hour, bot_id, hostname, vendor, model, provider_key_id, status, source
), hours_of_any AS MATERIALIZED (
    SELECT {added}, team_id, hour, vendor, model, provider_key_id, status, source
    FROM hours
    GROUP BY team_id, hour, vendor, model, provider_key_id, status, source
)
INSERT INTO {at} AS t ({names})
SELECT {names} FROM minutes
UNION ALL
SELECT {sums}, team_id, 'any_bot', 'minute', start, {nobody}, '',
    vendor, model, provider_key_id, status, source
FROM minutes_of_any
UNION ALL
SELECT {added}, team_id, 'all', 'minute', start, {nobody}, '', '', '', {nobody}, '', ''
FROM minutes_of_any GROUP BY team_id, start
UNION ALL
SELECT {added}, team_id, CASE GROUPING(vendor) WHEN 0 THEN 'every' ELSE 'bot' END,
    step, date_trunc(step, hour, 'UTC') AS begins, bot_id, hostname,
    COALESCE(vendor, ''), COALESCE(model, ''), COALESCE(provider_key_id, {nobody}),
    COALESCE(status, ''), COALESCE(source, '')
FROM hours CROSS JOIN unnest(ARRAY['hour', 'day', 'month']) AS step
GROUP BY team_id, step, begins, bot_id, hostname, GROUPING SETS (
    (vendor, model, provider_key_id, status, source), ())
UNION ALL
SELECT {added}, team_id,
    CASE GROUPING(vendor, model, provider_key_id, status, source)
        WHEN 0 THEN 'any_bot' WHEN 31 THEN 'all' WHEN 15 THEN 'vendor' WHEN 23 THEN 'model'
        WHEN 27 THEN 'provider_key' WHEN 29 THEN 'status' ELSE 'source' END,
    step, date_trunc(step, hour, 'UTC') AS begins, {nobody}, '',
    COALESCE(vendor, ''), COALESCE(model, ''), COALESCE(provider_key_id, {nobody}),
    COALESCE(status, ''), COALESCE(source, '')
FROM hours_of_any CROSS JOIN unnest(ARRAY['hour', 'day', 'month']) AS step
GROUP BY team_id, step, begins, GROUPING SETS (
    (vendor, model, provider_key_id, status, source),
    (vendor), (model), (provider_key_id), (status), (source), ())
ON CONFLICT ({key}) DO UPDATE SET {both}
"""


# Rows are in their order there; by default the planner would rather sort them on the disk.
_BY_INDEX = "SET LOCAL random_page_cost = 1.1"


class PostgresUsageRollup(PostgresView[RollupRow], UsageRollup):
    table = "usage_rollup"
    row = RollupRow

    def __init__(self, database: Database, *, schema: str | None = None) -> None:
        super().__init__(database, schema=schema)
        hints = get_type_hints(UsageTotals) | get_type_hints(RollupRow)
        self._names = [*SUMS, *RollupRow.KEY]
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
                self._kinds, zip(*map(_values, rows), strict=True), strict=True
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
            sums=_AS_THEY_ARE,
            both=SQL(", ").join(
                SQL("{0} = t.{0} + excluded.{0}").format(Identifier(name)) for name in SUMS
            ),
        )

    def every(self) -> list[RollupRow]:
        keys = self._columns(self._key)
        with self._database.cursor() as cursor:
            cursor.execute(SQL("SELECT {}, {} FROM {}").format(_SENT, keys, self._at))
            return self._rows(cursor)

    def _rows(self, cursor: Cursor) -> list[RollupRow]:
        return self._adapter.validate_python(
            [
                dict(zip(RollupRow.KEY, row[len(SUMS) :], strict=True))
                | {"totals": totals_of(row[: len(SUMS)])}
                for row in cursor
            ]
        )

    def read(
        self, wanted: UsageFilter, *, group: Group | None = None, step: Step | None = None
    ) -> Reading:
        asked, rows = question(wanted, group, step), list[tuple[Any, ...]]()
        with self._database.team_cursor(wanted.team_id, still=True) as cursor:
            position = position_of(cursor, self._name, CALLS)
            if asked.spans:
                cursor.execute(_BY_INDEX)
                cursor.execute(*_statement(asked, wanted, group, step), binary=True)
                rows = cursor.fetchall()
        found: dict[Place, UsageTotals] = {}
        for place, totals in map(_read(group, step), rows):
            before = found.get(place)
            found[place] = totals if before is None else before + totals
        parts = [Part(*place, totals) for place, totals in found.items() if totals.calls]
        return Reading(position=position, parts=parts, edges=asked.edges)


def _statement(
    asked: Question, wanted: UsageFilter, group: Group | None, step: Step | None
) -> tuple[Composed, list[Any]]:
    """A select for each span, so that each reads one partition and no more of it."""
    groups = [*map(Identifier, COLUMNS[group] if group else ())]
    selects: list[Composed] = []
    values: list[Any] = []
    for span, facet in asked.spans:
        named = replace(wanted, since=span.since, until=span.until)
        condition, bound = where(named, time="start", model=Identifier("model"))
        rows = SQL("usage_rollup WHERE facet = {} AND step = {} AND {}").format(
            Literal(facet.value), Literal(span.step.value), condition
        )
        if step is None:
            selects.append(_select(groups, _AS_THEY_ARE, rows))
        elif span.step is not step:
            selects.append(_summed([_begin(step), *groups], rows))
        elif _is_told_by_one(facet, wanted):
            selects.append(_select([Identifier("start"), *groups], _SENT, rows))
        else:
            selects.append(_summed([Identifier("start"), *groups], rows))
        values += bound
    together = SQL(" UNION ALL ").join(selects)
    if step is None:
        together = _summed(groups, SQL("({}) AS parts").format(together))
    return together, values


def _is_told_by_one(facet: Facet, wanted: UsageFilter) -> bool:
    """Whether a point has hardly more than a row. It is told sooner than a sum of it."""
    if facet in {Facet.ANY_BOT, Facet.EVERY}:
        return wanted.model is not None and wanted.status is not None
    return True


def _begin(step: Step) -> Composed:
    return SQL("date_trunc({}, start, 'UTC')").format(Literal(step.value))


def _summed(names: Sequence[Composable], rows: Composed) -> Composed:
    statement = _select(names, sums(OF_ROWS), rows)
    if names:
        statement += SQL(" GROUP BY ") + SQL(", ").join(
            map(Literal, range(1, len(names) + 1))
        )
    return statement


def _select(names: Sequence[Composable], sums: Composed, rows: Composed) -> Composed:
    return SQL("SELECT {} FROM {}").format(SQL(", ").join([*names, sums]), rows)


def _read(
    group: Group | None, step: Step | None
) -> Callable[[tuple[Any, ...]], tuple[Place, UsageTotals]]:
    """How to read a row of such a question: when it is, which group, and the totals."""
    stepped, sums = int(step is not None), -len(SUMS)

    def read(row: tuple[Any, ...]) -> tuple[Place, UsageTotals]:
        start = row[0].astimezone(UTC) if stepped else None
        name = group_name(row[stepped:sums]) if group else None
        return (start, name), totals_of(row[sums:])

    return read


def _values(row: RollupRow) -> tuple[Any, ...]:
    return *row.totals, *_key(row)
