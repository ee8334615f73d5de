"""What plugins look like, coming in and going out."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import BaseModel, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from api.catalog_pages import CatalogQuery, Entry
from api.locales import Languages
from api.routing_entry_shapes import Text
from api.shapes import Body, Name
from api.strict_domain import strictly
from domain.config_fields import ConfigField, Default, FieldType
from domain.equipment_catalog import Label, Plugin, PluginCategory, Region
from domain.plugin_launch import (
    HttpLaunch,
    Launch,
    Package,
    Registry,
    StdioLaunch,
)

Slug = Annotated[
    str, StringConstraints(min_length=1, max_length=60, pattern=r"^[a-z0-9-]+$")
]
Word = Annotated[str, StringConstraints(max_length=2_000)]
Words = Annotated[list[Word], Field(max_length=50)]
Pairs = Annotated[dict[str, Word], Field(max_length=40)]
Emoji = Annotated[str, StringConstraints(max_length=10, pattern=r"^[^\x00-\x1f\x7f]*$")]
AType = Annotated[FieldType, strictly(FieldType)]

_VERSIONED = re.compile(r"(@?[^@\s]+)@([^@\s]+)")


class NewField(Body):
    """A field that whoever installs the plugin fills in."""

    key: Annotated[str, StringConstraints(max_length=64)]
    type: AType = FieldType.STRING
    required: bool = False
    secret: bool = False
    default: bool | int | str | Words | None = None
    enum: Words = Field(default=[])
    label: Text = ""
    example: Text = ""

    def field(self) -> ConfigField:
        """As the domain has it."""
        default = self.default
        return ConfigField(
            key=self.key,
            type=self.type,
            required=self.required,
            secret=self.secret,
            default=tuple(default) if isinstance(default, list) else default,
            choices=tuple(self.enum),
            labels=(("en", self.label or self.key),),
            example=self.example,
        )


class NewStdio(Body):
    """A program: `package` of a `version`, or a script for `node` or `python3`.

    As other software writes it will do too: `args` that begin with `-y name@version`.
    """

    command: Word
    args: Words = Field(default=[])
    env: Pairs = Field(default={})
    package: Word | None = None
    version: Word | None = None
    executable: Word = ""

    def launch(self) -> StdioLaunch:
        """As the domain has it; it may still be refused there."""
        args = list(self.args)
        if self.command not in {"npx", "uvx"}:
            return StdioLaunch(
                command=self.command, args=tuple(args), env=tuple(self.env.items())
            )
        name, version = self.package, self.version or ""
        if name is None:
            while args and args[0] in {"-y", "--yes"}:
                del args[0]
            name = args.pop(0) if args else ""
        found = _VERSIONED.fullmatch(name)
        if found is not None and not version:
            name, version = found.groups()
        package = Package(
            registry=Registry.NPM if self.command == "npx" else Registry.PYPI,
            name=name,
            version=version,
            executable=self.executable,
        )
        return StdioLaunch(
            command=self.command,
            args=tuple(args),
            env=tuple(self.env.items()),
            package=package,
        )


class NewHttp(Body):
    """A server that is asked over streamable HTTP."""

    url: Word
    headers: Pairs = Field(default={})


class PluginBody(Body):
    name: Name
    description: Text = ""
    category: PluginCategory = "CUSTOM"
    region: Region = "global"
    emoji: Emoji = ""
    stdio: NewStdio | None = None
    http: NewHttp | None = None
    config_fields: Annotated[list[NewField], Field(max_length=40)] = Field(default=[])

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        if (self.stdio is None) == (self.http is None):
            raise PydanticCustomError("stdio_or_http", "either stdio or http")
        return self

    @property
    def label(self) -> Label:
        return Label(name=self.name, description=self.description)

    def plugin(self, slug: str) -> Plugin:
        """As the domain has it, under that slug."""
        return Plugin(
            slug=slug,
            launch=self._launch(),
            fields=tuple(one.field() for one in self.config_fields),
            category=self.category,
            region=self.region,
            emoji=self.emoji,
        )

    def _launch(self) -> Launch:
        if self.http is not None:
            return HttpLaunch(url=self.http.url, headers=tuple(self.http.headers.items()))
        assert self.stdio is not None
        return self.stdio.launch()


class NewPlugin(PluginBody):
    slug: Slug


class PluginsQuery(CatalogQuery):
    """A region asks for what is of use there: its own plugins and the global ones."""

    region: Region | None = None
    category: PluginCategory | None = None


class FieldOut(BaseModel):
    """A field to fill in; the value of a secret one is never shown."""

    key: str
    type: FieldType
    required: bool
    secret: bool
    default: Default
    enum: list[str]
    label: str
    example: str


class PackageOut(BaseModel):
    registry: Registry
    name: str
    version: str
    executable: str


class StdioOut(BaseModel):
    command: str
    args: list[str]
    env: dict[str, str]
    package: PackageOut | None


class HttpOut(BaseModel):
    url: str
    headers: dict[str, str]


class PluginOut(Entry):
    """An MCP server. Built-in ones come with the product and stay as they are."""

    slug: str
    name: str
    description: str
    names: dict[str, str]
    category: PluginCategory
    region: Region
    emoji: str
    official: bool
    archived: bool
    transport: str
    package_version: str
    stdio: StdioOut | None
    http: HttpOut | None
    config_fields: list[FieldOut]


def field_shown(one: ConfigField, languages: Languages) -> FieldOut:
    """The field, its label in the language that is asked for."""
    return FieldOut(
        key=one.key,
        type=one.type,
        required=one.required,
        secret=one.secret,
        default=one.default,
        enum=list(one.choices),
        label=languages.of(dict(one.labels)) if one.labels else one.key,
        example=one.example,
    )


def launch_shown(launch: Launch) -> dict[str, StdioOut | HttpOut | None]:
    """What it starts or asks: templates, so no secret is in there."""
    if isinstance(launch, HttpLaunch):
        asked = HttpOut(url=launch.url, headers=dict(launch.headers))
        return {"stdio": None, "http": asked}
    package = launch.package
    shown = None
    if package is not None:
        shown = PackageOut(
            registry=package.registry,
            name=package.name,
            version=package.version,
            executable=package.executable,
        )
    started = StdioOut(
        command=launch.command,
        args=list(launch.args),
        env=dict(launch.env),
        package=shown,
    )
    return {"stdio": started, "http": None}
