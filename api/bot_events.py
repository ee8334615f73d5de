"""`/api/bot/{hostname}/events`: what happened to a bot, oldest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.audit import StreamQuery, stream_page
from api.audit_shapes import EventOut, event_shown
from api.bot_reading import TheBots
from api.callers import TheUser
from api.shapes import Page
from api.wired import TheSystem

router = APIRouter(prefix="/api/bot/{hostname}/events", tags=["bots"])


@router.get("")
def of_bot(
    hostname: str,
    query: Annotated[StreamQuery, Query()],
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
) -> Page[EventOut]:
    """The bot's own stream."""
    history = [event_shown(recorded) for recorded in bots.history(hostname, query.at)]
    return stream_page(system, user.team_id, query, history)
