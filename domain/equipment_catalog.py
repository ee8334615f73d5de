"""What bots can be equipped with, as it comes with the product.

Plugins are MCP servers, channels are where people talk to a bot, persona templates are who
it may be. A team has plugins and templates of its own beside these; channels it has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from domain.config_fields import ConfigField, check_config
from domain.errors import InvalidFields, NotFound
from domain.plugin_launch import HttpLaunch, Launch

PluginCategory = Literal[
    "BROWSER", "FILESYSTEM", "DATABASE", "API", "COMMUNICATION", "DEVELOPMENT", "CUSTOM"
]
Region = Literal["global", "cn", "en"]  # a global plugin is of use everywhere


@dataclass(frozen=True, kw_only=True)
class Label:
    """What people call an entry of their own, in the language that they like."""

    name: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """An MCP server. Its slug is its id: the path by which bots reach it."""

    slug: str
    launch: Launch
    fields: tuple[ConfigField, ...] = ()
    category: PluginCategory = "CUSTOM"
    region: Region = "global"
    emoji: str = ""
    official: bool = False
    archived: bool = False  # its makers have stopped

    @property
    def transport(self) -> str:
        """As `PluginInstall` has it."""
        return "http" if isinstance(self.launch, HttpLaunch) else "stdio"

    @property
    def version(self) -> str:
        """What an install pins; "" where nothing is installed."""
        if isinstance(self.launch, HttpLaunch) or self.launch.package is None:
            return ""
        return self.launch.package.version


@dataclass(frozen=True, kw_only=True)
class ShippedPlugin:
    """A plugin that every team has, and what people call it, by language."""

    plugin: Plugin
    names: Mapping[str, str]
    descriptions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A cheap call that proves credentials; `${key}` stands for one of them.

    Where a field chooses the address, there is one by each of its values.
    """

    method: str
    urls: Mapping[str, str]  # "" where nothing chooses
    chosen_by: str = ""  # the key of the field that chooses
    auth: str = ""  # of the Authorization header; "oauth1": signed
    json_body: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    good: str = "status"  # or a member of the answer that must be there
    good_value: str = ""  # as JSON; "": anything


@dataclass(frozen=True, kw_only=True)
class ChannelType:
    """A kind of channel: what it is called, what it must be given, how it is proved."""

    id: str
    icon: str
    sort_order: int
    popular: bool
    popular_locales: tuple[str, ...]
    names: Mapping[str, str]
    descriptions: Mapping[str, str]
    hints: Mapping[str, str]  # where to get the credentials
    help_url: str | None
    connect: str  # how messages come in
    credential_fields: tuple[ConfigField, ...]
    config_fields: tuple[ConfigField, ...] = ()
    one_of: tuple[tuple[str, ...], ...] = ()  # of each, at least one must be given
    probe: Probe | None = None

    def is_popular(self, locale: str | None) -> bool:
        """Whether it is liked where that language is spoken; as everywhere, without one."""
        if not locale or not self.popular_locales:
            return self.popular
        wanted = locale.lower()
        language = wanted.partition("-")[0]
        liked = [one.lower() for one in self.popular_locales]
        return any(wanted.startswith(one) or one.startswith(language) for one in liked)

    def check_credentials(
        self, given: Mapping[str, object], *, kept: tuple[str, ...] = ()
    ) -> tuple[str, dict[str, str]]:
        """As `check_config` says; also refused where none of several was given."""
        open_part, secrets = check_config(
            self.credential_fields, given, kept=kept, place="credentials"
        )
        there = {*given, *kept, *secrets}
        for keys in self.one_of:
            if not any(given.get(key) or key in kept for key in keys if key in there):
                raise InvalidFields(**{f"credentials.{keys[0]}": "one-of-several-missing"})
        return open_part, secrets


@dataclass(frozen=True, kw_only=True)
class PersonaTemplate:
    """Who a bot may be. Built-in ones say it in every language."""

    id: str
    emoji: str
    category: str
    names: Mapping[str, str]
    taglines: Mapping[str, str]
    souls: Mapping[str, str]  # Markdown
    offered_only: bool = False  # by the wizard: an empty page, not a persona


@dataclass(frozen=True, kw_only=True)
class SkillType:
    """A shelf that skills are sorted into; `names["en"]` is its heading in lists."""

    slug: str
    icon: str
    sort_order: int
    names: Mapping[str, str]


class NoSuchChannelType(NotFound):
    """There is no kind of channel with that id."""


@dataclass(frozen=True, kw_only=True)
class EquipmentCatalog:
    """Everything that is built in. The version changes with all that it says."""

    version: str
    plugins: Mapping[str, ShippedPlugin]  # by slug
    channels: Mapping[str, ChannelType]
    personas: Mapping[str, PersonaTemplate]
    persona_categories: Mapping[str, Mapping[str, str]]  # names by language
    skill_types: Mapping[str, SkillType]  # in their order

    def channel_type_of(self, channel_type: str) -> ChannelType:
        """The kind of channel of that id; refused if there is none."""
        found = self.channels.get(channel_type)
        if found is None:
            raise NoSuchChannelType
        return found

    def channels_for(self, locale: str | None) -> list[ChannelType]:
        """All kinds, those that are liked there first, each in their usual order."""
        return sorted(
            self.channels.values(),
            key=lambda one: (not one.is_popular(locale), one.sort_order, one.id),
        )
