"""`/api/bot/{hostname}/events`: what happened to a bot, oldest first."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.audit import StreamQuery, stream_page
from api.audit_shapes import EventOut, event_shown
from api.bot_reading import TheBots
from api.paging import TheCursors
from api.past import past_asked
from api.positions import reached
from api.shapes import Page
from api.wired import TheSystem

router = APIRouter(prefix="/api/bot/{hostname}/events", tags=["bots"])


@router.get("")
def of_bot(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    query: Annotated[StreamQuery, Query()],
    bots: TheBots,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[EventOut]:
    """The bot's own stream."""
    reached(response, system.fleet.head())
    past = past_asked(system, query.at, response)
    history = [event_shown(recorded) for recorded in bots.history(hostname, past)]
    return stream_page(cursors, query, history)
