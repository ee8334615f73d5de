"""What one bot is equipped with now, and the rules for changing that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeGuard, assert_never, get_args
from uuid import UUID

from domain.bot_events import (
    BotChannelRemoved,
    BotChannelSet,
    BotEvent,
    BotFeaturesSet,
    BotPersonaSet,
    BotPluginInstalled,
    BotPluginRemoved,
    BotSkillInstalled,
    BotSkillRemoved,
)
from domain.equipment import (
    MOST_OF_A_KIND,
    NOBODY,
    BotChannel,
    ItemT,
    Persona,
    PluginInstall,
    SkillInstall,
    item_of,
    with_item,
    without_item,
)
from domain.errors import Conflict, NotFound
from domain.workspace.personas import check_persona

EquipmentEvent = (
    BotPersonaSet
    | BotFeaturesSet
    | BotPluginInstalled
    | BotPluginRemoved
    | BotSkillInstalled
    | BotSkillRemoved
    | BotChannelSet
    | BotChannelRemoved
)


class IsInstalledAlready(Conflict):
    """The bot has that plugin or skill already: change the install it has."""

    code = "installed-already"


class TooMany(Conflict):
    """A bot has at most 50 plugins, 50 skills and 50 channels."""

    code = "too-many"


class NotInstalled(NotFound):
    """The bot has no plugin, skill or channel of that id."""


def installed(items: Iterable[ItemT], item_id: UUID) -> ItemT:
    """The plugin, skill or channel of that id; refused if the bot has none."""
    found = item_of(items, item_id)
    if found is None:
        raise NotInstalled
    return found


def changes_equipment(event: BotEvent) -> TypeGuard[EquipmentEvent]:
    """Whether the event is about what a bot is equipped with."""
    return isinstance(event, get_args(EquipmentEvent))


@dataclass(frozen=True, kw_only=True)
class Equipment:
    """Persona, features, plugins, skills and channels of a bot."""

    persona: Persona = NOBODY
    features: str = "{}"
    plugins: tuple[PluginInstall, ...] = ()
    skills: tuple[SkillInstall, ...] = ()
    channels: tuple[BotChannel, ...] = ()

    def set_persona(self, persona: Persona) -> list[BotEvent]:
        """Be somebody else from now on; refused with a text that no bot could read."""
        check_persona(persona)
        return [] if persona == self.persona else [BotPersonaSet(persona=persona)]

    def set_features(self, features: str) -> list[BotEvent]:
        """Have these features instead of those it has."""
        return [] if features == self.features else [BotFeaturesSet(features=features)]

    def install_plugin(self, install: PluginInstall) -> list[BotEvent]:
        """Have the plugin, or that install changed; refused if it has it twice."""
        self._refuse_second(
            install.id,
            [(p.id, p.slug) for p in self.plugins],
            install.slug,
        )
        return [] if install in self.plugins else [BotPluginInstalled(install=install)]

    def remove_plugin(self, install_id: UUID) -> list[BotEvent]:
        """Do without it; refused if it is not there."""
        installed(self.plugins, install_id)
        return [BotPluginRemoved(install_id=install_id)]

    def install_skill(self, install: SkillInstall) -> list[BotEvent]:
        """Have the skill, or that install changed; refused if it has it twice."""
        self._refuse_second(
            install.id,
            [(s.id, s.name) for s in self.skills],
            install.name,
        )
        return [] if install in self.skills else [BotSkillInstalled(install=install)]

    def remove_skill(self, install_id: UUID) -> list[BotEvent]:
        """Do without it; refused if it is not there."""
        installed(self.skills, install_id)
        return [BotSkillRemoved(install_id=install_id)]

    def set_channel(self, channel: BotChannel) -> list[BotEvent]:
        """Be reachable there; several of one type are told apart by their names."""
        told_apart = [(c.id, f"{c.channel_type}/{c.name}") for c in self.channels]
        name = f"{channel.channel_type}/{channel.name}"
        self._refuse_second(channel.id, told_apart, name)
        return [] if channel in self.channels else [BotChannelSet(channel=channel)]

    def remove_channel(self, channel_id: UUID) -> list[BotEvent]:
        """Be no longer reachable there; refused if it was not."""
        installed(self.channels, channel_id)
        return [BotChannelRemoved(channel_id=channel_id)]

    @staticmethod
    def _refuse_second(item_id: UUID, there: list[tuple[UUID, str]], name: str) -> None:
        if any(other_id != item_id and other == name for other_id, other in there):
            raise IsInstalledAlready
        if len(there) >= MOST_OF_A_KIND and all(
            other_id != item_id for other_id, _ in there
        ):
            raise TooMany

    def evolve(self, event: EquipmentEvent) -> Equipment:  # noqa: PLR0911 - one for each
        match event:
            case BotPersonaSet(persona=persona):
                return replace(self, persona=persona)
            case BotFeaturesSet(features=features):
                return replace(self, features=features)
            case BotPluginInstalled(install=install):
                return replace(self, plugins=with_item(self.plugins, install))
            case BotPluginRemoved(install_id=install_id):
                return replace(self, plugins=without_item(self.plugins, install_id))
            case BotSkillInstalled(install=skill):
                return replace(self, skills=with_item(self.skills, skill))
            case BotSkillRemoved(install_id=install_id):
                return replace(self, skills=without_item(self.skills, install_id))
            case BotChannelSet(channel=channel):
                return replace(self, channels=with_item(self.channels, channel))
            case BotChannelRemoved(channel_id=channel_id):
                return replace(self, channels=without_item(self.channels, channel_id))
            case _:
                assert_never(event)


PLAIN = Equipment()
