"""What a bot's plugins, skills, channels and persona look like, coming in and going out.

A secret is never shown: where one is stored stands `***`.
"""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from api.shapes import Body, Name
from domain.channel_relays import NOT_RELAYED, RELAYS
from domain.equipment import BotChannel, Persona, PluginInstall, SkillInstall
from domain.images import ImageFamily, image_of

MASK = "***"
Slug = Annotated[str, Field(min_length=1, max_length=64)]
Config = Annotated[dict[str, JsonValue], Field(max_length=40)]
Soul = Annotated[str, Field(max_length=20_000)]


class PersonaIn(Body):
    name: Name
    soul: Soul = ""
    emoji: Annotated[str, Field(max_length=10)] = ""


class PersonaOut(BaseModel):
    name: str
    soul: str
    emoji: str
    template_id: str | None


class NewPluginInstall(Body):
    plugin_id: Slug
    config: Config = Field(default={})
    inside: bool = False  # a process in the bot itself, not one at the manager


class PluginChange(Body):
    """Without a secret field in `config`, the stored secrets stay."""

    config: Config = Field(default={})
    inside: bool = False


class PluginInstallOut(BaseModel):
    id: UUID
    plugin_id: str
    version: str
    transport: str
    inside: bool
    config: dict[str, JsonValue]


class NewSkill(Body):
    skill_id: Slug
    version: Annotated[int, Field(ge=1)] | None = None
    config: Config = Field(default={})


class SkillChange(Body):
    version: Annotated[int, Field(ge=1)] | None = None
    config: Config = Field(default={})


class SkillInstallOut(BaseModel):
    id: UUID
    skill_id: str
    name: str
    version: int
    content_hash: str
    config: dict[str, JsonValue]


class NewChannel(Body):
    channel_type: Slug
    name: Name
    credentials: Config = Field(default={})
    config: Config = Field(default={})


class ChannelChange(Body):
    """Without a secret in `credentials`, the stored ones stay."""

    name: Name
    credentials: Config = Field(default={})
    config: Config = Field(default={})


class ChannelOut(BaseModel):
    """`relayed`: the bot holds a surrogate; else `exposure` says why it holds the token."""

    id: UUID
    channel_type: str
    name: str
    credentials: dict[str, JsonValue]
    config: dict[str, JsonValue]
    connected: bool
    relayed: bool
    exposure: str | None


def plugin_shown(install: PluginInstall) -> PluginInstallOut:
    """A plugin install as it goes out."""
    return PluginInstallOut(
        id=install.id,
        plugin_id=install.plugin_id,
        version=install.version,
        transport=install.transport,
        inside=install.inside,
        config=_masked(install.config, install.secret_fields),
    )


def skill_shown(install: SkillInstall) -> SkillInstallOut:
    """A skill install as it goes out."""
    return SkillInstallOut(
        id=install.id,
        skill_id=install.skill_id,
        name=install.name,
        version=install.version,
        content_hash=install.content_hash,
        config=json.loads(install.config),
    )


def channel_shown(channel: BotChannel, image: str) -> ChannelOut:
    """A channel as it goes out, for a bot of that image; "": it runs elsewhere."""
    relayed = _is_relayed(channel.channel_type, image)
    return ChannelOut(
        id=channel.id,
        channel_type=channel.channel_type,
        name=channel.name,
        credentials=_masked(channel.credentials, channel.secret_fields),
        config=json.loads(channel.config),
        connected=channel.connected,
        relayed=relayed,
        exposure=None if relayed else _exposure(channel.channel_type),
    )


def persona_shown(persona: Persona) -> PersonaOut:
    """A persona as it goes out."""
    return PersonaOut(
        name=persona.name,
        soul=persona.soul,
        emoji=persona.emoji,
        template_id=persona.template_id,
    )


def _is_relayed(channel_type: str, image: str) -> bool:
    if image and image_of(image).family is ImageFamily.OPENCLAW:
        return channel_type in _BASE_URL_CAN_BE_SET
    return channel_type in RELAYS


def _exposure(channel_type: str) -> str:
    """Why the bot itself holds the token."""
    return NOT_RELAYED.get(channel_type, "Its software in the bot takes no base URL.")


_BASE_URL_CAN_BE_SET = frozenset({"telegram"})  # by OpenClaw: `apiRoot`


def _masked(config: str, secret_fields: tuple[str, ...]) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(config)
    return shown | dict.fromkeys(secret_fields, MASK)
