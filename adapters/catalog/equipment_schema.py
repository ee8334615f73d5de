"""What the YAML files of plugins, channels, personas and skill types must say."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from adapters.catalog.schema import NamesSpec, Spec
from domain.config_fields import ConfigField, FieldType
from domain.equipment_catalog import (
    ChannelType,
    PersonaTemplate,
    Plugin,
    PluginCategory,
    Probe,
    Region,
    ShippedPlugin,
    SkillType,
)
from domain.plugin_launch import Package, Registry, StdioLaunch

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,60}$")]
Url = Annotated[str, StringConstraints(pattern=r"^https://\S+$")]


class FieldSpec(Spec):
    key: str
    type: Annotated[FieldType, Field(strict=False)] = FieldType.STRING
    required: bool = False
    secret: bool = False
    default: bool | int | str | list[str] | None = None
    choices: list[str] = Field(default=[])
    example: str = ""
    label: NamesSpec
    note: str = ""  # for whoever reads the file

    def field(self) -> ConfigField:
        default = self.default
        return ConfigField(
            key=self.key,
            type=self.type,
            required=self.required,
            secret=self.secret,
            default=tuple(default) if isinstance(default, list) else default,
            choices=tuple(self.choices),
            labels=tuple(self.label.model_dump().items()),
            example=self.example,
        )


class PackageSpec(Spec):
    registry: Annotated[Registry, Field(strict=False)]
    name: str
    version: str
    executable: str = ""
    status: Literal["active", "archived"]

    def package(self) -> Package:
        return Package(
            registry=self.registry,
            name=self.name,
            version=self.version,
            executable=self.executable,
        )


class LaunchSpec(Spec):
    command: Literal["npx", "uvx"]
    args: list[str] = Field(default=[])
    env: dict[str, str] = Field(default={})


class PluginFile(Spec):
    slug: Slug
    category: PluginCategory
    region: Region
    emoji: str
    official: bool
    name: NamesSpec
    description: NamesSpec
    package: PackageSpec
    launch: LaunchSpec
    fields: list[FieldSpec] = Field(default=[])

    def shipped(self) -> ShippedPlugin:
        launch = StdioLaunch(
            command=self.launch.command,
            args=tuple(self.launch.args),
            env=tuple(self.launch.env.items()),
            package=self.package.package(),
        )
        return ShippedPlugin(
            plugin=Plugin(
                slug=self.slug,
                launch=launch,
                fields=tuple(one.field() for one in self.fields),
                category=self.category,
                region=self.region,
                emoji=self.emoji,
                official=self.official,
                archived=self.package.status == "archived",
            ),
            names=self.name.model_dump(),
            descriptions=self.description.model_dump(),
        )


class ProbeSpec(Spec):
    method: Literal["GET", "POST"]
    urls: dict[str, Url] = Field(min_length=1)
    chosen_by: str = ""
    auth: str = ""
    json_body: dict[str, str] = Field(default={})
    form: dict[str, str] = Field(default={})
    good: str = "status"
    good_value: str = ""


class ChannelFile(Spec):
    id: Slug
    icon: Slug
    sort_order: int
    popular: bool
    popular_locales: list[str]
    name: NamesSpec
    description: NamesSpec
    hint: NamesSpec
    help_url: Url | None
    connect: Literal[
        "websocket_client",
        "long_polling_or_webhook",
        "socket_mode_or_events_webhook",
        "webhook",
        "polling_or_webhook",
        "first_party",
    ]
    credential_fields: list[FieldSpec]
    config_fields: list[FieldSpec] = Field(default=[])
    one_of: list[list[str]] = Field(default=[])
    probe: ProbeSpec | None = None

    def channel(self) -> ChannelType:
        return ChannelType(
            id=self.id,
            icon=self.icon,
            sort_order=self.sort_order,
            popular=self.popular,
            popular_locales=tuple(self.popular_locales),
            names=self.name.model_dump(),
            descriptions=self.description.model_dump(),
            hints=self.hint.model_dump(),
            help_url=self.help_url,
            connect=self.connect,
            credential_fields=tuple(one.field() for one in self.credential_fields),
            config_fields=tuple(one.field() for one in self.config_fields),
            one_of=tuple(tuple(keys) for keys in self.one_of),
            probe=Probe(**self.probe.model_dump()) if self.probe else None,
        )


class SoulSpec(Spec):
    en: str
    zh: str


class PersonaFile(Spec):
    id: Slug
    emoji: str
    category: Slug
    offered_only: bool = False
    name: NamesSpec
    tagline: NamesSpec
    soul: SoulSpec

    def template(self) -> PersonaTemplate:
        return PersonaTemplate(
            id=self.id,
            emoji=self.emoji,
            category=self.category,
            names=self.name.model_dump(),
            taglines=self.tagline.model_dump(),
            souls=self.soul.model_dump(),
            offered_only=self.offered_only,
        )


class CategorySpec(Spec):
    id: Slug
    name: NamesSpec


class CategoriesFile(Spec):
    categories: list[CategorySpec]


class SkillTypeSpec(Spec):
    slug: Slug
    sort_order: int
    icon: str
    name: NamesSpec

    def skill_type(self) -> SkillType:
        return SkillType(
            slug=self.slug,
            icon=self.icon,
            sort_order=self.sort_order,
            names=self.name.model_dump(),
        )


class SkillTypesFile(Spec):
    skill_types: list[SkillTypeSpec]
