"""`/api/bot/{hostname}/providers`: which of the team's keys a bot may use."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from uuid_utils.compat import uuid7

from api.bot_reading import Bots, TheBots
from api.bot_shapes import LinkOut, NewLink, link_of, link_shown
from api.callers import TheUser
from api.past import Past, ThePast
from api.positions import reached
from api.shapes import Page
from api.wired import TheSystem, Wired
from application.bots import LinkProvider, UnlinkProvider
from domain.bot_events import ProviderLink
from domain.bots import NoSuchLink
from domain.ids import LinkId
from projections.bot_directory import BotRow

router = APIRouter(prefix="/api/bot/{hostname}/providers", tags=["bots"])


@router.get("")
def of_bot(
    hostname: str, past: ThePast, bots: TheBots, system: TheSystem, response: Response
) -> Page[LinkOut]:
    """The bot's links; which are tried first is said by priority and weight."""
    row = _row(bots, hostname, past, system, response)
    return Page(items=[link_shown(link) for link in row.links])


@router.get("/{link_id}")
def one(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    link_id: UUID,
    past: ThePast,
    bots: TheBots,
    system: TheSystem,
    response: Response,
) -> LinkOut:
    """One link."""
    return link_shown(_link(_row(bots, hostname, past, system, response), link_id))


@router.post("", status_code=201)
def link(
    hostname: str, new: NewLink, user: TheUser, system: TheSystem, response: Response
) -> LinkOut:
    """Let the bot use more keys."""
    made = link_of(new, system.catalog, uuid7())
    command = LinkProvider(team_id=user.team_id, hostname=hostname, link=made)
    reached(response, system.bus.handle(command, by=user.caller))
    return link_shown(made)


@router.put("/{link_id}")
def relink(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    link_id: UUID,
    new: NewLink,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    response: Response,
) -> LinkOut:
    """Put another link in the place of one."""
    _link(bots.row(hostname), link_id)
    made = link_of(new, system.catalog, link_id)
    command = LinkProvider(team_id=user.team_id, hostname=hostname, link=made)
    reached(response, system.bus.handle(command, by=user.caller))
    return link_shown(made)


@router.delete("/{link_id}", status_code=204)
def unlink(
    hostname: str, link_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> None:
    """Take the keys of one link away from the bot."""
    command = UnlinkProvider(
        team_id=user.team_id, hostname=hostname, link_id=LinkId(link_id)
    )
    reached(response, system.bus.handle(command, by=user.caller))


def _row(
    bots: Bots, hostname: str, past: Past | None, system: Wired, response: Response
) -> BotRow:
    if past is not None:
        return bots.row(hostname, past)
    reached(response, system.fleet.head())
    return bots.row(hostname)


def _link(row: BotRow, link_id: UUID) -> ProviderLink:
    for link in row.links:
        if link.link_id == link_id:
            return link
    raise NoSuchLink
