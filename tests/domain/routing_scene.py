"""What tests of routing start from: targets, facts and states with little writing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID, uuid5

from domain.routing import decide, plan
from domain.routing_decision import Decision
from domain.routing_facts import (
    NO_ANSWERS,
    Answers,
    BotModels,
    RequestFacts,
    States,
    TargetState,
    Turn,
)
from domain.routing_policy import (
    FallbackChain,
    RouteTarget,
    RoutingPolicy,
    RoutingShelf,
    Step,
    WeightedTarget,
)

SPACE = UUID(int=4)
TURN = Turn(count=0, dice=0)
NO_BOT = BotModels()
EMPTY = RoutingShelf()


def to(name: str, **others: Any) -> RouteTarget:
    """The target `vendor/model`."""
    vendor, _, model = name.partition("/")
    return RouteTarget(vendor=vendor, model=model, **others)


GPT, CLAUDE, GEMINI = to("openai/gpt-4o"), to("anthropic/claude"), to("google/gemini")
DOWN = TargetState()  # no key at all


def share(name: str, weight: int) -> WeightedTarget:
    vendor, _, model = name.partition("/")
    return WeightedTarget(vendor=vendor, model=model, weight=weight)


def key_of(target: RouteTarget, nth: int = 0) -> UUID:
    """A key of the target's vendor; another one for each tag."""
    return uuid5(SPACE, f"{target.vendor}:{target.tag}:{nth}")


def up(target: RouteTarget, **others: Any) -> TargetState:
    """A state with one usable key, unless others are given."""
    return TargetState(**{"keys": (key_of(target),), **others})


def all_up(targets: Iterable[RouteTarget]) -> States:
    return {target: up(target) for target in targets}


def asks(model: str | None = None, **others: Any) -> RequestFacts:
    """A request in OpenAI's format, unless said otherwise."""
    return RequestFacts(**{"format": "openai-chat", "requested_model": model, **others})


def shelf(**chains: tuple[Step, ...]) -> RoutingShelf:
    """A shelf with these chains."""
    return RoutingShelf(
        chains={name: FallbackChain(id=name, steps=steps) for name, steps in chains.items()}
    )


def routed(
    policy: RoutingPolicy | None,
    *,
    facts: RequestFacts | None = None,
    states: Mapping[RouteTarget, TargetState] | None = None,
    on: RoutingShelf = EMPTY,
    answers: Answers = NO_ANSWERS,
    bot: BotModels = NO_BOT,
    turn: Turn = TURN,
) -> Decision:
    """The decision; every target that no state is given for is fine."""
    facts = facts or asks()
    planned = plan(policy, shelf=on, facts=facts, answers=answers, bot=bot)
    known = {**all_up(planned.targets), **(states or {})}
    return decide(planned, facts=facts, states=known, turn=turn)


def names(decision: Decision) -> list[str]:
    """The candidates as `vendor/model`, in order."""
    return [f"{c.target.vendor}/{c.target.model}" for c in decision.candidates]


def whys(decision: Decision) -> dict[str, str]:
    """Why each skipped model was."""
    return {skipped.target.model: skipped.why.value for skipped in decision.skipped}
