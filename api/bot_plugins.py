"""`/api/bot/{hostname}/plugins`: the MCP servers that a bot may use."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from uuid_utils.compat import uuid7

from api.bot_equipment_shapes import (
    NewPluginInstall,
    PluginChange,
    PluginInstallOut,
    plugin_shown,
)
from api.equipment_shelves import TheShelf
from api.one_bot import TheBot, TheBotOfList, TheOrders
from api.paging import TheCursors
from api.shapes import Page, PastListQuery
from application.equipment import InstallPlugin, UninstallPlugin
from domain.bot_equipment import installed

router = APIRouter(prefix="/api/bot/{hostname}/plugins", tags=["bots"])


@router.get("")
def of_bot(
    bot: TheBotOfList, query: Annotated[PastListQuery, Query()], cursors: TheCursors
) -> Page[PluginInstallOut]:
    """The bot's plugins, in the order they were installed."""
    shown = [plugin_shown(one) for one in bot.equipment.plugins]
    return cursors.whole(shown, query, lambda one: one.id)


@router.get("/{install_id}")
def one(install_id: UUID, bot: TheBot) -> PluginInstallOut:
    """One of them."""
    return plugin_shown(installed(bot.equipment.plugins, install_id))


@router.post("", status_code=201)
def install(new: NewPluginInstall, orders: TheOrders, shelf: TheShelf) -> PluginInstallOut:
    """Let the bot use a plugin; its secrets go into the vault."""
    made, secret = shelf.plugin_install(
        uuid7(), new.plugin_id, new.config, inside=new.inside
    )
    orders.give(partial(InstallPlugin, install=made, secret=secret))
    return plugin_shown(made)


@router.put("/{install_id}")
def change(
    install_id: UUID, new: PluginChange, orders: TheOrders, shelf: TheShelf
) -> PluginInstallOut:
    """Configure it anew, and move it to the plugin's version of today."""
    before = installed(orders.bot.equipment.plugins, install_id)
    made, secret = shelf.plugin_install(
        install_id, before.slug, new.config, inside=new.inside, before=before
    )
    orders.give(partial(InstallPlugin, install=made, secret=secret))
    return plugin_shown(made)


@router.delete("/{install_id}", status_code=204)
def remove(install_id: UUID, orders: TheOrders) -> None:
    """Take it away from the bot, and shred its secrets."""
    orders.give(partial(UninstallPlugin, install_id=install_id))
