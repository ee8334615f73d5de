"""A new bot's equipment, from what its maker asked for: all fits, or nothing is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue
from uuid_utils.compat import uuid7

from api.bot_equipment_shapes import PersonaIn
from api.bot_shapes import NewBot
from api.locales import Languages
from application.equipment import channel_ref, plugin_ref
from application.equipment_shelf import EquipmentShelf
from application.ports import Secret, SecretRef
from domain.bot_equipment import Equipment
from domain.equipment import NOBODY, BotChannel, Persona, PluginInstall
from domain.errors import InvalidFields
from domain.ids import TeamId


@dataclass(frozen=True, kw_only=True)
class Equipped:
    """Equipment, and the secrets that belong to it."""

    equipment: Equipment
    secrets: tuple[tuple[SecretRef, Secret], ...]


def equipment_of(
    new: NewBot, shelf: EquipmentShelf, team_id: TeamId, languages: Languages
) -> Equipped:
    """What the bot is equipped with; `InvalidFields` or `NotFound` names what is wrong."""
    plugins: list[PluginInstall] = []
    channels: list[BotChannel] = []
    secrets: list[tuple[SecretRef, Secret]] = []
    for asked in new.plugins:
        install, secret = shelf.plugin_install(
            uuid7(), asked.plugin_id, asked.config, inside=asked.inside
        )
        if secret is not None:
            install = replace(install, secret_version=1)
            secrets.append((plugin_ref(team_id, install), secret))
        plugins.append(install)
    for one in new.channels:
        channel, secret = shelf.channel(
            uuid7(),
            one.channel_type,
            one.name,
            credentials=one.credentials,
            config=one.config,
        )
        if secret is not None:
            channel = replace(channel, secret_version=1)
            secrets.append((channel_ref(team_id, channel), secret))
        channels.append(channel)
    skills = (
        shelf.skill_install(uuid7(), one.skill_id, one.config, version=one.version)
        for one in new.skills
    )
    equipment = Equipment(
        persona=persona_of(new.persona, new.persona_template_id, shelf, languages)
        or NOBODY,
        features=features_of(new.features),
        plugins=tuple(plugins),
        skills=tuple(skills),
        channels=tuple(channels),
    )
    return Equipped(equipment=equipment, secrets=tuple(secrets))


def persona_of(
    given: PersonaIn | None,
    template_id: str | None,
    shelf: EquipmentShelf,
    languages: Languages,
) -> Persona | None:
    """The persona that was written, or that of a template; None: neither was asked for."""
    if given is not None and template_id is not None:
        raise InvalidFields(persona_template_id="persona-given-too")
    if template_id is not None:
        return shelf.persona(template_id, languages.of)
    if given is None:
        return None
    return Persona(name=given.name, soul=given.soul, emoji=given.emoji)


def features_of(features: Mapping[str, JsonValue]) -> str:
    """The features as they are stored: a JSON object, its keys sorted."""
    return json.dumps(dict(features), ensure_ascii=False, sort_keys=True)
