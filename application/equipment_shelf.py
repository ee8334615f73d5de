"""What a team may equip its bots with: what is built in, and what it has added.

Everything is read from its own stream, so that no answer is behind. What comes out fits a
bot's events as it is: configurations are judged, secrets are apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from uuid import UUID

from application.event_log import EventLog
from application.ports import Secret
from application.skills import skill_of
from domain.config_fields import check_config
from domain.equipment import BotChannel, Persona, PluginInstall, SkillInstall
from domain.equipment_catalog import EquipmentCatalog, Plugin
from domain.errors import NotFound
from domain.ids import TeamId
from domain.persona_templates import PersonaShelf, persona_shelf_id
from domain.plugins import PluginShelf, plugin_shelf_id
from domain.secret_bounds import bounds_of_channel, bounds_of_plugin

Given = Mapping[str, object]
TextOf = Callable[[Mapping[str, str]], str]  # chooses among languages


class EquipmentShelf:
    """What one team may choose from."""

    def __init__(
        self, event_log: EventLog, catalog: EquipmentCatalog, team_id: TeamId
    ) -> None:
        self._event_log = event_log
        self._catalog = catalog
        self._team_id = team_id

    def plugin(self, slug: str) -> Plugin:
        """The plugin of that slug; refused if there is none."""
        shipped = self._catalog.plugins.get(slug)
        if shipped is not None:
            return shipped.plugin
        shelf = self._event_log.look(PluginShelf(), plugin_shelf_id(self._team_id))
        return shelf.state.of(slug).plugin

    def plugin_install(
        self,
        install_id: UUID,
        slug: str,
        given: Given,
        *,
        inside: bool = False,
        before: PluginInstall | None = None,
    ) -> tuple[PluginInstall, Secret | None]:
        """The install, and its secret fields as one secret; None: those it has stay.

        `before` is the install that it takes the place of; what it has stays only if it
        goes nowhere else. `InvalidFields`; `NotFound`.
        """
        plugin = self.plugin(slug)
        kept = _kept(before.secret_fields if before else (), given)
        config, secrets = check_config(plugin.fields, given, kept=kept)
        bounds = bounds_of_plugin(plugin, json.loads(config))
        if before is not None and before.secrets_for != bounds:
            kept = ()
            check_config(plugin.fields, given)
        install = PluginInstall(
            id=install_id,
            plugin_id=slug,
            slug=slug,
            version=plugin.version,
            transport=plugin.transport,
            inside=inside,
            config=config,
            secret_fields=tuple(sorted(secrets)) or kept,
            secrets_for=bounds,
        )
        return install, _sealed(secrets)

    def channel(  # noqa: PLR0913 - all that a channel is
        self,
        channel_id: UUID,
        channel_type: str,
        name: str,
        *,
        credentials: Given,
        config: Given,
        before: BotChannel | None = None,
    ) -> tuple[BotChannel, Secret | None]:
        """The channel, and its secrets as one; None: those it has stay, unless they would
        go to another server than before.

        `InvalidFields`; `NotFound`: there is no such type.
        """
        kind = self._catalog.channel_type_of(channel_type)
        settings, _ = check_config(kind.config_fields, config)
        kept = _kept(before.secret_fields if before else (), credentials)
        if before is not None and _bounds(before.config) != _bounds(settings):
            kept = ()
        shown, secrets = kind.check_credentials(credentials, kept=kept)
        channel = BotChannel(
            id=channel_id,
            channel_type=channel_type,
            name=name,
            config=settings,
            credentials=shown,
            secret_fields=tuple(sorted(secrets)) or kept,
            connected=before.connected if before else False,
        )
        return channel, _sealed(secrets)

    def skill_install(
        self, install_id: UUID, skill_id: str, given: Given, *, version: int | None = None
    ) -> SkillInstall:
        """The install of that version, or of the last one that may be installed.

        Refused as `application.skills.skill_of` says.
        """
        try:
            wanted = UUID(skill_id)
        except ValueError:
            raise NotFound from None
        skill, found = skill_of(self._event_log, self._team_id, wanted, version)
        return SkillInstall(
            id=install_id,
            skill_id=str(skill.facts.id),
            name=skill.facts.name,
            version=found.number,
            content_hash=found.content_hash,
            config=json.dumps(dict(given), ensure_ascii=False, sort_keys=True),
        )

    def persona(self, template_id: str, text_of: TextOf) -> Persona:
        """The persona of a template; `text_of` chooses the language of a built-in one."""
        built_in = self._catalog.personas.get(template_id)
        if built_in is not None and not built_in.offered_only:
            return Persona(
                name=text_of(built_in.names),
                soul=text_of(built_in.souls),
                emoji=built_in.emoji,
                template_id=template_id,
            )
        shelf = self._event_log.look(PersonaShelf(), persona_shelf_id(self._team_id))
        own = shelf.state.of(template_id).template
        return Persona(
            name=own.name, soul=own.soul, emoji=own.emoji, template_id=template_id
        )


def _bounds(config: str) -> str:
    return bounds_of_channel(json.loads(config))


def _kept(stored: tuple[str, ...], given: Given) -> tuple[str, ...]:
    """The stored secrets, if nothing is given in their place: all or none."""
    return () if any(given.get(key) is not None for key in stored) else stored


def _sealed(secrets: Mapping[str, str]) -> Secret | None:
    if not secrets:
        return None
    return Secret(json.dumps(dict(secrets), sort_keys=True).encode())
