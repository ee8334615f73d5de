"""`/api/notification`: what a team's people should hear of, and what one has read.

An operator hears of the instance as well, in whatever team they act.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from api.callers import SignedIn, TheUser
from api.locales import TheLanguages
from api.notice_texts import names_of
from api.notification_shapes import (
    NoticeOut,
    NoticesQuery,
    PreferencesBody,
    PreferencesOut,
    ReadBody,
    UnreadOut,
    notice_shown,
)
from api.paging import TheCursors
from api.positions import FLEET_ONLY, reached, read_after, read_at
from api.shapes import Page
from api.shapes import Query as AQuery
from api.wired import TheSystem, Wired
from application.notices import MuteNotices, ReadNotices
from domain.errors import NotFound
from domain.happenings import NOTICES
from domain.log import FLEET
from domain.notices import NoticeReader, reader_id
from projections.notices import INSTANCE, NoticeRow

router = APIRouter(prefix="/api/notification", tags=["notices"])

# Behind neither the notices nor what was read of them.
AFTER = [
    Depends(read_after(lambda system: system.notices, FLEET)),
    Depends(read_after(lambda system: system.notice_readers, FLEET)),
]

ResultT = TypeVar("ResultT")


@router.get("", dependencies=AFTER)
def of_team(  # noqa: PLR0913, PLR0917 - what the framework hands in
    query: Annotated[NoticesQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    languages: TheLanguages,
    response: Response,
) -> Page[NoticeOut]:
    """The team's notices, newest first, without what one has muted."""
    before = cursors.read(query.cursor, int) if query.cursor else None

    def read() -> tuple[NoticeReader, list[NoticeRow]]:
        reader, limit = (
            system.notice_readers.of(user.team_id, user.user_id),
            query.limit + 1,
        )
        rows = [
            row
            for team in _teams(user)
            for row in system.notices.of_team(
                team,
                user.user_id,
                reader,
                unread=query.unread,
                before=before,
                limit=limit,
            )
        ]
        return reader, sorted(rows, key=lambda row: row.position, reverse=True)[:limit]

    reader, rows = _read_at(response, system, read)
    shown, cursor = cursors.page(rows, query.limit, lambda row: [row.position])
    names = names_of(system.fleet, user.team_id, shown)
    items = [notice_shown(row, reader, names, languages) for row in shown]
    return Page(items=items, next_cursor=cursor)


@router.get("/unread-count", dependencies=AFTER)
def unread_count(
    query: Annotated[AQuery, Query()],  # noqa: ARG001  # what may be asked
    user: TheUser,
    system: TheSystem,
    response: Response,
) -> UnreadOut:
    """How many notices one has not read."""

    def read() -> int:
        reader = system.notice_readers.of(user.team_id, user.user_id)
        count = system.notices.count_unread
        return sum(count(team, user.user_id, reader) for team in _teams(user))

    return UnreadOut(unread=_read_at(response, system, read))


@router.post("/read", status_code=204)
def mark_read(body: ReadBody, user: TheUser, system: TheSystem, response: Response) -> None:
    """Some or all are read, by oneself and nobody else; 404 if one is not the team's."""
    positions: tuple[int, ...] = ()
    if body.ids is not None:
        found: dict[UUID, int] = {}
        for team in _teams(user):
            found |= system.notices.positions(team, user.user_id, set(body.ids))
        if len(found) < len(set(body.ids)):
            raise NotFound
        positions = tuple(sorted(found.values()))
    command = ReadNotices(
        team_id=user.team_id,
        user_id=user.user_id,
        positions=positions,
        upto=system.notices.position(FLEET) if body.all else 0,
    )
    reached(response, system.bus.handle(command, by=user.caller))


@router.get("/preferences")
def preferences(user: TheUser, system: TheSystem, response: Response) -> PreferencesOut:
    """Which kinds of notices one has muted in this team."""
    reached(response, system.fleet.head())
    return _preferences(user, system)


@router.put("/preferences")
def set_preferences(
    body: PreferencesBody, user: TheUser, system: TheSystem, response: Response
) -> PreferencesOut:
    """Be shown these kinds no more, and all others again."""
    command = MuteNotices(
        team_id=user.team_id,
        user_id=user.user_id,
        kinds=tuple(kind.value for kind in body.muted),
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return _preferences(user, system)


def _teams(user: SignedIn) -> tuple[UUID, ...]:
    """Whose notices are shown: the team's, and to an operator the instance's."""
    return (user.team_id, INSTANCE) if user.operator else (user.team_id,)


def _preferences(user: SignedIn, system: Wired) -> PreferencesOut:
    stream = reader_id(user.team_id, user.user_id)
    reader = system.fleet.look(NoticeReader(), stream).state
    return PreferencesOut(muted=list(reader.muted), kinds=sorted(NOTICES))


def _read_at(response: Response, system: Wired, read: Callable[[], ResultT]) -> ResultT:
    return read_at(response, system.notices, FLEET_ONLY, read)
