"""Reads the built-in tags, chains, strategies and models of routing.

A file that is wrong, or names what is in none of the others, stops the process with its
name and the field.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeVar

from adapters.catalog.loader import load_catalog, read_spec
from adapters.catalog.routing_schema import (
    ChainsFile,
    CorrectionsFile,
    EntrySpec,
    FormatsFile,
    ModelsFile,
    RewritesFile,
    StrategiesFile,
    TagsFile,
)
from domain.catalog import Catalog, UnknownVendor
from domain.errors import BadSetup
from domain.routing_catalog import ModelFacts, Rewrite, RoutingCatalog
from domain.vendors import Format

TAGS, CHAINS = "capability_tags.yaml", "fallback_chains.yaml"
STRATEGIES, MODELS = "cost_strategies.yaml", "models.yaml"
CORRECTIONS, FORMATS = "corrections.yaml", "formats.yaml"
REWRITES = "rewrites.yaml"  # not part of the version: they decide nothing
EntryT = TypeVar("EntryT", bound=EntrySpec)


@cache
def load_routing_catalog() -> RoutingCatalog:
    """The entries that we ship, read once a process."""
    return read_routing_catalog(files("adapters.catalog") / "routing", load_catalog())


def read_routing_catalog(folder: Traversable, vendors: Catalog) -> RoutingCatalog:
    """The entries in the folder; `BadSetup` names the file and the field that is wrong."""
    tags = _once(read_spec(folder / TAGS, TagsFile).tags, TAGS)
    chains = _once(read_spec(folder / CHAINS, ChainsFile).chains, CHAINS)
    strategies = _once(
        read_spec(folder / STRATEGIES, StrategiesFile).strategies, STRATEGIES
    )
    listed = read_spec(folder / MODELS, ModelsFile)
    models = _models(listed, vendors)
    for file, entries in ((TAGS, tags), (CHAINS, chains), (STRATEGIES, strategies)):
        for name in (name for entry in entries.values() for name in entry.names):
            if _split(name) not in models:
                raise BadSetup(f"{file}: {name} is not in {MODELS}")
    for strategy in strategies.values():
        for tag in strategy.capabilities:
            if tag not in tags:
                raise BadSetup(f"{STRATEGIES}: {strategy.id}: there is no tag {tag}")
    return RoutingCatalog(
        version=f"{listed.checked}.{_digest(folder)}",
        tags={name: one.built_in() for name, one in tags.items()},
        chains={name: one.built_in() for name, one in chains.items()},
        strategies={name: one.built_in() for name, one in strategies.items()},
        models=models,
        formats=_formats(folder, vendors),
        rewrites=_rewrites(folder, vendors),
    )


def _models(listed: ModelsFile, vendors: Catalog) -> dict[tuple[str, str], ModelFacts]:
    models: dict[tuple[str, str], ModelFacts] = {}
    for one in listed.models:
        place = _split(one.model)
        if place in models:
            raise BadSetup(f"{MODELS}: {one.model} is there twice")
        _check_vendor(vendors, place[0], MODELS)
        models[place] = one.facts()
    return models


def _formats(folder: Traversable, vendors: Catalog) -> dict[str, frozenset[Format]]:
    formats = read_spec(folder / FORMATS, FormatsFile).formats
    for name in formats:
        _check_vendor(vendors, name, FORMATS)
    for vendor in vendors.all():
        if vendor.id not in formats:
            raise BadSetup(f"{FORMATS}: {vendor.id} is missing")
    return {vendor: frozenset(spoken) for vendor, spoken in formats.items()}


def _rewrites(folder: Traversable, vendors: Catalog) -> dict[str, tuple[Rewrite, ...]]:
    found: dict[str, tuple[Rewrite, ...]] = {}
    for one in read_spec(folder / REWRITES, RewritesFile).rewrites:
        for vendor in one.vendors:
            _check_vendor(vendors, vendor, REWRITES)
            found[vendor] = (*found.get(vendor, ()), one.rewrite())
    return found


def read_corrections(folder: Traversable) -> CorrectionsFile:
    """Where the entries differ from those of the project that this one follows."""
    return read_spec(folder / CORRECTIONS, CorrectionsFile)


def _split(name: str) -> tuple[str, str]:
    vendor, _, model = name.partition("/")
    return vendor, model


def _once(entries: Iterable[EntryT], file: str) -> dict[str, EntryT]:
    found: dict[str, EntryT] = {}
    for entry in entries:
        if entry.id in found:
            raise BadSetup(f"{file}: {entry.id} is there twice")
        found[entry.id] = entry
    return found


def _check_vendor(vendors: Catalog, vendor: str, file: str) -> None:
    try:
        vendors.get(vendor)
    except UnknownVendor as error:
        raise BadSetup(f"{file}: there is no vendor {vendor}") from error


def _digest(folder: Traversable) -> str:
    names = (TAGS, CHAINS, STRATEGIES, MODELS, FORMATS)
    return sha256(b"".join((folder / name).read_bytes() for name in names)).hexdigest()[:8]
