"""How targets stand for a bot's calls, as far as this process knows.

What does not change with every call (which keys a target has, in which formats it can be
asked) is remembered until the bot or a key changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from application.ports import BoundedPrices
from domain.bot_events import ProviderLink
from domain.calls import CallFacts
from domain.destinations import parse_base_url
from domain.routing_catalog import RoutingCatalog
from domain.routing_facts import Abilities, TargetState
from domain.routing_policy import RouteTarget
from domain.turns import Share, in_turn
from domain.usage import Usage, UsageSource
from domain.vendors import Format
from projections.route_table import BotRoute, KeyRoute, RouteTable
from proxy.admission import Admission
from proxy.key_healths import AllKeysCooling
from proxy.latencies import Latencies

MOST_REMEMBERED = 10_000
MILLION = 1_000_000
PRICED_TOKENS = 100_000  # no lower tier of a price ends before
READ = Usage(input_tokens=PRICED_TOKENS, output_tokens=0, source=UsageSource.ESTIMATED)
WRITTEN = Usage(input_tokens=0, output_tokens=PRICED_TOKENS, source=UsageSource.ESTIMATED)
ALL = "*"

PlaceT = TypeVar("PlaceT")
ValueT = TypeVar("ValueT")


@dataclass(kw_only=True, slots=True)
class Looks:
    """What a decision looks at, and for which call."""

    bot: BotRoute
    spoken: Format
    dice: int
    scored: bool  # prices and abilities
    timed: bool  # latencies


@dataclass(kw_only=True, slots=True)
class _Known:
    """A target as a bot's call sees it, as long as bot and keys stay as they are."""

    bot: BotRoute
    changes: int
    usual: TargetState  # while its only key, if it has just one, is well
    shares: list[Share[KeyRoute]] = field(default_factory=list)
    only: list[KeyRoute] = field(default_factory=list)  # the one key, if it is one
    abilities: Abilities | None = None


