"""`/api/bot/{hostname}/providers`: which of the team's keys a bot may use."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from uuid_utils.compat import uuid7

from api.bot_shapes import LinkOut, NewLink, link_of, link_shown
from api.one_bot import TheBot, TheBotOfList, TheOrders
from api.paging import TheCursors
from api.shapes import Page, PastListQuery
from api.wired import TheSystem
from application.bots import LinkProvider, UnlinkProvider
from domain.bot_events import ProviderLink
from domain.bots import Bot, NoSuchLink
from domain.ids import LinkId

router = APIRouter(prefix="/api/bot/{hostname}/providers", tags=["bots"])


@router.get("")
def of_bot(
    bot: TheBotOfList, query: Annotated[PastListQuery, Query()], cursors: TheCursors
) -> Page[LinkOut]:
    """The bot's links; which are tried first is said by priority and weight."""
    shown = [link_shown(link) for link in bot.links]
    return cursors.whole(shown, query, lambda one: one.id)


@router.get("/{link_id}")
def one(link_id: UUID, bot: TheBot) -> LinkOut:
    """One link."""
    return link_shown(_link(bot, link_id))


@router.post("", status_code=201)
def link(new: NewLink, orders: TheOrders, system: TheSystem) -> LinkOut:
    """Let the bot use more keys."""
    made = link_of(new, system.catalog, uuid7())
    orders.give(partial(LinkProvider, link=made))
    return link_shown(made)


@router.put("/{link_id}")
def relink(link_id: UUID, new: NewLink, orders: TheOrders, system: TheSystem) -> LinkOut:
    """Put another link in the place of one."""
    _link(orders.bot, link_id)
    made = link_of(new, system.catalog, link_id)
    orders.give(partial(LinkProvider, link=made))
    return link_shown(made)


@router.delete("/{link_id}", status_code=204)
def unlink(link_id: UUID, orders: TheOrders) -> None:
    """Take the keys of one link away from the bot."""
    orders.give(partial(UnlinkProvider, link_id=LinkId(link_id)))


def _link(bot: Bot, link_id: UUID) -> ProviderLink:
    for link in bot.links:
        if link.link_id == link_id:
            return link
    raise NoSuchLink
