"""Which models a bot's provider links name, and which they leave open.

A link for all models (`*`) names none. What is asked for by name goes to such a link's
vendor if a list or a price has the model there; if none has it anywhere, to the vendors of
which nobody can tell what they have (deployments, aggregators, one's own server).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

from domain.bot_events import ProviderLink
from domain.routing import why_unfit
from domain.routing_catalog import LISTED_WHOLE, RoutingCatalog
from domain.routing_facts import BotModels, RequestFacts
from domain.routing_plan import AUTO
from domain.routing_policy import RouteTarget, RoutingShelf
from domain.routing_steps import Planned
from domain.vendors import Format
from projections.route_table import BotRoute, RouteTable
from proxy.admission import Admission
from proxy.target_states import ALL, TargetStates, named_by, remember


class LinkedModels:
    """One for each process; lives in its event loop."""

    def __init__(
        self, admission: Admission, catalog: RoutingCatalog, states: TargetStates
    ) -> None:
        self._admission = admission
        self._catalog = catalog
        self._states = states
        self._usual: dict[tuple[UUID, Format], tuple[BotRoute, int, BotModels]] = {}

    @property
    def _table(self) -> RouteTable:
        return self._admission.routes.table

    def of(self, bot: BotRoute, facts: RequestFacts, shelf: RoutingShelf) -> BotModels:
        """What the links name, which of it "auto" means, and where an open name may go."""
        usual, asked = self._usual_of(bot, facts.format), facts.requested_model
        if asked is None or asked == AUTO or asked in shelf.chains:
            return usual
        if any(target.model == asked for target in usual.named):
            return usual
        return replace(usual, left_open=self._left_open(bot, asked))

    def _usual_of(self, bot: BotRoute, spoken: Format) -> BotModels:
        """What does not change with every call, until the bot or a key does."""
        place, changes = (bot.bot_id, spoken), self._table.key_changes
        found = self._usual.get(place)
        if found is None or found[0] is not bot or found[1] != changes:
            models = BotModels(
                primary=self._primary(bot, spoken),
                named=tuple(dict.fromkeys(self._named(bot))),
            )
            found = bot, changes, models
            remember(self._usual, place, found)
        return found[2]

    def _primary(self, bot: BotRoute, spoken: Format) -> RouteTarget | None:
        """The first that can be asked in that format, or else the first.

        Those are the links' primary models, or else of links that name just one model that.
        """
        chosen = [(link, link.primary_model) for link in bot.links if link.primary_model]
        alone = [
            (link, link.models[0])
            for link in bot.links
            if len(link.models) == 1 and link.models[0] != ALL
        ]
        targets = [
            target
            for link, model in chosen or alone
            for target in self._targets(bot, link, model)
        ]
        facts = RequestFacts(format=spoken)
        fit = (one for one in targets if self._fits(bot, one, facts))
        return next(fit, targets[0] if targets else None)

    def _fits(self, bot: BotRoute, target: RouteTarget, facts: RequestFacts) -> bool:
        state = self._states.usual(target, bot, facts.format)
        return why_unfit(Planned(target=target), facts, state) is None

    def _named(self, bot: BotRoute) -> Iterator[RouteTarget]:
        for link in bot.links:
            for name in named_by(link):
                yield from self._targets(bot, link, name)

    def _targets(
        self, bot: BotRoute, link: ProviderLink, model: str
    ) -> Iterator[RouteTarget]:
        """The model at the first vendor that the link leads to, if there is one."""
        for vendor in self._vendors(bot, link):
            yield RouteTarget(vendor=vendor, model=model)
            return

    def _vendors(self, bot: BotRoute, link: ProviderLink) -> Iterator[str]:
        keys = self._table.keys
        if link.provider_key_id is not None:
            key = keys.get(link.provider_key_id)
            if key is not None and key.team_id == bot.team_id:
                yield key.vendor
        elif link.vendor is not None:
            yield link.vendor
        else:
            for key in self._table.keys_of(bot.team_id):
                if link.tag in key.tags:
                    yield key.vendor

    def _left_open(self, bot: BotRoute, model: str) -> tuple[RouteTarget, ...]:
        """Where the links for all models may ask for it, in their order."""
        vendors = dict.fromkeys(
            vendor
            for link in bot.links
            if ALL in link.models
            for vendor in self._vendors(bot, link)
        )
        targets = [RouteTarget(vendor=vendor, model=model) for vendor in vendors]
        known = [one for one in targets if self._has(bot, one)]
        untold = [one for one in targets if one.vendor not in LISTED_WHOLE]
        return tuple(known or untold)

    def _has(self, bot: BotRoute, target: RouteTarget) -> bool:
        listed = (target.vendor, target.model) in self._catalog.models
        return listed or self._states.priced(target, bot)
