"""What a policy, a chain, a tag or a strategy may not say.

Every mistake is told at once, under the path of its field (`rules.0.steps.1.model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.routing_faults import Faults, KnownModels
from domain.routing_policy import (
    CapabilityTag,
    ChainStep,
    Complexity,
    Cost,
    CostStrategy,
    Failover,
    FallbackChain,
    Function,
    LoadBalance,
    RouteTarget,
    RoutingPolicy,
    RoutingShelf,
    Rule,
    WeightedTarget,
)

MOST_RULES = 64


def check_policy(policy: RoutingPolicy, shelf: RoutingShelf, models: KnownModels) -> None:
    """Refuse with `InvalidFields` what no call could be routed by."""
    faults = Faults(shelf, models)
    match policy:
        case LoadBalance():
            _shares(policy.targets, faults)
        case Failover():
            _failover(policy, faults)
        case Function():
            _function(policy, faults)
        case Cost():
            _cost(policy, faults)
        case Complexity():
            for level in ("simple", "medium", "complex"):
                faults.steps(level, getattr(policy, level))
            if policy.classifier is not None:
                _classifier(policy.classifier, faults)
        case _:
            faults.target("target", policy.target)
    faults.refuse()


def check_chain(chain: FallbackChain, shelf: RoutingShelf, models: KnownModels) -> None:
    """Refuse with `InvalidFields` a chain that leads nowhere, or to itself."""
    faults = Faults(replace(shelf, chains={**shelf.chains, chain.id: chain}), models)
    faults.name("id", chain.id)
    faults.steps("steps", chain.steps)
    faults.trigger("trigger", chain.trigger)
    faults.retry("retry", chain.retry)
    faults.loops("steps", (ChainStep(chain=chain.id),))
    faults.refuse()


def check_tag(tag: CapabilityTag, shelf: RoutingShelf, models: KnownModels) -> None:
    """Refuse with `InvalidFields` a tag that recognises nothing, or by other tags."""
    faults = Faults(shelf, models)
    faults.name("id", tag.id)
    faults.whole("priority", tag.priority, range(1001))
    if tag.detect is not None:
        faults.conditions("detect", tag.detect)
        if tag.detect.capabilities:
            faults.add("detect.capabilities", "not-in-a-tag")
    faults.targets("models", tag.models)
    faults.refuse()


def check_strategy(
    strategy: CostStrategy, shelf: RoutingShelf, models: KnownModels
) -> None:
    """Refuse with `InvalidFields` a strategy that weighs nothing."""
    faults = Faults(shelf, models)
    faults.name("id", strategy.id)
    faults.weights("weights", strategy.weights)
    faults.limits("limits", strategy.limits)
    faults.scenarios("scenarios", strategy.scenarios)
    faults.targets("models", strategy.models)
    faults.refuse()


def _shares(targets: Sequence[WeightedTarget], faults: Faults) -> None:
    faults.targets("targets", [weighted.target for weighted in targets])
    for nth, weighted in enumerate(targets):
        faults.weight(f"targets.{nth}.weight", weighted.weight)
    if not targets:
        faults.add("targets", "empty")
    elif not any(weighted.weight > 0 for weighted in targets):
        faults.add("targets", "no-weight")


def _failover(policy: Failover, faults: Faults) -> None:
    if policy.chain is not None:
        if policy.steps:
            faults.add("steps", "chain-or-steps")
        faults.steps("chain", (ChainStep(chain=policy.chain),), named=True)
    else:
        faults.steps("steps", policy.steps)
    if policy.trigger is not None:
        faults.trigger("trigger", policy.trigger)
    if policy.retry is not None:
        faults.retry("retry", policy.retry)


def _function(policy: Function, faults: Faults) -> None:
    if len(policy.rules) > MOST_RULES:
        faults.add("rules", "too-many")
        return
    known: dict[str, Rule] = {}
    for nth, rule in enumerate(policy.rules):
        faults.name(f"rules.{nth}.id", rule.id)
        if rule.id in known:
            faults.add(f"rules.{nth}.id", "twice")
        faults.conditions(f"rules.{nth}.when", rule.when)
        if any(rule.when == earlier.when for earlier in known.values()):
            faults.add(f"rules.{nth}.when", "never-reached")
        faults.steps(f"rules.{nth}.steps", rule.steps)
        known[rule.id] = rule
    faults.steps("default", policy.default)


def _classifier(target: RouteTarget, faults: Faults) -> None:
    """It is asked as the bot itself would: under any key of its, in OpenAI's format."""
    faults.target("classifier", target)
    for name in ("tag", "protocol"):
        if getattr(target, name) is not None:
            faults.add(f"classifier.{name}", "not-for-a-classifier")


def _cost(policy: Cost, faults: Faults) -> None:
    found = None
    if policy.strategy is not None:
        found = faults.shelf.strategies.get(policy.strategy)
        if found is None:
            faults.add("strategy", "unknown")
    elif policy.weights is None:
        faults.add("strategy", "strategy-or-weights")
    if policy.weights is not None:
        faults.weights("weights", policy.weights)
    if policy.limits is not None:
        faults.limits("limits", policy.limits)
    faults.targets("targets", policy.targets)
    if not policy.targets and (found is None or not found.models):
        faults.add("targets", "empty")
