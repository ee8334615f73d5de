"""Where an `auto` call goes: gathers what routing decides on, and carries the decision out.

The rules are in `domain/routing.py`. What they ask is in this process's memory: the bot's
policy and keys (route table), how keys and targets have done lately, prices, the catalogs.
Every process counts its turns from a random start, for each bot and format.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from application.ports import BoundedPrices
from domain.bot_events import ProviderLink
from domain.routing import decide
from domain.routing_catalog import RoutingCatalog
from domain.routing_decision import Decision, RoutingRecord
from domain.routing_facts import (
    Answers,
    BotModels,
    RequestFacts,
    RequestWords,
    Turn,
)
from domain.routing_plan import AUTO, plan
from domain.routing_policy import ChainStep, Complexity, RouteTarget, RoutingShelf
from domain.routing_record import record_of
from domain.routing_steps import spread, steps_of
from domain.routing_words import answered
from domain.vendors import Format
from projections.route_table import BotRoute, KeyRoute, RouteTable
from proxy.admission import Admission
from proxy.latencies import Latencies
from proxy.target_states import ALL, Looks, TargetStates, named_by, remember


@dataclass(kw_only=True, slots=True)  # not frozen, as all that is made for each call
class Question:
    """One call, as far as routing asks."""

    bot: BotRoute
    facts: RequestFacts
    words: RequestWords
    dice: int  # the call's own random number


class Router:
    """One for each process; lives in its event loop."""

    def __init__(
        self,
        admission: Admission,
        catalog: RoutingCatalog,
        prices: BoundedPrices,
        latencies: Latencies,
    ) -> None:
        self._admission = admission
        self.catalog = catalog
        self._states = TargetStates(admission, catalog, prices, latencies)
        self._turns: dict[tuple[UUID, Format], int] = {}
        self._models: dict[UUID, tuple[BotRoute, int, BotModels]] = {}

    @property
    def _table(self) -> RouteTable:
        return self._admission.routes.table

    def answers(self, question: Question) -> Answers:
        """What the policy's rules ask about the user's words, answered."""
        return answered(question.bot.routing, self._shelf(question), question.words)

    def classifier(self, question: Question) -> RouteTarget | None:
        """The model that is to say how hard the request is, where that will matter."""
        policy, asked = question.bot.routing, question.facts.requested_model
        if isinstance(policy, Complexity) and asked in {None, AUTO}:
            return policy.classifier
        return None

    def decided(
        self, question: Question, answers: Answers
    ) -> tuple[Decision, RoutingRecord]:
        """The decision, and the record that its call keeps."""
        bot, facts = question.bot, question.facts
        models = self.models_of(bot)
        planned = plan(
            bot.routing,
            shelf=self._shelf(question),
            facts=facts,
            answers=answers,
            bot=models,
        )
        looks = Looks(
            bot=bot,
            spoken=facts.format,
            dice=question.dice,
            scored=planned.scored,
            timed=planned.timed,
        )
        states = {one: self._states.of(one, looks) for one in planned.targets}
        turn = Turn(count=self._count(bot.bot_id, facts.format), dice=question.dice)
        decision = decide(planned, facts=facts, states=states, turn=turn)
        versions = (
            bot.routing_version,
            self._table.shelves.version(bot.team_id),
            self.catalog.version,
        )
        record = record_of(
            decision,
            planned,
            versions=versions,
            facts=facts,
            answers=answers,
            bot=models,
            states=states,
            turn=turn,
        )
        return decision, record

    async def catch_up(self) -> None:
        """The table is brought up to the log's head, or 250 ms are over."""
        await self._admission.routes.catch_up()

    def renewed(self, question: Question) -> Question:
        """The same about the bot as the table has it by now."""
        bot = self._table.bots.get(question.bot.bot_id, question.bot)
        return replace(question, bot=bot)

    def models_of(self, bot: BotRoute) -> BotModels:
        """What the bot's provider links name, and which of it is meant by "auto"."""
        changes = self._table.key_changes
        found = self._models.get(bot.bot_id)
        if found is None or found[0] is not bot or found[1] != changes:
            named = tuple(dict.fromkeys(self._named(bot, bot.links)))
            found = bot, changes, BotModels(primary=self._primary(bot), named=named)
            remember(self._models, bot.bot_id, found)
        return found[2]

    def names_for(self, bot: BotRoute) -> tuple[str, ...]:
        """What its calls may name as a model: "auto" and what its links and policy name.

        Every other chain's id may be named too.
        """
        names = [name for link in bot.links for name in named_by(link)]
        if bot.routing is not None:
            shelf = self._table.shelves.of(bot.team_id)
            steps = steps_of(bot.routing, shelf)
            names += [step.chain for step in steps if isinstance(step, ChainStep)]
            names += [planned.target.model for planned in spread(steps, shelf, [])]
        return tuple(dict.fromkeys([AUTO, *names])) if names else ()

    def _shelf(self, question: Question) -> RoutingShelf:
        return self._table.shelves.of(question.bot.team_id)

    def _count(self, bot_id: UUID, spoken: Format) -> int:
        place = (bot_id, spoken)
        count = self._turns.pop(place, None)
        if count is None:
            count = random.getrandbits(32)
        remember(self._turns, place, count + 1)
        return count

    def _primary(self, bot: BotRoute) -> RouteTarget | None:
        """Of the first link that has a primary model, or else that names just one."""
        for link in bot.links:
            if link.primary_model is not None:
                return self._target(bot, link, link.primary_model)
        for link in bot.links:
            if len(link.models) == 1 and link.models[0] != ALL:
                return self._target(bot, link, link.models[0])
        return None

    def _named(self, bot: BotRoute, links: Iterable[ProviderLink]) -> Iterator[RouteTarget]:
        for link in links:
            for name in named_by(link):
                target = self._target(bot, link, name)
                if target is not None:
                    yield target

    def _target(self, bot: BotRoute, link: ProviderLink, model: str) -> RouteTarget | None:
        vendor = _vendor_of(link, bot, self._table)
        return None if vendor is None else RouteTarget(vendor=vendor, model=model)


def _vendor_of(link: ProviderLink, bot: BotRoute, table: RouteTable) -> str | None:
    keys: Mapping[UUID, KeyRoute] = table.keys
    if link.provider_key_id is not None:
        key = keys.get(link.provider_key_id)
        return key.vendor if key is not None and key.team_id == bot.team_id else None
    if link.vendor is not None:
        return link.vendor
    tagged = (
        key.vendor
        for key in keys.values()
        if key.team_id == bot.team_id and link.tag in key.tags
    )
    return next(tagged, None)
