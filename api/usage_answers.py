"""The three answers about usage, for a team or for one of its bots."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Response

from api.bot_reading import TheBots
from api.callers import TheUser
from api.exports import Place, exported, wanted_format
from api.paging import Cursors
from api.positions import CALLS_ONLY, read_at
from api.shapes import Page
from api.usage_reading import totals, trend, view_for
from api.usage_shapes import (
    CallOut,
    CallsQuery,
    Filters,
    TotalsOut,
    Trend,
    TrendQuery,
    filter_of,
    trend_item,
)
from api.wired import TheSystem, Wired
from domain.ids import TeamId
from projections.call_log import CallRow


class Usage:
    """The usage of a team, or of the bot that has the hostname."""

    def __init__(
        self, system: Wired, team_id: TeamId, hostname: str | None, accept: str
    ) -> None:
        self._system = system
        self._team_id = team_id
        self._hostname = hostname
        self._accept = accept

    def summary(self, query: Filters, response: Response) -> TotalsOut:
        """Everything that matches, added up."""
        wanted = filter_of(query, self._team_id, self._hostname)
        view = view_for(self._system, wanted)
        found = read_at(response, view, CALLS_ONLY, lambda: totals(self._system, wanted))
        return TotalsOut.model_validate(found)

    def trend(self, query: TrendQuery, response: Response) -> Trend:
        """The same, step by step."""
        wanted = filter_of(query, self._team_id, self._hostname)
        fine = query.granularity == "minute"
        view = self._system.call_log if fine else view_for(self._system, wanted)
        found = read_at(
            response,
            view,
            CALLS_ONLY,
            lambda: trend(self._system, wanted, query.granularity),
        )
        return Trend(items=[trend_item(start, part) for start, part in found])

    def calls(self, query: CallsQuery, response: Response) -> Page[CallOut] | Response:
        """The calls themselves, newest first: a page, or all of them as a file."""
        wanted = filter_of(query, self._team_id, self._hostname)
        view, cursors = self._system.call_log, self._cursors()
        first = cursors.read(query.cursor, _place) if query.cursor else None

        def select(before: Place | None, limit: int) -> list[CallRow]:
            return view.select(wanted, before=before or first, limit=limit)

        kind = wanted_format(query.format, self._accept)
        if kind is not None:
            read_at(response, view, CALLS_ONLY, lambda: None)
            return exported(select, kind, dict(response.headers))
        rows = read_at(response, view, CALLS_ONLY, lambda: select(None, query.limit + 1))
        shown, cursor = cursors.page(rows, query.limit, _place_of)
        return Page(
            items=[CallOut.model_validate(row) for row in shown], next_cursor=cursor
        )

    def _cursors(self) -> Cursors:
        key = self._system.instance_keys.get("cursor")
        return Cursors(key, team_id=self._team_id, listed=f"calls {self._hostname or ''}")


def _place(admitted_at: str, call_id: str) -> Place:
    return datetime.fromisoformat(admitted_at), UUID(call_id)


def _place_of(row: CallRow) -> tuple[str, str]:
    return row.admitted_at.isoformat(), str(row.call_id)


Accept = Annotated[str, Header()]


def _of_team(user: TheUser, system: TheSystem, accept: Accept = "") -> Usage:
    return Usage(system, user.team_id, None, accept)


def _of_bot(
    hostname: str, user: TheUser, system: TheSystem, bots: TheBots, accept: Accept = ""
) -> Usage:
    return Usage(system, user.team_id, bots.row(hostname).hostname, accept)


TeamUsage = Annotated[Usage, Depends(_of_team)]
BotUsage = Annotated[Usage, Depends(_of_bot)]
