"""`?at=` where a view answers: the position of one log, once the view has read so far.

What a view shows is folded again only as far as it has to be, so these answers are never
ahead of it: like `?after_position=`, they wait for it up to five seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from api.callers import TheUser
from api.past import Past, past_of
from api.waiting import caught_up
from api.wired import Wired
from application.event_log import EventLog
from application.reprice import first_position
from domain.calls_months import MonthIsOut, MonthOut
from domain.ids import TeamId
from domain.log import CALLS, FLEET
from projections.audit_trail import AuditFilter
from projections.view import View

# The clocks of processes may differ by so much: an event may be dated later than those
# behind it in the log.
SLACK = timedelta(days=1)
TICK = timedelta(microseconds=1)
PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class Then:
    """A position of one log, and what was asked for."""

    past: Past
    position: int

    @property
    def time(self) -> datetime:
        """When it was reached."""
        return self.past.time


@dataclass(frozen=True, kw_only=True)
class CallsThen(Then):
    """The same of the calls log; `until` is before any call that was not there yet.

    `out` are the months that were over by then and are not in the log any more.
    """

    until: datetime
    out: list[MonthOut]


@dataclass(frozen=True, kw_only=True)
class ListThen(Then):
    """The same of the fleet log, and whatever may have been in the list by then."""

    ids: list[UUID]


ViewOf = Callable[[Wired], View[Any]]


def calls_then(
    *views_of: ViewOf,
) -> Callable[..., Coroutine[Any, Any, CallsThen | None]]:
    """A dependency: where the calls log stood at `at`; None: nobody asks for the past.

    409 `month-is-out` where a month that is out of the log was in the middle.
    """

    async def then(request: Request, _: TheUser, response: Response) -> CallsThen | None:
        text = request.query_params.get("at")
        if text is None:
            return None
        system: Wired = request.app.state.system
        found = await run_in_threadpool(_calls_where, system, text)
        await _read_so_far(system, CALLS, views_of, found)
        response.headers["X-Log-Position"] = f"{CALLS}={found.position}"
        return found

    return then


def list_then(
    view_of: ViewOf, ids_of: Callable[[Wired, TeamId], list[UUID]], *, removed: str
) -> Callable[..., Coroutine[Any, Any, ListThen | None]]:
    """A dependency: where the fleet log stood at `at`, and what was listed then.

    That is in the list now (`ids_of`), or was removed since, as the audit trail knows.
    """

    async def then(request: Request, user: TheUser, response: Response) -> ListThen | None:
        text = request.query_params.get("at")
        if text is None:
            return None
        system: Wired = request.app.state.system
        found = await run_in_threadpool(_where, system, FLEET, text)
        await _read_so_far(system, FLEET, (view_of,), found)
        ids = await run_in_threadpool(ids_of, system, user.team_id)
        head = await run_in_threadpool(system.fleet.head)
        await caught_up(partial(system.audit_trail.position, FLEET), head)
        gone = await run_in_threadpool(_removed, system, user.team_id, removed, found)
        response.headers["X-Log-Position"] = f"{FLEET}={found.position}"
        unique = list(dict.fromkeys([*ids, *gone]))
        return ListThen(past=found.past, position=found.position, ids=unique)

    return then


async def _read_so_far(
    system: Wired, log: str, views_of: tuple[ViewOf, ...], then: Then
) -> None:
    for view_of in views_of:
        await caught_up(partial(view_of(system).position, log), then.position)


def _where(system: Wired, log: str, text: str) -> Then:
    past = past_of(system, text, datetime.now(UTC))
    position = past.of(log)
    if position is None:
        logs: dict[str, EventLog] = {FLEET: system.fleet, CALLS: system.calls}
        position = first_position(logs[log], past.time + TICK)
    return Then(past=past, position=position)


def begun(months: Iterable[MonthOut], past: Past) -> list[MonthOut]:
    """Those that had begun by then."""
    position = past.of(CALLS)
    if position is None:
        return [one for one in months if one.begin <= past.time]
    return [one for one in months if one.first_position <= position]


def _calls_where(system: Wired, text: str) -> CallsThen:
    """Where the calls log stood; what is told by events that are out is refused."""
    then, months = _where(system, CALLS, text), system.call_log.months_out()
    past, position = then.past, then.position
    if past.of(CALLS) is None:
        over = [one for one in months if one.last_at <= past.time]
        position = max([position, *(one.last_position for one in over)])
    else:
        over = [one for one in months if one.last_position <= position]
    if any(one not in over for one in begun(months, past)):
        raise MonthIsOut
    by_then = max([past.time, *(one.end for one in over)]) + SLACK
    ahead = [one.begin for one in months if one not in over]
    return CallsThen(past=past, position=position, until=min([by_then, *ahead]), out=over)


def _removed(system: Wired, team_id: TeamId, topic: str, then: Then) -> list[UUID]:
    """The streams that were ended after that position."""
    wanted = AuditFilter(team_id=team_id, type=topic, since=then.time - SLACK)
    found: list[UUID] = []
    before: tuple[datetime, str, int] | None = None
    while True:
        rows = system.audit_trail.select(wanted, before=before, limit=PAGE)
        found += [row.stream_id for row in rows if row.position > then.position]
        if len(rows) < PAGE:
            return found
        before = rows[-1].at, rows[-1].log, rows[-1].position
