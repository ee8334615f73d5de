"""The built-in tags, chains and strategies, and what is known of the models in them.

Vendors share sets of endpoints, which open paths that some of them do not have. So which
formats a vendor answers in is listed apart, and a model may answer in fewer (`serves`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Generic, TypeVar

from domain.catalog import PathNotAllowed, Vendor, target
from domain.routing_facts import Abilities
from domain.routing_policy import (
    CapabilityTag,
    CostStrategy,
    FallbackChain,
    Kind,
    RoutingShelf,
)
from domain.routing_words import fits
from domain.vendors import Format

EntryT_co = TypeVar("EntryT_co", covariant=True)

# Vendors that only sell their own models: the lists of `genai-prices` have every one. Of
# others (deployments, aggregators, one's own server) nobody can tell what they have.
LISTED_WHOLE = frozenset(
    {
        "anthropic",
        "cohere",
        "deepseek",
        "google",
        "mistral",
        "moonshot",
        "openai",
        "perplexity",
        "zhipu",
    }
)

_TAILS: Mapping[Format, str] = {
    "openai-chat": "chat/completions",
    "openai-responses": "responses",
    "openai-embeddings": "embeddings",
    "anthropic-messages": "v1/messages",
}
SPOKEN = frozenset(_TAILS)  # the formats of `auto` calls


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltIn(Generic[EntryT_co]):
    """An entry that every team has, and what people call it, by language."""

    entry: EntryT_co
    names: Mapping[str, str]
    descriptions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFacts:
    """What a model makes, what it is good at, and in which formats it can be asked."""

    kind: Kind | None = None  # None: nobody knows
    abilities: Abilities | None = None
    formats: tuple[Format, ...] | None = None  # None: all that its vendor speaks

    def answers_in(self, spoken: Format) -> bool:
        """Whether it can be asked in that format, if its vendor speaks it."""
        return self.formats is None or spoken in self.formats


NO_FACTS = ModelFacts()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rewrite:
    """What some models do not take of a request in that format, or pass over."""

    models: tuple[str, ...]  # a star stands for any characters
    format: Format
    rename: Mapping[str, str]  # fields that have another name there
    drop: tuple[str, ...]  # fields that are left out


@dataclass(frozen=True, kw_only=True)
class RoutingCatalog:
    """Everything that is built in. The version changes with all that decides."""

    version: str
    tags: Mapping[str, BuiltIn[CapabilityTag]]
    chains: Mapping[str, BuiltIn[FallbackChain]]
    strategies: Mapping[str, BuiltIn[CostStrategy]]
    models: Mapping[tuple[str, str], ModelFacts]  # by vendor and model
    formats: Mapping[str, frozenset[Format]]  # that vendors answer in, by vendor
    rewrites: Mapping[str, tuple[Rewrite, ...]] = field(default_factory=dict)  # by vendor

    @cached_property
    def shelf(self) -> RoutingShelf:
        """What a policy may name, of a team without entries of its own."""
        return RoutingShelf(
            chains={name: one.entry for name, one in self.chains.items()},
            tags={name: one.entry for name, one in self.tags.items()},
            strategies={name: one.entry for name, one in self.strategies.items()},
        )

    def facts(self, vendor: str, model: str) -> ModelFacts:
        """What is known of the model; nothing, for most."""
        return self.models.get((vendor, model), NO_FACTS)

    def rewrites_for(self, vendor: str, model: str, spoken: Format) -> Iterator[Rewrite]:
        """What must be changed in a request in that format to that model."""
        for rewrite in self.rewrites.get(vendor, ()):
            if rewrite.format == spoken and _among(rewrite.models, model):
                yield rewrite

    def serves(
        self, vendor: Vendor, model: str, spoken: Format, *, base_path: str = ""
    ) -> bool:
        """Whether the vendor's model can be asked in that format, below that base path."""
        return (
            spoken in self.formats.get(vendor.id, ())
            and self.facts(vendor.id, model).answers_in(spoken)
            and _opens(vendor, spoken, base_path)
        )


@lru_cache(maxsize=4096)
def _among(names: tuple[str, ...], model: str) -> bool:
    return any(fits(name, model) for name in names)


@lru_cache(maxsize=4096)
def _opens(vendor: Vendor, spoken: Format, base_path: str) -> bool:
    tail = _TAILS.get(spoken)
    if tail is None:
        return False
    try:
        found = target(
            vendor, base_path=base_path, method="POST", tail=tail, allow_paths="inference"
        )
    except PathNotAllowed:
        return False
    return found.endpoint.format == spoken
