"""Commands about what a bot is equipped with, each with its handler below it.

Credentials go into the vault and the event into the log in one unit of work. One record
holds all secret fields of a plugin install or a channel: giving one of them anew means
giving all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from uuid import UUID

from application.bots import BotCommand, asked_bot
from application.event_log import EventLog
from application.ports import Secret, SecretRef, Vault
from domain.bot_equipment import installed
from domain.equipment import (
    BotChannel,
    Persona,
    PluginInstall,
    SkillInstall,
    item_of,
)
from domain.secret_bounds import bounds_of_channel

PLUGIN = "plugin"
CHANNEL = "channel"


def plugin_ref(team_id: UUID, install: PluginInstall) -> SecretRef:
    """Where the secrets of a plugin install lie in the vault; version 0: it has none."""
    return SecretRef(
        team_id=team_id,
        id=install.id,
        version=install.secret_version if install.secret_fields else 0,
        purpose=PLUGIN,
        vendor=install.slug,
        origin=f"{PLUGIN}:{install.slug} {install.secrets_for}",
    )


def channel_ref(team_id: UUID, channel: BotChannel) -> SecretRef:
    """Where the credentials of a channel lie in the vault; version 0: it has none."""
    kind = channel.channel_type
    bounds = bounds_of_channel(json.loads(channel.config))
    return SecretRef(
        team_id=team_id,
        id=channel.id,
        version=channel.secret_version if channel.secret_fields else 0,
        purpose=CHANNEL,
        vendor=kind,
        origin=f"{CHANNEL}:{kind} {bounds}".rstrip(),
    )


@dataclass(frozen=True, kw_only=True)
class SetPersona(BotCommand):
    persona: Persona


def set_persona(command: SetPersona, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.equipment.set_persona(command.persona))


@dataclass(frozen=True, kw_only=True)
class SetFeatures(BotCommand):
    features: str  # JSON object


def set_features(command: SetFeatures, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.equipment.set_features(command.features))


@dataclass(frozen=True, kw_only=True)
class InstallPlugin(BotCommand):
    """Without a secret, the install keeps the one that it has."""

    install: PluginInstall
    secret: Secret | None


def install_plugin(command: InstallPlugin, *, event_log: EventLog, vault: Vault) -> int:
    bot = asked_bot(command, event_log)
    install = command.install
    before = item_of(bot.state.equipment.plugins, install.id)
    version = 0 if before is None else before.secret_version
    if command.secret is not None:
        version += 1
    install = replace(install, secret_version=version)
    if command.secret is not None:
        vault.put(plugin_ref(command.team_id, install), command.secret)
    return event_log.append(bot, bot.state.equipment.install_plugin(install))


@dataclass(frozen=True, kw_only=True)
class UninstallPlugin(BotCommand):
    install_id: UUID


def uninstall_plugin(command: UninstallPlugin, *, event_log: EventLog, vault: Vault) -> int:
    """Its credentials are shredded in the same unit of work."""
    bot = asked_bot(command, event_log)
    vault.remove(command.team_id, command.install_id)
    return event_log.append(bot, bot.state.equipment.remove_plugin(command.install_id))


@dataclass(frozen=True, kw_only=True)
class InstallSkill(BotCommand):
    install: SkillInstall


def install_skill(command: InstallSkill, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.equipment.install_skill(command.install))


@dataclass(frozen=True, kw_only=True)
class UninstallSkill(BotCommand):
    install_id: UUID


def uninstall_skill(command: UninstallSkill, *, event_log: EventLog) -> int:
    bot = asked_bot(command, event_log)
    return event_log.append(bot, bot.state.equipment.remove_skill(command.install_id))


@dataclass(frozen=True, kw_only=True)
class SetChannel(BotCommand):
    """Without a secret, the channel keeps the one that it has."""

    channel: BotChannel
    secret: Secret | None


def set_channel(command: SetChannel, *, event_log: EventLog, vault: Vault) -> int:
    bot = asked_bot(command, event_log)
    channel = command.channel
    before = item_of(bot.state.equipment.channels, channel.id)
    version = 0 if before is None else before.secret_version
    if command.secret is not None:
        version += 1
    channel = replace(channel, secret_version=version)
    if command.secret is not None:
        vault.put(channel_ref(command.team_id, channel), command.secret)
    return event_log.append(bot, bot.state.equipment.set_channel(channel))


@dataclass(frozen=True, kw_only=True)
class ConnectChannel(BotCommand):
    channel_id: UUID
    connected: bool


def connect_channel(command: ConnectChannel, *, event_log: EventLog) -> int:
    """The bot listens there from now on, or no longer."""
    bot = asked_bot(command, event_log)
    channel = installed(bot.state.equipment.channels, command.channel_id)
    changed = replace(channel, connected=command.connected)
    return event_log.append(bot, bot.state.equipment.set_channel(changed))


@dataclass(frozen=True, kw_only=True)
class RemoveChannel(BotCommand):
    channel_id: UUID


def remove_channel(command: RemoveChannel, *, event_log: EventLog, vault: Vault) -> int:
    """Its credentials are shredded in the same unit of work."""
    bot = asked_bot(command, event_log)
    vault.remove(command.team_id, command.channel_id)
    return event_log.append(bot, bot.state.equipment.remove_channel(command.channel_id))
