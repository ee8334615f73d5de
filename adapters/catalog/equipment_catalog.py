"""Reads the built-in plugins, channels, personas and skill types.

A file that is wrong stops the process with its name and the field.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar

from adapters.catalog.equipment_schema import (
    CategoriesFile,
    ChannelFile,
    PersonaFile,
    PluginFile,
    SkillTypesFile,
)
from adapters.catalog.loader import read_spec
from adapters.catalog.schema import Spec
from domain.config_fields import ConfigField, check_fields
from domain.equipment_catalog import EquipmentCatalog, ShippedPlugin
from domain.errors import BadSetup, InvalidFields
from domain.plugin_launch import check_launch

SpecT = TypeVar("SpecT", bound=Spec)


@cache
def load_equipment_catalog() -> EquipmentCatalog:
    """What we ship, read once a process."""
    return read_equipment_catalog(files("adapters.catalog") / "equipment")


def read_equipment_catalog(folder: Traversable) -> EquipmentCatalog:
    """What the folder says; `BadSetup` names the file and the field that is wrong."""
    plugins = {
        name: _checked(file, spec.shipped())
        for name, file, spec in _each(folder / "plugins", PluginFile)
    }
    channels = {}
    for name, file, spec in _each(folder / "channels", ChannelFile):
        channels[name] = spec.channel()
        _check(file, (*channels[name].credential_fields, *channels[name].config_fields))
    personas = {
        name: spec.template() for name, _, spec in _each(folder / "personas", PersonaFile)
    }
    categories = read_spec(folder / "persona_categories.yaml", CategoriesFile).categories
    names = {one.id: one.name.model_dump() for one in categories}
    for persona in personas.values():
        if persona.category not in names:
            raise BadSetup(f"{persona.id}.yaml: category: there is no {persona.category}")
    types = read_spec(folder / "skill_types.yaml", SkillTypesFile).skill_types
    return EquipmentCatalog(
        version=_digest(folder),
        plugins=plugins,
        channels=channels,
        personas=personas,
        persona_categories=names,
        skill_types={
            one.slug: one.skill_type()
            for one in sorted(types, key=lambda one: one.sort_order)
        },
    )


def _each(
    folder: Traversable, kind: type[SpecT]
) -> Iterator[tuple[str, Traversable, SpecT]]:
    """Each file of the folder, by the name that it must have."""
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if not file.name.endswith(".yaml"):
            continue
        spec = read_spec(file, kind)
        name = str(getattr(spec, "id", None) or getattr(spec, "slug", ""))
        if file.name != f"{name}.yaml":
            raise BadSetup(f"{file.name}: the file must be called {name}.yaml")
        yield name, file, spec


def _checked(file: Traversable, shipped: ShippedPlugin) -> ShippedPlugin:
    _check(file, shipped.plugin.fields)
    try:
        check_launch(shipped.plugin.launch, shipped.plugin.fields)
    except InvalidFields as error:
        raise BadSetup(f"{file.name}: launch: {error}") from error
    return shipped


def _check(file: Traversable, fields: tuple[ConfigField, ...]) -> None:
    try:
        check_fields(fields)
    except InvalidFields as error:
        raise BadSetup(f"{file.name}: {error}") from error


def _digest(folder: Traversable) -> str:
    """Changes with every file."""
    parts = [folder / "persona_categories.yaml", folder / "skill_types.yaml"]
    for name in ("plugins", "channels", "personas"):
        inside = (folder / name).iterdir()
        parts += sorted(
            (f for f in inside if f.name.endswith(".yaml")), key=lambda f: f.name
        )
    return sha256(b"".join(file.read_bytes() for file in parts)).hexdigest()[:12]
