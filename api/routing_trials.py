"""Trials of routing: a team's past calls, with what is known of them, played again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from api.routing_reading import PriceBook, TeamHistory, shelf_now, table_of
from api.wired import Rehearsal, Wired
from domain.errors import InvalidFields
from domain.ids import TeamId
from domain.prices import Price
from domain.routing_decision import RoutingRecord
from domain.routing_facts import TargetState
from domain.routing_policy import Cost, CostWeights, RouteTarget, RoutingPolicy
from domain.routing_replay import PastCall, Ruling, Scenario
from domain.routing_steps import spread, steps_of
from domain.routing_what_if import TrialQuota, WhatIf, what_if
from domain.vendors import Format
from projections.past_calls import PastFilter
from projections.route_table import BotRoute

MOST_CALLS = 100_000
PATHS: Mapping[Format, str] = {
    "openai-chat": "chat/completions",
    "openai-responses": "responses",
    "openai-embeddings": "embeddings",
    "anthropic-messages": "messages",
}
ANYTHING = b'{"model": "auto"}'


class Trials:
    """One trial; what is not set is as it was."""

    def __init__(
        self, system: Wired, rehearsal: Rehearsal, team_id: TeamId, bot: BotRoute
    ) -> None:
        """`bot`: whose provider links say which keys may serve."""
        self._system = system
        self._rehearsal = rehearsal
        self._team_id = team_id
        self._bot = bot
        self._history = TeamHistory(system, team_id)
        self._shelf = shelf_now(system, team_id)
        self._ruling: Ruling | None = None
        self._prices: dict[tuple[str, str], Price] | None = None

    def under(self, policy: RoutingPolicy | None) -> Trials:
        """Every call is decided by this policy."""
        self._ruling = Ruling(policy=policy, shelf=self._shelf)
        return self

    def priced_at(self, prices: dict[tuple[str, str], Price]) -> Trials:
        """Every call is charged anew, these models by these prices."""
        self._prices = prices
        return self

    def run(self, wanted: PastFilter, quotas: Sequence[TrialQuota] | None) -> WhatIf:
        """What comes of it; refused if there are more than 100,000 calls to play."""
        past = self._system.past_calls
        if wanted.since >= wanted.until:
            raise InvalidFields(**{"from": "after-to"})
        if past.count(wanted) > MOST_CALLS:
            raise InvalidFields(**{"from": "too-many-calls"})
        book = PriceBook(self._system, self._team_id, self._prices or {})
        scenario = Scenario(
            ruling=self._rules,
            price_of=book.price_of,
            reprice=self._prices is not None,
            standing=self._standing,
        )
        calls = past.replay(wanted, self._history.scopes)
        return what_if(calls, scenario, quotas)

    def _rules(self, call: PastCall, record: RoutingRecord) -> Ruling:
        if self._ruling is not None:
            return self._ruling
        return Ruling(
            policy=self._history.policy(call.bot_id, record.policy_version),
            shelf=self._history.shelf(record.shelf_version),
        )

    def _standing(self, spoken: Format) -> dict[RouteTarget, TargetState]:
        """How the targets of the policy stand now: the past told nothing of some."""
        if self._ruling is None or self._ruling.policy is None or spoken not in PATHS:
            return {}
        steps = steps_of(self._ruling.policy, self._shelf)
        targets = tuple(one.target for one in spread(steps, self._shelf, []))
        # All that is known of each target is looked up for a policy that weighs costs.
        looked_up = Cost(weights=CostWeights(cost=1), targets=targets)
        table = table_of(self._system, self._team_id)
        bot = replace(self._bot, routing=looked_up)
        record = self._rehearsal.decide(table, bot, PATHS[spoken], ANYTHING)
        return {} if record is None else {one.target: one.state for one in record.weighed}
