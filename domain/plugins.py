"""A team's own plugins: MCP servers beside those that come with the product.

One stream for each team. A plugin's slug is its id and the path by which bots reach it, so
it is never that of a built-in one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID, uuid5

from domain.config_fields import check_fields
from domain.equipment_catalog import Label, Plugin
from domain.errors import Conflict, InvalidFields, NotFound
from domain.events import Event
from domain.ids import TeamId
from domain.plugin_launch import check_launch

_SHELVES = UUID("0d6f3b0e-6d0a-5c8c-8f43-2f1f6a5e9c11")
MOST_PLUGINS = 100
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")


def plugin_shelf_id(team_id: TeamId) -> UUID:
    """The stream of the team's plugins."""
    return uuid5(_SHELVES, str(team_id))


@dataclass(frozen=True, kw_only=True)
class PluginSet(Event, topic="plugin_shelf.plugin_set"):
    """The plugin of that slug is so from now on."""

    team_id: TeamId
    plugin: Plugin
    label: Label


@dataclass(frozen=True, kw_only=True)
class PluginRemoved(Event, topic="plugin_shelf.plugin_removed"):
    team_id: TeamId
    slug: str


PluginShelfEvent = PluginSet | PluginRemoved


class PluginExists(Conflict):
    """The team has a plugin of that slug already, or there is a built-in one."""

    code = "plugin-exists"


class TooManyPlugins(Conflict):
    """A team has at most 100 plugins of its own."""

    code = "too-many-plugins"


@dataclass(frozen=True, kw_only=True)
class OwnPlugin:
    """A plugin, and the version of the stream in which it became so."""

    plugin: Plugin
    label: Label
    version: int


@dataclass(frozen=True, kw_only=True)
class PluginShelf:
    """All of a team's own plugins."""

    version: int = 0
    plugins: tuple[OwnPlugin, ...] = ()

    def of(self, slug: str) -> OwnPlugin:
        """That plugin; refused if there is none."""
        for one in self.plugins:
            if one.plugin.slug == slug:
                return one
        raise NotFound

    def add(
        self, team_id: TeamId, plugin: Plugin, label: Label, *, built_in: Collection[str]
    ) -> list[PluginShelfEvent]:
        """A new plugin; refused under a slug that is taken, or if it cannot be started."""
        if _SLUG.fullmatch(plugin.slug) is None:
            raise InvalidFields(slug="not-a-slug")
        taken = {one.plugin.slug for one in self.plugins}
        if plugin.slug in taken or plugin.slug in built_in:
            raise PluginExists
        if len(taken) >= MOST_PLUGINS:
            raise TooManyPlugins
        return self._set(team_id, plugin, label)

    def change(
        self, team_id: TeamId, plugin: Plugin, label: Label
    ) -> list[PluginShelfEvent]:
        """The plugin of that slug is so from now on; bots keep the version they have."""
        now = self.of(plugin.slug)
        if (now.plugin, now.label) == (plugin, label):
            return []
        return self._set(team_id, plugin, label)

    @staticmethod
    def _set(team_id: TeamId, plugin: Plugin, label: Label) -> list[PluginShelfEvent]:
        check_fields(plugin.fields)
        check_launch(plugin.launch, plugin.fields)
        return [PluginSet(team_id=team_id, plugin=plugin, label=label)]

    def remove(self, team_id: TeamId, slug: str) -> list[PluginShelfEvent]:
        """Take the plugin away; a bot that has it installed cannot reach it any more."""
        self.of(slug)
        return [PluginRemoved(team_id=team_id, slug=slug)]

    def evolve(self, event: PluginShelfEvent) -> PluginShelf:
        version = self.version + 1
        match event:
            case PluginSet(plugin=plugin, label=label):
                own = OwnPlugin(plugin=plugin, label=label, version=version)
                return replace(
                    self, version=version, plugins=(*self._without(plugin.slug), own)
                )
            case PluginRemoved(slug=slug):
                return replace(self, version=version, plugins=self._without(slug))
            case _:
                assert_never(event)

    def _without(self, slug: str) -> tuple[OwnPlugin, ...]:
        return tuple(one for one in self.plugins if one.plugin.slug != slug)
