"""Which targets a call may go to, before anybody looks at how these stand.

A plan has stages: the first one with a usable target serves the call. Its targets are all
that has to be looked up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, assert_never

from domain.routing_decision import Chose
from domain.routing_facts import Answers, BotModels, RequestFacts
from domain.routing_policy import (
    ChainStep,
    Complexity,
    Cost,
    CostStrategy,
    CostWeights,
    Direct,
    Failover,
    Function,
    Level,
    LoadBalance,
    Retry,
    RouteTarget,
    RoutingPolicy,
    RoutingShelf,
    Step,
    Strategy,
    Trigger,
)
from domain.routing_rules import holds, level_of, unanswered
from domain.routing_steps import Planned, spread, steps_of

AUTO = "auto"
NO_PRIMARY = "no-primary-model"
NOT_LINKED = "model-not-linked"
DEFAULT = "default"  # the steps of a function that no rule chose
INLINE = "inline"  # a strategy that a policy wrote out
_NEXT_LEVELS = {
    Level.SIMPLE: (Level.SIMPLE, Level.MEDIUM, Level.COMPLEX),
    Level.MEDIUM: (Level.MEDIUM, Level.COMPLEX, Level.SIMPLE),
    Level.COMPLEX: (Level.COMPLEX, Level.MEDIUM, Level.SIMPLE),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Stage:
    """Targets, and how they are put in order."""

    targets: tuple[Planned, ...]
    order: Strategy | CostStrategy | Literal["steps"] = "steps"
    because: str | None = None
    trigger: Trigger | None = None
    retry: Retry | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The stages, in order."""

    chose: Chose
    stages: tuple[Stage, ...]
    notes: tuple[str, ...] = ()

    @property
    def targets(self) -> tuple[RouteTarget, ...]:
        """Everything that it may go to, each once."""
        planned = (one.target for stage in self.stages for one in stage.targets)
        return tuple(dict.fromkeys(planned))

    @property
    def scored(self) -> bool:
        """Whether prices and abilities are looked at."""
        return any(isinstance(stage.order, CostStrategy) for stage in self.stages)

    @property
    def timed(self) -> bool:
        """Whether latencies are."""
        return self.scored or any(s.order == "least_latency" for s in self.stages)


def plan(
    policy: RoutingPolicy | None,
    *,
    shelf: RoutingShelf,
    facts: RequestFacts,
    answers: Answers,
    bot: BotModels,
) -> Plan:
    """What the request asks for, or else what the policy says, or else the primary model.

    A model that a provider link names wins over a chain of that name, and that over a link
    that is for all models.
    """
    asked = facts.requested_model
    if asked is not None and asked != AUTO:
        return _as_asked(asked, policy, shelf, bot)
    if policy is not None:
        return _Planner(shelf, facts, answers).plan(policy)
    if bot.primary is None:
        return Plan(chose="primary", stages=(), notes=(NO_PRIMARY,))
    return Plan(chose="primary", stages=(Stage(targets=(Planned(target=bot.primary),)),))


def _as_asked(
    asked: str, policy: RoutingPolicy | None, shelf: RoutingShelf, bot: BotModels
) -> Plan:
    targets = [target for target in bot.named if target.model == asked]
    chain = shelf.chains.get(asked)
    if not targets and chain is not None:
        notes: list[str] = []
        step = ChainStep(chain=asked)
        stage = stage_of((step,), shelf, notes, asked)
        return Plan(chose="chain", stages=(stage,), notes=tuple(notes))
    if not targets and policy is not None:
        steps = steps_of(policy, shelf)
        targets = [t.target for t in spread(steps, shelf, []) if t.target.model == asked]
    targets = targets or [target for target in bot.left_open if target.model == asked]
    if not targets:
        return Plan(chose="model", stages=(), notes=(NOT_LINKED,))
    planned = tuple(Planned(target=target) for target in dict.fromkeys(targets))
    return Plan(chose="model", stages=(Stage(targets=planned, because=asked),))


class _Planner:
    def __init__(self, shelf: RoutingShelf, facts: RequestFacts, answers: Answers) -> None:
        self._shelf, self._facts, self._answers = shelf, facts, answers
        self._notes: list[str] = []

    def plan(self, policy: RoutingPolicy) -> Plan:
        stages = self._stages(policy)
        return Plan(chose=policy.mode, stages=stages, notes=tuple(self._notes))

    def _stages(self, policy: RoutingPolicy) -> tuple[Stage, ...]:
        match policy:
            case Direct(target=target):
                return (self._stage((target,)),)
            case LoadBalance(targets=targets, strategy=strategy):
                shares = tuple(Planned(target=t.target, weight=t.weight) for t in targets)
                return (Stage(targets=shares, order=strategy, because=strategy),)
            case Failover():
                return (self._failover(policy),)
            case Function():
                return self._function(policy)
            case Cost():
                return (self._cost(policy),)
            case Complexity():
                return self._complexity(policy)
            case _:
                assert_never(policy)

    def _stage(self, steps: tuple[Step, ...], because: str | None = None) -> Stage:
        return stage_of(steps, self._shelf, self._notes, because)

    def _failover(self, policy: Failover) -> Stage:
        stage = self._stage(steps_of(policy, self._shelf), policy.chain)
        trigger, retry = policy.trigger or stage.trigger, policy.retry or stage.retry
        return replace(stage, trigger=trigger or Trigger(), retry=retry or Retry())

    def _function(self, policy: Function) -> tuple[Stage, ...]:
        stages: list[Stage] = []
        known = {*self._answers.yes, *self._answers.no}
        for rule in policy.rules:
            if unanswered(rule.when, known, self._shelf):
                self._notes.append(f"unanswered:{rule.id}")
            if holds(rule.when, self._facts, self._answers, self._shelf):
                stages.append(self._stage(rule.steps, rule.id))
                break
        return (*stages, self._stage(policy.default, DEFAULT))

    def _cost(self, policy: Cost) -> Stage:
        strategy = CostStrategy(id=INLINE, weights=CostWeights(cost=1))
        if policy.strategy is not None:
            found = self._shelf.strategies.get(policy.strategy)
            if found is None:
                self._notes.append(f"no-such-strategy:{policy.strategy}")
            strategy = found or strategy
        if policy.weights is not None:
            strategy = replace(strategy, weights=policy.weights)
        if policy.limits is not None:
            strategy = replace(strategy, limits=policy.limits)
        targets = spread(policy.targets or strategy.models, self._shelf, self._notes)
        return Stage(targets=targets, order=strategy, because=strategy.id)

    def _complexity(self, policy: Complexity) -> tuple[Stage, ...]:
        level = level_of(self._facts)
        if policy.classifier is not None:
            if self._answers.level is None:
                self._notes.append("classifier-without-answer")
            level = self._answers.level or level
        return tuple(
            self._stage(policy.steps(one), one.value) for one in _NEXT_LEVELS[level]
        )


def stage_of(
    steps: tuple[Step, ...], shelf: RoutingShelf, notes: list[str], because: str | None
) -> Stage:
    """The steps in order; those that are one chain go on for what that chain says."""
    targets = spread(steps, shelf, notes)
    chain = None
    if len(steps) == 1 and isinstance(steps[0], ChainStep):
        chain = shelf.chains.get(steps[0].chain)
    return Stage(
        targets=targets,
        because=because,
        trigger=chain.trigger if chain else None,
        retry=chain.retry if chain else None,
    )
