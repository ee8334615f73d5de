"""The three answers about usage, for a team or for one of its bots."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Header, Response
from pydantic import BaseModel

from api.bot_reading import TheBots
from api.callers import TheUser
from api.exports import AT_A_TIME, exported, wanted_format
from api.paging import Cursors, TheCursors
from api.past_views import CallsThen, calls_then
from api.positions import CALLS_ONLY, ResultT, read_at, read_with_fleet
from api.shapes import Page
from api.usage_groups import broken_down
from api.usage_reading import Answer, by_group, totals, trend
from api.usage_shapes import (
    BreakdownItem,
    BreakdownQuery,
    CallOut,
    CallsQuery,
    Filters,
    Members,
    OneBot,
    TotalsOut,
    TrendItem,
    TrendQuery,
    filter_of,
    shown,
)
from api.wired import TheSystem, Wired
from domain.bots import Bot
from domain.errors import InvalidFields
from domain.ids import TeamId
from domain.log import CALLS, FLEET
from projections.call_log import CallRow, Group
from projections.usage import UsageFilter
from projections.view import View

Place = tuple[datetime, UUID]  # of a call in the list

_SHAPES: dict[str, type[BaseModel]] = {
    "summary": TotalsOut,
    "trend": TrendItem,
    "breakdown": BreakdownItem,
}


class Usage:
    """The usage of a team, or of one bot of it."""

    def __init__(  # noqa: PLR0913, PLR0917 - what the framework handed in
        self,
        system: Wired,
        cursors: Cursors,
        team_id: TeamId,
        bot: OneBot | None,
        accept: str,
        then: CallsThen | None,
        fleet: int | None = None,
    ) -> None:
        """`then`: where the calls log stood at the time that is asked for; `fleet`: where
        the other one stood, whose bot that is."""
        self._then = then
        self._fleet = fleet
        self._system = system
        self._cursors = cursors
        self._team_id = team_id
        self._of = bot
        self._accept = accept

    def summary(self, query: Filters, response: Response) -> Response:
        """Everything that matches, added up: `TotalsOut`."""
        found = self._told(response, totals(self._system, self._wanted(query)))
        answer = shown(found)
        return self._file(query, response, "summary", [answer]) or _json(response, answer)

    def trend(self, query: TrendQuery, response: Response) -> Response:
        """The same, step by step: `Trend`."""
        wanted = self._wanted(query)
        found = self._told(response, trend(self._system, wanted, query.granularity))
        items = [shown(part, start=start) for start, part in found]
        answer = {"items": items, "next_cursor": None}
        return self._file(query, response, "trend", items) or _json(response, answer)

    def breakdown(self, query: BreakdownQuery, response: Response) -> Response:
        """The same, group by group, the dearest first: `Breakdown`."""
        group = Group.BOT if query.group_by == "member" else Group(query.group_by)
        found = self._told(response, by_group(self._system, self._wanted(query), group))
        items = broken_down(self._system, self._team_id, query.group_by, found)
        page = self._cursors.whole(items, query, lambda one: (one["key"], one["id"]))
        answer = {
            "group_by": query.group_by,
            "items": page.items,
            "next_cursor": page.next_cursor,
        }
        return self._file(query, response, "breakdown", items) or _json(response, answer)

    def calls(self, query: CallsQuery, response: Response) -> Page[CallOut] | Response:
        """The calls themselves, newest first: a page, or all of them as a file."""
        wanted = self._wanted(query)
        view, cursors = self._system.call_log, self._cursors
        first = cursors.read(query.cursor, _place) if query.cursor else None
        kind = wanted_format(query.format, self._accept)
        if kind is not None:
            self._read(response, view, lambda: None)
            pages = self._pages(wanted, first)
            return exported(CallOut, pages, kind, "calls", response.headers)
        rows = self._read(
            response,
            view,
            lambda: view.select(wanted, before=first, limit=query.limit + 1),
        )
        listed, cursor = cursors.page(rows, query.limit, _place_of)
        return Page(
            items=[CallOut.model_validate(row) for row in listed], next_cursor=cursor
        )

    def _file(
        self, query: Filters, response: Response, name: str, items: Iterable[Members]
    ) -> Response | None:
        """The items as a file, if one is asked for."""
        kind = wanted_format(query.format, self._accept)
        if kind is None:
            return None
        shape = _SHAPES[name]
        rows = [shape.model_validate(item) for item in items]
        return exported(shape, [rows], kind, name, response.headers)

    def _pages(self, wanted: UsageFilter, before: Place | None) -> Iterator[list[CallOut]]:
        """All calls that match, a page at a time."""
        view = self._system.call_log
        while rows := view.select(wanted, before=before, limit=AT_A_TIME):
            yield [CallOut.model_validate(row) for row in rows]
            before = rows[-1].admitted_at, rows[-1].call_id

    def _wanted(self, query: Filters) -> UsageFilter:
        """The filter; of the past, what was there by then."""
        bot, then = self._bot(query.bot), self._then
        wanted = filter_of(query, self._team_id, bot)
        if then is None:
            return wanted
        until = then.until if wanted.until is None else min(wanted.until, then.until)
        return replace(wanted, until=until, upto=then.position)

    def _bot(self, asked: str | None) -> OneBot | None:
        """The bot of the path, or whose hostname or id is asked for; None: every bot."""
        if self._of is not None:
            if asked not in {None, self._of.hostname, str(self._of.bot_id)}:
                raise InvalidFields(bot="another-bot")
            return self._of
        bot_id = None if asked is None else _id_in(asked)
        if asked is None or bot_id is None:
            return None if asked is None else OneBot(asked)
        bot = self._system.fleet.look(Bot(), bot_id).state
        return OneBot(bot.hostname if bot.team_id == self._team_id else "", bot_id)

    def _told(self, response: Response, answer: Answer[ResultT]) -> ResultT:
        """What was found, and where; of the past that is told already."""
        if self._then is None:
            response.headers["X-Log-Position"] = f"{CALLS}={answer.position}"
        read_with_fleet(response, self._fleet)
        return answer.found

    def _read(
        self, response: Response, view: View[Any], read: Callable[[], ResultT]
    ) -> ResultT:
        """What the view says, and where it stood, unless that is what was asked for."""
        found = read() if self._then else read_at(response, view, CALLS_ONLY, read)
        read_with_fleet(response, self._fleet)
        return found


def _json(response: Response, answer: Members) -> Response:
    """Written at once: a model of each of ten thousand points would take longer than all
    the rest."""
    content = orjson.dumps(answer, option=orjson.OPT_UTC_Z)
    return Response(content, media_type="application/json", headers=response.headers)


def _id_in(text: str) -> UUID | None:
    """The id that it is; a hostname is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _place(admitted_at: str, call_id: str) -> Place:
    return datetime.fromisoformat(admitted_at), UUID(call_id)


def _place_of(row: CallRow) -> tuple[str, str]:
    return row.admitted_at.isoformat(), str(row.call_id)


Accept = Annotated[str, Header()]


TheThen = Annotated[CallsThen | None, Depends(calls_then(lambda system: system.call_log))]


def _of_team(
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    then: TheThen,
    accept: Accept = "",
) -> Usage:
    return Usage(system, cursors, user.team_id, None, accept, then)


def _of_bot(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    cursors: TheCursors,
    then: TheThen,
    accept: Accept = "",
) -> Usage:
    past = None if then is None else then.past
    fleet = system.fleet.head() if past is None else past.of(FLEET)
    row = bots.row(hostname, past)
    bot = OneBot(row.hostname, row.bot_id)
    return Usage(system, cursors, user.team_id, bot, accept, then, fleet)


TeamUsage = Annotated[Usage, Depends(_of_team)]
BotUsage = Annotated[Usage, Depends(_of_bot)]
