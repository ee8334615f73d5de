"""`/api/audit`: everything that was recorded for the team, by whom, and what it led to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import Field

from api.audit_shapes import (
    ComparisonOut,
    PlacedEventOut,
    StepOut,
    comparison_shown,
    fields_of,
    out_of_log,
    step_shown,
)
from api.callers import NoteRead, TheUser
from api.exports import AT_A_TIME, EXPORTS, Format, exported, wanted_format
from api.paging import Cursors, TheCursors
from api.past import past_asked
from api.positions import read_after, read_at
from api.shapes import Id, ListQuery, Moment, Page
from api.shapes import Query as QueryShape
from api.wired import TheSystem, Wired
from application.audit import KINDS, NOW, When, compare, replay
from application.event_log import EventLog
from domain.errors import NotFound
from domain.log import CALLS, FLEET
from projections.audit_trail import AuditFilter, AuditRow

router = APIRouter(prefix="/api/audit", tags=["audit"])

BOTH = (FLEET, CALLS)
AFTER = Depends(read_after(lambda system: system.audit_trail, *BOTH))


class EventsQuery(ListQuery):
    """Which events: those recorded in [from, to) and equal in all that is named."""

    actor: Annotated[str, Field(max_length=200)] | None = None
    kind: Annotated[str, Field(max_length=100)] | None = None
    stream_id: Id | None = None
    type: Annotated[str, Field(max_length=100)] | None = None
    since: Moment | None = Field(default=None, alias="from")
    until: Moment | None = Field(default=None, alias="to")
    correlation_id: Annotated[str, Field(max_length=200)] | None = None
    format: Format | None = None


class StreamQuery(ListQuery):
    """A page of a stream's events, oldest first; up to `at`, a time or a position."""

    at: str | None = None


class DiffQuery(QueryShape):
    """Two moments, each a time or a position; else from the beginning, up to now."""

    since: str | None = Field(default=None, alias="from")
    until: str | None = Field(default=None, alias="to")


@router.get(
    "/events",
    dependencies=[AFTER],
    response_model=Page[PlacedEventOut],
    responses=EXPORTS,
)
def events(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[EventsQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
    note_read: NoteRead,
    accept: Annotated[str, Header()] = "",
) -> Page[PlacedEventOut] | Response:
    """The team's events of both logs, newest first: a page, or all of them as a file."""
    before = cursors.read(query.cursor, _place) if query.cursor else None
    wanted = AuditFilter(
        team_id=user.team_id,
        actors=_actors(query.actor),
        **query.model_dump(
            exclude={"limit", "cursor", "after_position", "format", "actor"}
        ),
    )
    view = system.audit_trail
    kind = wanted_format(query.format, accept)
    if kind is not None:
        note_read("")
        read_at(response, view, BOTH, lambda: None)
        pages = _pages(system, wanted, before)
        return exported(PlacedEventOut, pages, kind, "events", response.headers)
    rows = read_at(
        response,
        view,
        BOTH,
        lambda: view.select(wanted, before=before, limit=query.limit + 1),
    )
    shown, cursor = cursors.page(rows, query.limit, _place_of)
    return Page(items=_with_bodies(system, shown), next_cursor=cursor)


@router.get("/stream/{kind}/{stream_id}")
def stream(  # noqa: PLR0913, PLR0917 - what the framework hands in
    kind: str,
    stream_id: UUID,
    query: Annotated[StreamQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[StepOut]:
    """One stream, event by event, with the state after each; another team's: 404."""
    log = _log_of(system, kind)
    response.headers["X-Log-Position"] = f"{log.name}={log.head()}"
    until = _when(system, log, query.at, response, field="at") or NOW
    steps = replay(log, kind, stream_id, until=until, team_id=user.team_id)
    shown = [step_shown(recorded, state) for recorded, state in steps]
    return stream_page(cursors, query, shown)


@router.get("/stream/{kind}/{stream_id}/diff")
def diff(  # noqa: PLR0913, PLR0917 - what the framework hands in
    kind: str,
    stream_id: UUID,
    query: Annotated[DiffQuery, Query()],
    user: TheUser,
    system: TheSystem,
    response: Response,
) -> ComparisonOut:
    """What changed in a stream between two moments, and by which events."""
    log = _log_of(system, kind)
    response.headers["X-Log-Position"] = f"{log.name}={log.head()}"
    since = _when(system, log, query.since, response, field="from")
    until = _when(system, log, query.until, response, field="to") or NOW
    compared = compare(log, kind, stream_id, since=since, until=until, team_id=user.team_id)
    return comparison_shown(compared)


def _actors(asked: str | None) -> tuple[str, ...]:
    """Whom the query means: an actor as events name it, or a bare id."""
    if asked is None:
        return ()
    return asked, *(f"{kind}:{asked}" for kind in ("user", "bot", "api-token"))


def _when(
    system: Wired, log: EventLog, at: str | None, response: Response, *, field: str
) -> When | None:
    """What is asked for, if anything, as that log has it; refused as every `at` is."""
    past = past_asked(system, at, response, field=field)
    if past is None:
        return None
    position = past.of(log.name)
    return When(time=past.time) if position is None else When(position=position)


def _log_of(system: Wired, kind: str) -> EventLog:
    """Where streams of that kind are; refused if there is no such kind."""
    if kind not in KINDS:
        raise NotFound
    return system.fleet if KINDS[kind][0] == FLEET else system.calls


def stream_page(cursors: Cursors, query: ListQuery, steps: Sequence[Any]) -> Page[Any]:
    """The part of a stream that the query asks for."""
    after = cursors.read(query.cursor, int) if query.cursor else 0
    rest = [step for step in steps if step.version > after]
    shown, cursor = cursors.page(rest, query.limit, lambda step: [step.version])
    return Page(items=shown, next_cursor=cursor)


def _pages(
    system: Wired, wanted: AuditFilter, before: tuple[datetime, str, int] | None
) -> Iterator[list[PlacedEventOut]]:
    """All events that match, a page at a time."""
    view = system.audit_trail
    while rows := view.select(wanted, before=before, limit=AT_A_TIME):
        yield _with_bodies(system, rows)
        before = rows[-1].at, rows[-1].log, rows[-1].position


def _with_bodies(system: Wired, rows: list[AuditRow]) -> list[PlacedEventOut]:
    """The rows with what the events say; the streams of a log are read at once."""
    streams = {
        name: log.histories(list({row.stream_id for row in rows if row.log == name}))
        for name, log in ((FLEET, system.fleet), (CALLS, system.calls))
    }
    shown = []
    for row in rows:
        history = streams[row.log].get(row.stream_id)
        facts = out_of_log(row) if history is None else fields_of(history[row.version - 1])
        shown.append(PlacedEventOut(log=row.log, position=row.position, **facts))
    return shown


def _place(at: str, log: str, position: int) -> tuple[datetime, str, int]:
    return datetime.fromisoformat(at), log, position


def _place_of(row: AuditRow) -> tuple[str, str, int]:
    return row.at.isoformat(), row.log, row.position
