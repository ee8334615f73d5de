"""Routing: which targets may serve a call, in which order, and why.

A pure function in two steps: `plan` (`routing_plan`) says what may be looked at, `decide`
looks at how that stands. Both depend on what is handed in and on nothing else, so a
decision can be made again from the record that its call keeps (`routing_record`).

Bytes pass through unchanged, so a target must have an endpoint of the format that the
request is in: its vendor's OpenAI- or Anthropic-compatible one. What is not used is in the
decision with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from domain.routing_decision import (
    Candidate,
    Decision,
    Skipped,
    Why,
    WhyNot,
)
from domain.routing_facts import (
    RequestFacts,
    States,
    TargetState,
    Turn,
)
from domain.routing_order import Ordered, Standing, balanced, in_steps
from domain.routing_plan import Plan, Stage, plan
from domain.routing_policy import (
    CostStrategy,
    Kind,
    RouteTarget,
)
from domain.routing_scores import beyond, capability, scored
from domain.routing_steps import Planned
from domain.vendors import Format

__all__ = ["decide", "plan", "why_unfit"]

NO_STAGE = Stage(targets=())
NO_STATE = TargetState()
_KINDS: Mapping[Format, Kind] = {
    "openai-embeddings": "embedding",
    "openai-images": "image",
    "openai-audio": "speech",
}


def decide(planned: Plan, *, facts: RequestFacts, states: States, turn: Turn) -> Decision:
    """The candidates of the first stage that has any; without one, why not.

    `states` has every one of the plan's targets; one that is missing has no key.
    """
    skipped: dict[RouteTarget, WhyNot] = {}
    notes = list(planned.notes)
    stage = NO_STAGE
    candidates: tuple[Candidate, ...] = ()
    for stage in planned.stages:
        usable: list[Standing] = []
        for one in stage.targets:
            state = states.get(one.target, NO_STATE)
            why_not = _why_not(one, stage, facts, state)
            if why_not is None:
                usable.append((one, state))
            else:
                skipped[one.target] = why_not
        ordered = _ordered(stage, usable, facts, turn)
        candidates = _candidates(ordered, skipped)
        if candidates:
            break
        if stage is not planned.stages[-1]:
            notes.append(f"nothing-usable:{stage.because}")
    for candidate in candidates:
        skipped.pop(candidate.target, None)  # an earlier stage had no use for it
    return Decision(
        chose=planned.chose,
        because=stage.because,
        candidates=candidates,
        skipped=tuple(Skipped(target=one, why=why) for one, why in skipped.items()),
        notes=tuple(notes),
        trigger=stage.trigger,
        retry=stage.retry,
    )


def _why_not(
    one: Planned, stage: Stage, facts: RequestFacts, state: TargetState
) -> WhyNot | None:
    unfit = why_unfit(one, facts, state)
    if unfit is None and not state.keys:
        return WhyNot.COOLING if state.cooling else WhyNot.NO_KEY
    if unfit is None and isinstance(stage.order, CostStrategy):
        able = capability(state, stage.order.scenarios)
        return beyond(state, facts, stage.order.limits, able)
    return unfit


def why_unfit(one: Planned, facts: RequestFacts, state: TargetState) -> WhyNot | None:
    """Why it cannot serve such a request, whatever key it had; None: it can."""
    protocol = one.target.protocol
    if not state.known:
        return WhyNot.UNKNOWN_VENDOR
    if protocol is not None and protocol != _protocol(facts.format):
        return WhyNot.OTHER_PROTOCOL
    if not state.speaks:
        return WhyNot.OTHER_FORMAT
    wanted = _KINDS.get(facts.format, "text")
    if (one.kind or state.kind or wanted) != wanted:
        return WhyNot.OTHER_KIND
    return None


def _protocol(spoken: Format) -> str:
    return spoken.partition("-")[0]


def _ordered(
    stage: Stage, usable: list[Standing], facts: RequestFacts, turn: Turn
) -> Ordered:
    """Those that were overloaded lately come after all others."""
    fresh = [one for one in usable if not one[1].strained]
    tired = [one for one in usable if one[1].strained]
    if not fresh:
        fresh, tired = tired, []
    order = stage.order
    if len(stage.targets) == 1:
        ordered = [(one, Why.ONLY) for one in fresh]
    elif isinstance(order, CostStrategy):
        ordered = [(one, Why.SCORE) for one, _ in scored(order, fresh, facts)]
    elif order == "steps":
        ordered = in_steps(fresh)
    else:
        ordered = balanced(order, fresh, turn)
    return ordered + [(one, Why.STRAINED) for one in tired]


def _candidates(
    ordered: Ordered, skipped: dict[RouteTarget, WhyNot]
) -> tuple[Candidate, ...]:
    """Each key of a model once: two targets may differ by a tag that one key has too."""
    used: dict[tuple[str, str], set[UUID]] = {}
    candidates: list[Candidate] = []
    for (one, state), why in ordered:
        target, keys = one.target, state.keys
        model = target.vendor, target.model
        before = used.get(model)
        if before is None:
            used[model] = set(keys)
        else:
            keys = tuple(key for key in keys if key not in before)
            before.update(keys)
        if keys:
            candidates.append(Candidate(target=target, keys=keys, why=why))
        else:
            skipped[target] = WhyNot.SAME
    return tuple(candidates)
