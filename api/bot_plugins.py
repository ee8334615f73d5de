"""`/api/bot/{hostname}/plugins`: the MCP servers that a bot may use."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from uuid_utils.compat import uuid7

from api.bot_equipment_shapes import (
    NewPlugin,
    PluginChange,
    PluginInstallOut,
    plugin_shown,
)
from api.bot_reading import Bots, TheBots
from api.callers import TheUser
from api.equipment_shelves import TheShelf
from api.past import ThePast
from api.positions import reached
from api.shapes import Page
from api.wired import TheSystem
from application.equipment import InstallPlugin, UninstallPlugin
from domain.bot_equipment import NotInstalled
from domain.equipment import PluginInstall, item_of

router = APIRouter(prefix="/api/bot/{hostname}/plugins", tags=["bots"])


@router.get("")
def of_bot(
    hostname: str, past: ThePast, bots: TheBots, system: TheSystem, response: Response
) -> Page[PluginInstallOut]:
    """The bot's plugins, in the order they were installed."""
    if past is None:
        reached(response, system.fleet.head())
    bot = bots.state(hostname, past)
    return Page(items=[plugin_shown(one) for one in bot.equipment.plugins])


@router.get("/{install_id}")
def one(
    hostname: str, install_id: UUID, bots: TheBots, system: TheSystem, response: Response
) -> PluginInstallOut:
    """One of them."""
    reached(response, system.fleet.head())
    return plugin_shown(_installed(bots, hostname, install_id))


@router.post("", status_code=201)
def install(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    new: NewPlugin,
    user: TheUser,
    system: TheSystem,
    shelf: TheShelf,
    response: Response,
) -> PluginInstallOut:
    """Let the bot use a plugin; its secrets go into the vault."""
    made, secret = shelf.plugin_install(
        uuid7(), new.plugin_id, new.config, inside=new.inside
    )
    command = InstallPlugin(
        team_id=user.team_id, hostname=hostname, install=made, secret=secret
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return plugin_shown(made)


@router.put("/{install_id}")
def change(  # noqa: PLR0913, PLR0917
    hostname: str,
    install_id: UUID,
    new: PluginChange,
    user: TheUser,
    system: TheSystem,
    bots: TheBots,
    shelf: TheShelf,
    response: Response,
) -> PluginInstallOut:
    """Configure it anew, and move it to the plugin's version of today."""
    before = _installed(bots, hostname, install_id)
    made, secret = shelf.plugin_install(
        install_id, before.slug, new.config, inside=new.inside, before=before
    )
    command = InstallPlugin(
        team_id=user.team_id, hostname=hostname, install=made, secret=secret
    )
    reached(response, system.bus.handle(command, by=user.caller))
    return plugin_shown(made)


@router.delete("/{install_id}", status_code=204)
def remove(
    hostname: str, install_id: UUID, user: TheUser, system: TheSystem, response: Response
) -> None:
    """Take it away from the bot, and shred its secrets."""
    command = UninstallPlugin(
        team_id=user.team_id, hostname=hostname, install_id=install_id
    )
    reached(response, system.bus.handle(command, by=user.caller))


def _installed(bots: Bots, hostname: str, install_id: UUID) -> PluginInstall:
    found = item_of(bots.state(hostname).equipment.plugins, install_id)
    if found is None:
        raise NotInstalled
    return found
