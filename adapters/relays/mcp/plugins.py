"""What stands behind an install: the catalog's plugin or the team's, and its secrets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from adapters.relays.bots import Bots, opened
from adapters.relays.mcp.servers import Owned, Ready
from application.equipment import plugin_ref
from application.event_log import EventLog
from application.ports import OpenVault
from domain.config_fields import Value
from domain.equipment_catalog import EquipmentCatalog, Plugin
from domain.errors import NotFound
from domain.ids import TeamId
from domain.plugin_launch import Asked, HttpLaunch, StdioLaunch, asked_of, launch_of
from domain.plugins import PluginShelf, plugin_shelf_id
from domain.secret_bounds import check_bounds


class NoSuchPlugin(NotFound):
    """The plugin is neither in the catalog nor among the team's own any more."""

    code = "no-such-plugin"


class Plugins:
    """Reads what an install needs, when it needs it; lives in the door's loop."""

    def __init__(
        self, fleet: EventLog, catalog: EquipmentCatalog, bots: Bots, vault: OpenVault
    ) -> None:
        self._fleet = fleet
        self._catalog = catalog
        self._bots = bots
        self._vault = vault
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="relay-plugins")

    def close(self) -> None:
        """Nothing is read any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def ready(self, owned: Owned) -> Ready:
        """What to start; `NoSuchPlugin`, `SecretsGivenForAnother`, `Unavailable`."""
        plugin = await self._plugin(owned)
        if not isinstance(plugin.launch, StdioLaunch):
            raise NoSuchPlugin
        config, secrets = await self._config(owned, plugin)
        version = owned.install.version
        started = launch_of(plugin.launch, plugin.fields, config, version=version)
        return Ready(started=started, secret_values=tuple(secrets.values()))

    async def asked(self, owned: Owned) -> Asked:
        """Whom to ask, with which headers; refused as `ready` is."""
        plugin = await self._plugin(owned)
        if not isinstance(plugin.launch, HttpLaunch):
            raise NoSuchPlugin
        config, _ = await self._config(owned, plugin)
        return asked_of(plugin.launch, plugin.fields, config)

    async def wanted(self, owned: Owned) -> bool:
        """Whether the bot still has just this install, and may use it."""
        try:
            bot = await self._bots.get(owned.bot_id)
        except NotFound:
            return False
        return not bot.quarantined and owned.install in bot.equipment.plugins

    async def _plugin(self, owned: Owned) -> Plugin:
        slug = owned.install.slug
        shipped = self._catalog.plugins.get(slug)
        if shipped is not None:
            return shipped.plugin
        shelf_id = plugin_shelf_id(TeamId(owned.team_id))
        loop, look = asyncio.get_running_loop(), self._fleet.look
        shelf = await loop.run_in_executor(self._threads, look, PluginShelf(), shelf_id)
        for own in shelf.state.plugins:
            if own.plugin.slug == slug:
                return own.plugin
        raise NoSuchPlugin

    async def _config(
        self, owned: Owned, plugin: Plugin
    ) -> tuple[Mapping[str, Value], dict[str, str]]:
        """All fields, and those of them that are secret; `SecretsGivenForAnother`."""
        check_bounds(owned.install, plugin)
        secrets = await opened(self._vault, plugin_ref(owned.team_id, owned.install))
        return {**json.loads(owned.install.config), **secrets}, secrets
