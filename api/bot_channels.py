"""`/api/bot/{hostname}/channels`: where people talk to a bot."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel
from uuid_utils.compat import uuid7

from api.bot_equipment_shapes import (
    ChannelChange,
    ChannelOut,
    NewChannel,
    channel_shown,
)
from api.bot_reading import TheBots
from api.callers import TheUser
from api.equipment_shelves import TheShelf
from api.past import ThePast
from api.positions import reached
from api.shapes import Body, Page
from api.wired import TheSystem
from application.equipment import ConnectChannel, RemoveChannel, SetChannel
from domain.bot_equipment import NotInstalled
from domain.bots import Bot
from domain.equipment import BotChannel, item_of

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
    hostname: str, past: ThePast, bots: TheBots, system: TheSystem, response: Response
) -> Page[ChannelOut]:
    """The bot's channels, credentials masked."""
    if past is None:
        reached(response, system.fleet.head())
    bot = bots.state(hostname, past)
    return Page(items=[channel_shown(one, bot.image) for one in bot.equipment.channels])


@router.get("/{channel_id}")
def one(
    hostname: str, channel_id: UUID, bots: TheBots, system: TheSystem, response: Response
) -> ChannelOut:
    """One of them."""
    reached(response, system.fleet.head())
    bot = bots.state(hostname)
    return channel_shown(_channel(bot, channel_id), bot.image)


@router.post("", status_code=201)
def add(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    new: NewChannel,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    shelf: TheShelf,
    response: Response,
) -> ChannelOut:
    """A new channel, not connected yet; its credentials go into the vault."""
    made, secret = shelf.channel(
        uuid7(),
        new.channel_type,
        new.name,
        credentials=new.credentials,
        config=new.config,
    )
    command = SetChannel(
        team_id=user.team_id, hostname=hostname, channel=made, secret=secret
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return channel_shown(made, bots.state(hostname).image)


@router.put("/{channel_id}")
def change(  # noqa: PLR0913, PLR0917
    hostname: str,
    channel_id: UUID,
    new: ChannelChange,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    shelf: TheShelf,
    response: Response,
) -> ChannelOut:
    """Set it up anew; without secrets in it, the stored ones stay."""
    bot = bots.state(hostname)
    before = _channel(bot, channel_id)
    made, secret = shelf.channel(
        channel_id,
        before.channel_type,
        new.name,
        credentials=new.credentials,
        config=new.config,
        before=before,
    )
    command = SetChannel(
        team_id=user.team_id, hostname=hostname, channel=made, secret=secret
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return channel_shown(made, bot.image)


@router.delete("/{channel_id}", status_code=204)
def remove(
    hostname: str, channel_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> None:
    """Take it away from the bot, and shred its credentials."""
    command = RemoveChannel(team_id=user.team_id, hostname=hostname, channel_id=channel_id)
    reached(response, system.bus.handle(command, by=user.caller))


@router.post("/{channel_id}/connection")
def connection(  # noqa: PLR0913, PLR0917
    hostname: str,
    channel_id: UUID,
    wanted: Connection,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    response: Response,
) -> ChannelOut:
    """Have the bot listen there, or stop listening."""
    command = ConnectChannel(
        team_id=user.team_id,
        hostname=hostname,
        channel_id=channel_id,
        connected=wanted.action == "connect",
    )
    reached(response, system.bus.handle(command, by=user.caller))
    bot = bots.state(hostname)
    return channel_shown(_channel(bot, channel_id), bot.image)


@router.post("/{channel_id}/test")
def test(hostname: str, channel_id: UUID, bots: TheBots, system: TheSystem) -> TestOut:
    """Try the stored credentials where they belong; 503 if no worker can."""
    channel = _channel(bots.state(hostname), channel_id)
    found = system.fleet_watch.test_channel(bots.id_of(hostname), channel.id)
    return TestOut(
        ok=found.ok, code=found.code, message=found.message, latency_ms=found.latency_ms
    )


def _channel(bot: Bot, channel_id: UUID) -> BotChannel:
    found = item_of(bot.equipment.channels, channel_id)
    if found is None:
        raise NotInstalled
    return found
