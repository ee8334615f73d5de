"""Where an `auto` call goes: gathers what routing decides on, and carries the decision out.

The rules are in `domain/routing.py`. What they ask is in this process's memory: the bot's
policy and keys (route table), how keys and targets have done lately, prices, the catalogs.
Every process counts its turns from a random start, for each bot and format.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from uuid import UUID

from application.ports import BoundedPrices
from domain.routing import decide
from domain.routing_catalog import RoutingCatalog
from domain.routing_decision import Decision, RoutingRecord, WhyNot
from domain.routing_facts import (
    Answers,
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
from projections.route_table import BotRoute, RouteTable
from proxy.admission import Admission
from proxy.latencies import Latencies
from proxy.linked_models import LinkedModels
from proxy.target_states import Looks, TargetStates, named_by, remember

EMBEDS: Format = "openai-embeddings"  # where nothing is hard


@dataclass(kw_only=True, slots=True)  # not frozen, as all that is made for each call
class Question:
    """One call, as far as routing asks."""

    bot: BotRoute
    facts: RequestFacts
    words: RequestWords
    dice: int  # the call's own random number
    token_id: str | None = None  # that the call came with
    only_counts: bool = False  # tokens: it takes no turn of those that are answered


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
        self._models = LinkedModels(admission, catalog, self._states)

    @property
    def _table(self) -> RouteTable:
        return self._admission.routes.table

    def answers(self, question: Question) -> Answers:
        """What the policy's rules ask about the user's words, answered."""
        return answered(question.bot.routing, self._shelf(question), question.words)

    def classifier(self, question: Question) -> RouteTarget | None:
        """The model that is to say how hard the request is, where that will matter."""
        policy, facts = question.bot.routing, question.facts
        if not isinstance(policy, Complexity) or question.only_counts:
            return None
        if facts.format == EMBEDS or facts.requested_model not in {None, AUTO}:
            return None
        if not question.words.text:  # a picture alone, say: there is nothing to ask about
            return None
        return policy.classifier

    def decided(
        self, question: Question, answers: Answers
    ) -> tuple[Decision, RoutingRecord]:
        """The decision, and the record that its call keeps."""
        bot, facts = question.bot, question.facts
        shelf = self._shelf(question)
        models = self._models.of(bot, facts, shelf)
        planned = plan(
            bot.routing,
            shelf=shelf,
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
        turn = Turn(count=self._count(question), dice=question.dice)
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

    def cools_for(self, question: Question, decision: Decision) -> int:
        """The seconds until the first of its targets that cool has a key again."""
        looks = Looks(
            bot=question.bot,
            spoken=question.facts.format,
            dice=question.dice,
            scored=False,
            timed=False,
        )
        cooling = (one.target for one in decision.skipped if one.why is WhyNot.COOLING)
        waits = [self._states.cools_for(target, looks) for target in cooling]
        return min(waits, default=1)

    async def catch_up(self) -> None:
        """The table is brought up to the log's head, or 250 ms are over."""
        await self._admission.routes.catch_up()

    def renewed(self, question: Question) -> Question:
        """The same about the bot as it is known by now, as far as its token reaches."""
        bot = self._table.bot_of(question.bot.bot_id, question.token_id)
        return question if bot is None else replace(question, bot=bot)

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

    def _count(self, question: Question) -> int:
        place = (question.bot.bot_id, question.facts.format)
        count = self._turns.pop(place, None)
        if count is None:
            count = random.getrandbits(32)
        remember(self._turns, place, count + (not question.only_counts))
        return count
