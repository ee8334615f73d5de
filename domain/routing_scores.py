"""Scores of targets under a cost strategy, in whole millionths, so that they never waver.

    cost         the cheapest target's price of this request, divided by this target's
    performance  the fastest measured latency divided by this one; where nothing was
                 measured, the speed that the table of abilities gives the model
    capability   the abilities that the strategy's scenarios ask for

Each is at most one and counts by its weight. An unknown price scores nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from domain.routing_decision import WhyNot
from domain.routing_facts import Abilities, RequestFacts, TargetState
from domain.routing_order import Standing
from domain.routing_policy import CostLimits, CostStrategy, ScenarioWeights

ONE = 1_000_000
PERCENT = 100
EXPECTED_OUTPUT = 500  # tokens, unless the request wants fewer
_UNKNOWN = Abilities()
_SCENARIOS = tuple(field.name for field in fields(ScenarioWeights))
_EQUALLY = ScenarioWeights(reasoning=1, coding=1, creativity=1)


def expected_output(facts: RequestFacts) -> int:
    """Tokens that the answer will have, at a guess."""
    if facts.format == "openai-embeddings":
        return 0
    if facts.max_output_tokens is None:
        return EXPECTED_OUTPUT
    return min(EXPECTED_OUTPUT, facts.max_output_tokens)


def expected_cost(state: TargetState, facts: RequestFacts) -> int | None:
    """Micro-dollars that the request will cost there, at a guess; None: price unknown."""
    output = expected_output(facts)
    if state.input_price is None or (output and state.output_price is None):
        return None
    cost = facts.input_tokens * state.input_price + output * (state.output_price or 0)
    return -(-cost // ONE)


def capability(state: TargetState, scenarios: ScenarioWeights) -> int:
    """From 0 to 100: the abilities, weighed by what the scenarios ask for."""
    abilities = state.abilities or _UNKNOWN
    weights = {name: getattr(scenarios, name) for name in _SCENARIOS}
    if not sum(weights.values()):
        weights = {name: getattr(_EQUALLY, name) for name in _SCENARIOS}
    total = sum(weight * getattr(abilities, name) for name, weight in weights.items())
    return int(total // sum(weights.values()))


def beyond(
    state: TargetState, facts: RequestFacts, limits: CostLimits, able: int
) -> WhyNot | None:
    """The limit that the target is beyond, if any."""
    if limits.max_cost_micro_usd is not None:
        cost = expected_cost(state, facts)
        if cost is None:
            return WhyNot.NO_PRICE
        if cost > limits.max_cost_micro_usd:
            return WhyNot.TOO_EXPENSIVE
    if (
        limits.max_latency_ms is not None
        and (state.latency_ms or 0) > limits.max_latency_ms
    ):
        return WhyNot.TOO_SLOW
    if limits.min_capability is not None and able < limits.min_capability:
        return WhyNot.TOO_WEAK
    return None


def scored(
    strategy: CostStrategy, usable: Sequence[Standing], facts: RequestFacts
) -> list[tuple[Standing, int]]:
    """The targets with their scores, the best first; of equals, the one named first."""
    costs = [expected_cost(state, facts) for _, state in usable]
    cheapest = max(min((cost for cost in costs if cost is not None), default=0), 1)
    measured = [state.latency_ms for _, state in usable if state.latency_ms is not None]
    fastest = max(min(measured, default=0), 1)
    weights = strategy.weights
    total = max(weights.cost + weights.performance + weights.capability, 1)

    def score(state: TargetState, cost: int | None) -> int:
        cheap = 0 if cost is None else cheapest * ONE // max(cost, cheapest)
        able = capability(state, strategy.scenarios) * ONE // PERCENT
        if state.latency_ms is None:
            speed = (state.abilities or _UNKNOWN).speed * ONE // PERCENT
        else:
            speed = fastest * ONE // max(state.latency_ms, fastest)
        parts = (
            weights.cost * cheap,
            weights.performance * speed,
            weights.capability * able,
        )
        return sum(parts) // total

    pairs = zip(usable, costs, strict=True)
    scores = [(one, score(one[1], cost)) for one, cost in pairs]
    return sorted(scores, key=lambda pair: -pair[1])
