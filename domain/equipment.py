"""What a bot is equipped with: persona, plugins, skills and channels.

Content and configuration stand here as text (JSON where it has fields); credentials never
do: they lie in the vault, under the id of the plugin install or channel they belong to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

MOST_OF_A_KIND = 50


@dataclass(frozen=True, kw_only=True)
class Persona:
    """Who a bot is, in its own words."""

    name: str = ""
    soul: str = ""  # Markdown
    emoji: str = ""
    template_id: str | None = None  # what it was taken from


NOBODY = Persona()


@dataclass(frozen=True, kw_only=True)
class PluginInstall:
    """An MCP server that a bot may use, with the version that was installed."""

    id: UUID
    plugin_id: str
    slug: str
    version: str  # pinned
    transport: str = "stdio"  # or "http"
    inside: bool = False  # a process in the bot, only when it was asked for
    config: str = "{}"  # JSON object, without secrets
    secret_fields: tuple[str, ...] = ()
    secret_version: int = 0  # in the vault; 0: none
    secrets_for: str = ""  # where they may be taken: `secret_bounds.py`


@dataclass(frozen=True, kw_only=True)
class SkillInstall:
    """A skill of a bot: the content is found by its hash."""

    id: UUID
    skill_id: str
    name: str  # lower case, digits and "-": also the folder's name
    version: int
    content_hash: str  # SHA-256 of the definition, hexadecimal
    config: str = "{}"


@dataclass(frozen=True, kw_only=True)
class BotChannel:
    """Where people talk to a bot."""

    id: UUID
    channel_type: str
    name: str
    config: str = "{}"
    credentials: str = "{}"  # JSON object: fields that are no secret
    secret_fields: tuple[str, ...] = ()
    secret_version: int = 0
    connected: bool = False  # what people asked for
    relayed: bool = False  # the bot holds a surrogate token, not the real one


class Identified(Protocol):
    @property
    def id(self) -> UUID: ...


ItemT = TypeVar("ItemT", bound=Identified)


def with_item(items: tuple[ItemT, ...], item: ItemT) -> tuple[ItemT, ...]:
    """The items with this one where one of its id was, else at the end."""
    if any(other.id == item.id for other in items):
        return tuple(item if other.id == item.id else other for other in items)
    return (*items, item)


def without_item(items: tuple[ItemT, ...], item_id: UUID) -> tuple[ItemT, ...]:
    """The items without the one of that id."""
    return tuple(other for other in items if other.id != item_id)


def item_of(items: Iterable[ItemT], item_id: UUID) -> ItemT | None:
    """The one of that id, if it is there."""
    return next((item for item in items if item.id == item_id), None)
