"""Commands about a team's own plugins; handlers answer the position reached.

`EquipmentShelf.plugin` is how everybody else finds a plugin, built-in or the team's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from application.bus import Command
from application.event_log import EventLog, Stream
from domain.equipment_catalog import EquipmentCatalog, Label, Plugin
from domain.errors import PreconditionFailed
from domain.ids import TeamId
from domain.plugins import PluginShelf, plugin_shelf_id


def plugin_shelf(event_log: EventLog, team_id: TeamId) -> Stream[PluginShelf]:
    """The team's own plugins as they stand; none, if it never had any."""
    return event_log.look(PluginShelf(), plugin_shelf_id(team_id))


@dataclass(frozen=True, kw_only=True)
class AddPlugin(Command[int]):
    team_id: TeamId
    plugin: Plugin
    label: Label


def add_plugin(
    command: AddPlugin, *, event_log: EventLog, catalog: EquipmentCatalog
) -> int:
    shelf = plugin_shelf(event_log, command.team_id)
    added = shelf.state.add(
        command.team_id, command.plugin, command.label, built_in=catalog.plugins
    )
    return event_log.append(shelf, added)


@dataclass(frozen=True, kw_only=True)
class ChangePlugin(Command[int]):
    """The version is the plugin's."""

    team_id: TeamId
    plugin: Plugin
    label: Label
    expected_version: int | None


def change_plugin(command: ChangePlugin, *, event_log: EventLog) -> int:
    shelf = plugin_shelf(event_log, command.team_id)
    _expect(shelf.state, command.plugin.slug, command.expected_version)
    changed = shelf.state.change(command.team_id, command.plugin, command.label)
    return event_log.append(shelf, changed)


@dataclass(frozen=True, kw_only=True)
class RemovePlugin(Command[int]):
    team_id: TeamId
    slug: str
    expected_version: int | None


def remove_plugin(command: RemovePlugin, *, event_log: EventLog) -> int:
    shelf = plugin_shelf(event_log, command.team_id)
    _expect(shelf.state, command.slug, command.expected_version)
    return event_log.append(shelf, shelf.state.remove(command.team_id, command.slug))


def _expect(shelf: PluginShelf, slug: str, version: int | None) -> None:
    if version is not None and version != shelf.of(slug).version:
        raise PreconditionFailed