class TargetStates:
    """One for each process; lives in its event loop."""

    def __init__(
        self,
        admission: Admission,
        catalog: RoutingCatalog,
        prices: BoundedPrices,
        latencies: Latencies,
    ) -> None:
        self._admission = admission
        self._catalog = catalog
        self._prices = prices
        self._latencies = latencies
        self._targets: dict[tuple[UUID, Format, RouteTarget], _Known] = {}

    @property
    def _table(self) -> RouteTable:
        return self._admission.routes.table

    def of(self, target: RouteTarget, looks: Looks) -> TargetState:
        """How it stands for the call, as far as its decision looks."""
        known = self._known_of(target, looks.bot, looks.spoken)
        timed = looks.timed
        if not known.shares:
            return known.usual
        linked = known.only or in_turn(known.shares, looks.dice)
        keys, cooling = self._ready(linked)
        strained = bool(keys) and self._admission.healths.strained(keys)
        if keys is known.only and not (strained or timed):
            return known.usual
        price = self._price(looks.bot, target) if looks.scored else (None, None)
        return replace(
            known.usual,
            keys=tuple([key.key_id for key in keys]),
            cooling=cooling,
            strained=strained,
            latency_ms=self._latency(target, looks, keys) if timed else None,
            input_price=price[0],
            output_price=price[1],
            abilities=known.abilities if looks.scored else None,
        )

    def usual(self, target: RouteTarget, bot: BotRoute, spoken: Format) -> TargetState:
        """How it stands apart from how its keys do."""
        return self._known_of(target, bot, spoken).usual

    def priced(self, target: RouteTarget, bot: BotRoute) -> bool:
        """Whether a list or the team has a price for that model at that vendor."""
        return self._price(bot, target) != (None, None)

    def _known_of(self, target: RouteTarget, bot: BotRoute, spoken: Format) -> _Known:
        """What does not change with every call, until the bot or a key does."""
        changes = self._table.key_changes
        place = (bot.bot_id, spoken, target)
        known = self._targets.get(place)
        if known is None or known.bot is not bot or known.changes != changes:
            known = self._look(target, bot, spoken)
            remember(self._targets, place, known)
        return known

    def _look(self, target: RouteTarget, bot: BotRoute, spoken: Format) -> _Known:
        table, changes = self._table, self._table.key_changes
        vendor = self._admission.vendor_or_none(target.vendor)
        if vendor is None:
            return _Known(bot=bot, changes=changes, usual=TargetState(known=False))
        facts = self._catalog.facts(vendor.id, target.model)
        shares = [
            replace(share, members=_tagged(share.members, target.tag))
            for share in table.shares(_as_named(bot, target.model), vendor.id, target.model)
        ]
        keys = [key for share in shares for key in share.members]
        only = keys if len(keys) == 1 else []
        speaks = any(
            self._catalog.serves(vendor, target.model, spoken, base_path=path)
            for path in _base_paths(keys, vendor.base_url)
        )
        usual = TargetState(
            speaks=speaks, keys=tuple(key.key_id for key in only), kind=facts.kind
        )
        return _Known(
            bot=bot,
            changes=changes,
            usual=usual,
            shares=[share for share in shares if share.members],
            only=only,
            abilities=facts.abilities,
        )

    def cools_for(self, target: RouteTarget, looks: Looks) -> int:
        """The seconds until it has a key that may be tried; 1 where it has one by now."""
        known = self._known_of(target, looks.bot, looks.spoken)
        try:
            self._admission.healths.ready(in_turn(known.shares, looks.dice))
        except AllKeysCooling as error:
            return error.retry_after_seconds or 1
        return 1

    def _ready(self, keys: list[KeyRoute]) -> tuple[list[KeyRoute], int]:
        """Those that a call may try now, and how many only have to cool."""
        try:
            return self._admission.healths.ready(keys), 0
        except AllKeysCooling:
            return [], len(keys)

    def _latency(
        self, target: RouteTarget, looks: Looks, keys: list[KeyRoute]
    ) -> int | None:
        """In milliseconds, where the first of the keys leads.

        Where costs are weighed, errors say nothing about it.
        """
        if not keys:
            return None
        if looks.scored:
            return self._latencies.of(keys[0], target.model)
        return self._latencies.answering(looks.bot.bot_id, keys[0], target.model)

    def _price(self, bot: BotRoute, target: RouteTarget) -> tuple[int | None, int | None]:
        """Micro-dollars for a million usual tokens in, and out."""
        facts = CallFacts(
            team_id=bot.team_id,
            bot_id=bot.bot_id,
            hostname=None,
            vendor=target.vendor,
            model=None,
            requested_model=target.model,
            provider_key_id=None,
            admitted_at=datetime.now(UTC),
        )
        return tuple(  # type: ignore[return-value]
            None if cost is None else cost * MILLION // PRICED_TOKENS
            for cost, _ in (
                self._prices.priced(READ, facts),
                self._prices.priced(WRITTEN, facts),
            )
        )


def _as_named(bot: BotRoute, model: str) -> BotRoute:
    """The bot with the links that name the model, if any does: it is theirs then."""
    naming = tuple(link for link in bot.links if model in named_by(link))
    return replace(bot, links=naming) if naming else bot


def named_by(link: ProviderLink) -> Iterator[str]:
    """The models that a link names."""
    if link.primary_model is not None:
        yield link.primary_model
    yield from (name for name in link.models if name != ALL)


def _base_paths(keys: Iterable[KeyRoute], usual: str | None) -> set[str]:
    """The paths below which the keys' vendors are asked."""
    bases = {key.base_url or usual for key in keys} or {usual}
    return {parse_base_url(base).path if base else "" for base in bases}


def remember(kept: dict[PlaceT, ValueT], place: PlaceT, value: ValueT) -> None:
    """Remember it, and forget what was kept first where that is too much."""
    if place not in kept and len(kept) >= MOST_REMEMBERED:
        del kept[next(iter(kept))]
    kept[place] = value


def _tagged(keys: Sequence[KeyRoute], tag: str | None) -> Sequence[KeyRoute]:
    return keys if tag is None else [key for key in keys if tag in key.tags]
