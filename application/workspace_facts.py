"""Gathers what a bot's workspace is rendered from: its stream, and what that refers to.

Only the worker does this: it opens the credentials of channels and plugins. A channel that
the relay serves gets a surrogate instead, where the bot's software can be told to use it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from application.equipment import channel_ref, plugin_ref
from application.equipment_shelf import EquipmentShelf
from application.event_log import EventLog
from application.ports import Secret, SecretRef
from application.skills import content_of, skill_shelf
from application.workspace_models import LinkedModels, TeamKeys
from application.workspaces import CannotPrepare
from domain.bots import Bot
from domain.channel_relays import RELAYS
from domain.equipment import BotChannel, PluginInstall, SkillInstall
from domain.equipment_catalog import EquipmentCatalog
from domain.errors import NotFound
from domain.ids import TeamId
from domain.images import ImageFamily, image_of
from domain.plugin_launch import StdioLaunch, launch_of
from domain.secret_bounds import SecretsGivenForAnother, check_bounds
from domain.skills import SkillShelf
from domain.surrogates import surrogate_of
from domain.workspace.channels import RELAYED
from domain.workspace.facts import (
    Launch,
    McpServer,
    SkillContent,
    WorkspaceFacts,
    WorkspaceSecrets,
)

Fields = Mapping[str, Secret]


class OpensSecrets(Protocol):
    """The worker's side of the vault, for code that runs in threads."""

    def open(self, ref: SecretRef) -> Secret:
        """The secret in clear; `Unavailable`: the vault does not answer or open it."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where everything is that a bot's own stream only refers to."""

    event_log: EventLog
    equipment: EquipmentCatalog
    models: LinkedModels
    keys: TeamKeys
    vault: OpensSecrets
    surrogate_key: bytes  # the instance key `door`
    proxy_url: str  # as a bot in a container reaches it, without a slash at the end


class FactsOfBots:
    """What is to be rendered for a bot."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources

    def of(
        self, bot_id: UUID, bot: Bot, *, token: Secret, gateway_token: Secret
    ) -> WorkspaceFacts:
        """The facts of one bot; `CannotPrepare` if something it refers to is gone.

        `Unavailable`: the log or the vault does not answer.
        """
        if bot.team_id is None:
            raise CannotPrepare("bot-missing")
        family, team_id = image_of(bot.image).family, bot.team_id
        channels = tuple(_with_relay(one, family) for one in bot.equipment.channels)
        inside = [self._server(team_id, one, family) for one in bot.equipment.plugins]
        return WorkspaceFacts(
            bot_id=bot_id,
            hostname=bot.hostname,
            name=bot.name,
            family=family,
            proxy_url=self._from.proxy_url,
            persona=bot.equipment.persona,
            features=bot.equipment.features,
            vendors=self._from.models.choices(bot.links, self._from.keys.of_team(team_id)),
            routed=bot.routing is not None,
            skills=self._skills(team_id, bot.equipment.skills),
            mcp=tuple(server for server, _ in inside),
            channels=channels,
            network=bot.network,
            secrets=WorkspaceSecrets(
                token=token,
                gateway_token=gateway_token,
                channels={
                    one.id: self._of_channel(bot_id, team_id, one)
                    for one in channels
                    if one.connected
                },
                plugins={server.id: held for server, held in inside if held},
                revision=_revision(bot, token, gateway_token),
            ),
        )

    def _skills(
        self, team_id: TeamId, installs: tuple[SkillInstall, ...]
    ) -> tuple[SkillContent, ...]:
        if not installs:
            return ()
        shelf = skill_shelf(self._from.event_log, team_id).state
        return tuple(self._skill(team_id, shelf, one) for one in installs)

    def _skill(
        self, team_id: TeamId, shelf: SkillShelf, install: SkillInstall
    ) -> SkillContent:
        known = shelf.skills.get(UUID(install.skill_id))
        is_recalled = install.content_hash in shelf.recalled
        try:
            content = (
                None
                if is_recalled
                else content_of(self._from.event_log, team_id, install.content_hash)
            )
        except NotFound as error:
            raise CannotPrepare("skill-missing", install.name) from error
        return SkillContent(
            name=install.name,
            content=content,
            description=known.facts.description if known else "",
            config=install.config,
        )

    def _server(
        self, team_id: TeamId, install: PluginInstall, family: ImageFamily
    ) -> tuple[McpServer, Fields]:
        """At the relay, unless it was asked for inside; then with what is secret in it."""
        at_relay = McpServer(id=install.id, slug=install.slug)
        if not install.inside or family is not ImageFamily.OPENCLAW:
            return at_relay, {}
        shelf = EquipmentShelf(self._from.event_log, self._from.equipment, team_id)
        try:
            plugin = shelf.plugin(install.slug)
        except NotFound as error:
            raise CannotPrepare("plugin-missing", install.slug) from error
        if not isinstance(plugin.launch, StdioLaunch):
            return at_relay, {}
        config = json.loads(install.config)
        try:
            check_bounds(install, plugin)
        except SecretsGivenForAnother as error:
            raise CannotPrepare(error.code, install.slug) from error
        secrets = self._opened(plugin_ref(team_id, install))
        given = {name: secret.reveal().decode() for name, secret in secrets.items()}
        shown = launch_of(plugin.launch, plugin.fields, config, version=install.version)
        whole = launch_of(
            plugin.launch, plugin.fields, {**config, **given}, version=install.version
        )
        hidden = {
            name: Secret(value.encode())
            for name, value in whole.env.items()
            if shown.env.get(name) != value
        }
        launch = Launch(
            command=shown.command,
            args=shown.args,
            env=tuple((n, v) for n, v in shown.env.items() if n not in hidden),
            secret_env=tuple(hidden),
        )
        return replace(at_relay, launch=launch), hidden

    def _of_channel(self, bot_id: UUID, team_id: TeamId, channel: BotChannel) -> Fields:
        if channel.relayed:
            relay = RELAYS[channel.channel_type]
            text = surrogate_of(bot_id, channel, self._from.surrogate_key)
            others = [field for _, field in relay.other_secrets]
            return {field: Secret(text.encode()) for field in (relay.secret_field, *others)}
        return self._opened(channel_ref(team_id, channel))

    def _opened(self, ref: SecretRef) -> Fields:
        """The secret fields; none, if none were ever stored."""
        if ref.version == 0:
            return {}
        secret = self._from.vault.open(ref)
        try:
            fields = json.loads(secret.reveal())
        finally:
            secret.wipe()
        return {name: Secret(_text(value).encode()) for name, value in fields.items()}


def _with_relay(channel: BotChannel, family: ImageFamily) -> BotChannel:
    """OpenClaw can be told of a relay for few channels; other software for all of them."""
    served = RELAYED if family is ImageFamily.OPENCLAW else frozenset(RELAYS)
    return replace(channel, relayed=channel.channel_type in served)


def _revision(bot: Bot, token: Secret, gateway_token: Secret) -> str:
    """Another one for each other set of secrets. Both tokens are 32 random bytes, so that
    their hash gives nothing away."""
    told = sha256(token.reveal() + b"\0" + gateway_token.reveal())
    equipment = bot.equipment
    versions = [
        *((one.id, one.secret_version) for one in equipment.channels),
        *((one.id, one.secret_version) for one in equipment.plugins),
    ]
    for item_id, version in versions:
        told.update(item_id.bytes + version.to_bytes(8))
    return told.hexdigest()


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
