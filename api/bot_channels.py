"""`/api/bot/{hostname}/channels`: where people talk to a bot."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from api.bot_equipment_shapes import (
    ChannelChange,
    ChannelOut,
    NewChannel,
    channel_shown,
)
from api.bot_reading import TheBots
from api.equipment_shelves import TheShelf
from api.one_bot import TheBot, TheBotOfList, TheOrders
from api.paging import TheCursors
from api.shapes import Body, Page, PastListQuery
from api.wired import TheSystem
from application.equipment import ConnectChannel, RemoveChannel, SetChannel
from domain.bot_equipment import installed

router = APIRouter(prefix="/api/bot/{hostname}/channels", tags=["bots"])


class Connection(Body):
    action: Literal["connect", "disconnect"]


class TestOut(BaseModel):
    """What came of trying the credentials where they belong."""

    ok: bool
    code: str
    message: str
    latency_ms: int | None


@router.get("")
def of_bot(
    bot: TheBotOfList, query: Annotated[PastListQuery, Query()], cursors: TheCursors
) -> Page[ChannelOut]:
    """The bot's channels, credentials masked."""
    shown = [channel_shown(one, bot.image) for one in bot.equipment.channels]
    return cursors.whole(shown, query, lambda one: one.id)


@router.get("/{channel_id}")
def one(channel_id: UUID, bot: TheBot) -> ChannelOut:
    """One of them."""
    return channel_shown(installed(bot.equipment.channels, channel_id), bot.image)


@router.post("", status_code=201)
def add(new: NewChannel, orders: TheOrders, shelf: TheShelf) -> ChannelOut:
    """A new channel, not connected yet; its credentials go into the vault."""
    made, secret = shelf.channel(
        uuid7(),
        new.channel_type,
        new.name,
        credentials=new.credentials,
        config=new.config,
    )
    orders.give(partial(SetChannel, channel=made, secret=secret))
    return channel_shown(made, orders.bot.image)


@router.put("/{channel_id}")
def change(
    channel_id: UUID, new: ChannelChange, orders: TheOrders, shelf: TheShelf
) -> ChannelOut:
    """Set it up anew; without secrets in it, the stored ones stay."""
    bot = orders.bot
    before = installed(bot.equipment.channels, channel_id)
    made, secret = shelf.channel(
        channel_id,
        before.channel_type,
        new.name,
        credentials=new.credentials,
        config=new.config,
        before=before,
    )
    orders.give(partial(SetChannel, channel=made, secret=secret))
    return channel_shown(made, bot.image)


@router.delete("/{channel_id}", status_code=204)
def remove(channel_id: UUID, orders: TheOrders) -> None:
    """Take it away from the bot, and shred its credentials."""
    orders.give(partial(RemoveChannel, channel_id=channel_id))


@router.post("/{channel_id}/connection")
def connection(channel_id: UUID, wanted: Connection, orders: TheOrders) -> ChannelOut:
    """Have the bot listen there, or stop listening."""
    connected = wanted.action == "connect"
    orders.give(partial(ConnectChannel, channel_id=channel_id, connected=connected))
    bot = orders.bot
    return channel_shown(installed(bot.equipment.channels, channel_id), bot.image)


@router.post("/{channel_id}/test")
def test(hostname: str, channel_id: UUID, bots: TheBots, system: TheSystem) -> TestOut:
    """Try the stored credentials where they belong; 503 if no worker can."""
    channel = installed(bots.state(hostname).equipment.channels, channel_id)
    found = system.fleet_watch.test_channel(bots.id_of(hostname), channel.id)
    return TestOut(
        ok=found.ok, code=found.code, message=found.message, latency_ms=found.latency_ms
    )
