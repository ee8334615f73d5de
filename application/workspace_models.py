"""Which models of which vendors a bot may ask for, from its provider links.

A link names keys, and keys belong to vendors. Where a link or a key says "all", it is the
text models that the catalog knows of the vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from domain.bot_events import ProviderLink
from domain.catalog import Catalog, UnknownVendor
from domain.routing_catalog import RoutingCatalog
from domain.routing_words import fits
from domain.vendors import Format, Vendor
from domain.workspace.facts import Api, ModelChoice, VendorChoice

ALL = "*"
MOST_MODELS = 100  # of one vendor: more than anybody looks through
# What one answer may take at most. Quotas hold as much for each call while it lasts.
MOST_OUTPUT = 8192

_APIS: dict[Format, Api] = {
    "openai-chat": Api.OPENAI,
    "anthropic-messages": Api.ANTHROPIC,
    "gemini": Api.GOOGLE,
    "openai-responses": Api.OPENAI_RESPONSES,
}


@dataclass(frozen=True, kw_only=True)
class TeamKey:
    """A provider key of a team, as far as links are concerned."""

    id: UUID
    vendor: str
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()  # none: all


class TeamKeys(Protocol):
    """Knows a team's keys; it may be a moment behind."""

    def of_team(self, team_id: UUID) -> Sequence[TeamKey]: ...


class LinkedModels:
    """What links lead to."""

    def __init__(
        self,
        vendors: Catalog,
        routing: RoutingCatalog,
        output_limit: Callable[[str], int | None],
    ) -> None:
        self._vendors = vendors
        self._routing = routing
        self._output_limit = output_limit

    def choices(
        self, links: Iterable[ProviderLink], keys: Sequence[TeamKey]
    ) -> tuple[VendorChoice, ...]:
        """The vendors with their models, in the order in which the bot should ask.

        A vendor of whose models none is known stands there without any.
        """
        found: dict[str, dict[str, None]] = {}
        for link in sorted(links, key=lambda link: (link.priority, -link.weight)):
            for vendor, own in _keys_of(link, keys).items():
                names = found.setdefault(vendor, {})
                names.update(dict.fromkeys(self._names(link, vendor, own)))
        return tuple(
            choice
            for vendor, names in found.items()
            if (choice := self._choice(vendor, [*names][:MOST_MODELS])) is not None
        )

    def _names(
        self, link: ProviderLink, vendor: str, keys: Sequence[TeamKey]
    ) -> Iterator[str]:
        if link.primary_model is not None and ALL not in link.primary_model:
            yield link.primary_model
        listed = link.models or (ALL,)
        plain = [name for name in listed if ALL not in name]
        globs = [name for name in listed if ALL in name]
        yield from plain
        named = [name for key in keys for name in key.models if ALL not in name]
        known = [*named, *self._known(vendor)] if named else [*self._known(vendor)]
        for name in known:
            if any(fits(glob, name) for glob in globs) and _a_key_has(keys, name):
                yield name

    def _known(self, vendor: str) -> Iterator[str]:
        for (of_vendor, model), facts in self._routing.models.items():
            if of_vendor == vendor and facts.kind == "text":
                yield model

    def _choice(self, vendor_id: str, names: Sequence[str]) -> VendorChoice | None:
        """None for a vendor that OpenClaw has no words for, or that nobody knows."""
        try:
            vendor = self._vendors.get(vendor_id)
        except UnknownVendor:
            return None
        api = api_of(vendor)
        if api is None:
            return None
        models = tuple(self._model(vendor.id, name) for name in names)
        renamed = any(
            rewrite.rename.get("max_completion_tokens") == "max_tokens"
            for name in names
            for rewrite in self._routing.rewrites_for(vendor.id, name, "openai-chat")
        )
        return VendorChoice(
            vendor=vendor.id, api=api, models=models, old_max_tokens=renamed
        )

    def _model(self, vendor: str, name: str) -> ModelChoice:
        facts = self._routing.facts(vendor, name)
        sees = facts.abilities is not None and facts.abilities.multimodal > 0
        formats = facts.formats or ()
        only_responses = "openai-responses" in formats and "openai-chat" not in formats
        limit = self._output_limit(name) or MOST_OUTPUT
        return ModelChoice(
            id=name,
            max_tokens=min(limit, MOST_OUTPUT),
            images=sees,
            api=Api.OPENAI_RESPONSES if only_responses else None,
        )


def api_of(vendor: Vendor) -> Api | None:
    """How the vendor is spoken to with its own header, in the first of these formats."""
    spoken = {one.format for one in vendor.endpoints if one.auth is None}
    return next((api for name, api in _APIS.items() if name in spoken), None)


def _keys_of(link: ProviderLink, keys: Sequence[TeamKey]) -> dict[str, list[TeamKey]]:
    """The keys that a link means, by vendor; its own vendor even without a key."""
    found: dict[str, list[TeamKey]] = {}
    if link.vendor is not None:
        found[link.vendor] = []
    for key in keys:
        is_meant = (
            link.provider_key_id in {None, key.id}
            and link.vendor in {None, key.vendor}
            and (link.tag is None or link.tag in key.tags)
        )
        if is_meant:
            found.setdefault(key.vendor, []).append(key)
    return found


def _a_key_has(keys: Sequence[TeamKey], name: str) -> bool:
    return not keys or any(
        not key.models or any(fits(one, name) for one in key.models) for key in keys
    )
