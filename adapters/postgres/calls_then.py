"""Calls as they stood at an earlier position of their log.

A call of which nothing was recorded since stands in its row as it did then. Those that were
under way, or were corrected since, are folded from their events up to there; those that
began later were not there yet. So a question costs what it costs about now, a look into the
log for each call of its time, and some 40 µs for each call that has moved.

Sums by hour know nothing of single calls: how targets did is folded anew, from the ends of
all calls of the time that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, LiteralString, get_args
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from psycopg.sql import SQL, Composed, Identifier

from adapters.event_store import EventMapper
from adapters.postgres.database import Cursor
from domain.calls import CallEnding, CallEvent
from domain.events import Event, Recorded
from domain.log import CALLS, Page, Placed
from projections.call_log import CallLogProjector, CallRow, matches
from projections.routing_statistics import (
    RoutingStatisticsProjector,
    StatisticsFilter,
    TargetRow,
)
from projections.usage import UsageFilter
from projections.view import Key, row_of

UNMOVED = SQL(
    "NOT EXISTS (SELECT FROM calls_events AS later "
    "WHERE later.originator_id = call_log.call_id AND later.notification_id > %s)"
)
_OF_CALLS: LiteralString = """
SELECT e.originator_id, e.originator_version, e.topic, e.state
FROM calls_events AS e
WHERE e.notification_id <= %s AND e.topic = ANY(%s) AND e.originator_id IN (
    SELECT call_id FROM call_log WHERE {})
ORDER BY e.notification_id
"""
_OF_THAT_TIME = SQL(
    "team_id = %s AND admitted_at >= %s AND admitted_at < %s "
    "AND (%s::uuid IS NULL OR bot_id = %s)"
)
AT_ONCE = 1000  # events, some 2 kB each
_ALL = tuple(kind.TOPIC for kind in get_args(CallEvent))
_ENDS = tuple(kind.TOPIC for kind in get_args(CallEnding))


def _where(wanted: UsageFilter) -> tuple[Composed, list[Any]]:
    """Whose calls and of which time: what never changes of a call."""
    conditions: list[Composed] = [SQL("team_id = {}").format(SQL("%s"))]
    values: list[Any] = [wanted.team_id]
    for column, operator, value in (
        ("admitted_at", SQL(">="), wanted.since),
        ("admitted_at", SQL("<"), wanted.until),
        ("hostname", SQL("="), wanted.hostname),
    ):
        if value is not None:
            conditions.append(SQL("{} {} %s").format(Identifier(column), operator))
            values.append(value)
    return SQL(" AND ").join(conditions), values


def moved_calls(cursor: Cursor, wanted: UsageFilter) -> list[CallRow]:
    """The matching calls that were there then and have moved since, as they stood."""
    if wanted.upto is None:
        return []
    where, values = _where(wanted)
    moved = where + SQL(" AND NOT ") + UNMOVED
    told = _events(cursor, moved, [*values, wanted.upto], wanted.upto, _ALL)
    streams: dict[UUID, list[Recorded[Event]]] = {}
    for one in told:
        streams.setdefault(one.originator_id, []).append(one)
    rows = (row_of(CallLogProjector(), CALLS, history) for history in streams.values())
    then = replace(wanted, upto=None)
    return [row for row in rows if row is not None and matches(row, then)]


def targets_then(cursor: Cursor, wanted: StatisticsFilter, upto: int) -> list[TargetRow]:
    """How each target had done by then."""
    values = (wanted.team_id, wanted.since, wanted.until, wanted.bot_id, wanted.bot_id)
    ended = _events(cursor, _OF_THAT_TIME, values, upto, _ENDS)
    projector, rows = RoutingStatisticsProjector(), dict[Key, TargetRow]()
    while some := tuple(islice(ended, AT_ONCE)):
        placed = tuple(Placed(log=CALLS, position=upto, recorded=one) for one in some)
        page = Page(log=CALLS, after=0, upto=upto, events=placed)
        rows |= {key: row for key, row in projector.fold(page, rows).items() if row}
    return list(rows.values())


def _events(
    cursor: Cursor,
    calls: Composed | SQL,
    values: Sequence[Any],
    upto: int,
    topics: Sequence[str],
) -> Iterator[Recorded[Event]]:
    """The events up to there of the calls that the condition finds, in their order."""
    statement, mapper = SQL(_OF_CALLS).format(calls), EventMapper()
    told = cursor.stream(statement, [upto, list(topics), *values], size=AT_ONCE)
    for call_id, version, topic, state in told:
        yield mapper.to_recorded(_stored(call_id, version, topic, state))


def _stored(call_id: UUID, version: int, topic: str, state: bytes) -> StoredEvent:
    return StoredEvent(
        originator_id=call_id, originator_version=version, topic=topic, state=state
    )
