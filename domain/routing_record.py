"""Records of decisions: what a call keeps of how it was routed, and the decision once more.

A record has everything that the decision followed from but the policy and the shelf, which
are told by their versions. Of each target it has what was read of it, and no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from domain.routing import decide, plan
from domain.routing_decision import Decision, RoutingRecord, Weighed
from domain.routing_facts import (
    Answers,
    BotModels,
    RequestFacts,
    States,
    TargetState,
    Turn,
)
from domain.routing_plan import Plan
from domain.routing_policy import RouteTarget, RoutingPolicy, RoutingShelf

NO_STATE = TargetState()


def record_of(  # noqa: PLR0913  # all that it followed from
    decision: Decision,
    planned: Plan,
    *,
    versions: tuple[int, int, str],
    facts: RequestFacts,
    answers: Answers,
    bot: BotModels,
    states: States,
    turn: Turn,
) -> RoutingRecord:
    """What the call's event keeps; `versions`: of policy, shelf and built-in entries."""
    policy_version, shelf_version, built_in = versions
    scored, timed = planned.scored, planned.timed
    weighed = (
        Weighed(target=target, state=_as_read(states.get(target, NO_STATE), scored, timed))
        for target in planned.targets
    )
    return RoutingRecord(
        policy_version=policy_version,
        shelf_version=shelf_version,
        built_in=built_in,
        facts=facts,
        answers=answers,
        turn=turn,
        bot_models=bot,
        weighed=tuple(weighed),
        decision=decision,
    )


def _as_read(state: TargetState, scored: bool, timed: bool) -> TargetState:  # noqa: FBT001
    """What the decision read of it: prices only where targets are scored, and so on."""
    priced = state.input_price is not None or state.output_price is not None
    unread = not scored and (priced or state.abilities is not None)
    if not unread and (timed or state.latency_ms is None):
        return state
    return TargetState(
        known=state.known,
        speaks=state.speaks,
        keys=state.keys,
        cooling=state.cooling,
        strained=state.strained,
        kind=state.kind,
        latency_ms=state.latency_ms if timed else None,
        input_price=state.input_price if scored else None,
        output_price=state.output_price if scored else None,
        abilities=state.abilities if scored else None,
    )


def again(
    record: RoutingRecord,
    policy: RoutingPolicy | None,
    shelf: RoutingShelf,
    extra: Mapping[RouteTarget, TargetState] = MappingProxyType({}),
) -> Decision:
    """The decision for that call under this policy; under its own it is the same again.

    What the record does not know (a target that was not weighed, prices where none were
    read) is as `extra` says.
    """
    planned = plan(
        policy,
        shelf=shelf,
        facts=record.facts,
        answers=record.answers,
        bot=record.bot_models,
    )
    states = {one.target: one.state for one in record.weighed}
    if extra:
        read = _read(record.decision)
        known = {
            target: _filled(state, extra.get(target), *read)
            for target, state in states.items()
        }
        states = {**extra, **known}
    return decide(planned, facts=record.facts, states=states, turn=record.turn)


def _read(made: Decision) -> tuple[bool, bool]:
    """Whether prices and abilities were read for the decision, and whether latencies."""
    scored = made.chose == "cost"
    by_latency = made.chose == "load_balance" and made.because == "least_latency"
    return scored, scored or by_latency


def _filled(
    state: TargetState,
    other: TargetState | None,
    scored: bool,  # noqa: FBT001
    timed: bool,  # noqa: FBT001
) -> TargetState:
    """The state, with what was not read of it taken from the other.

    What was read and not known stays unknown, as it was to the decision.
    """
    if other is None or scored:
        return state
    return replace(
        state,
        latency_ms=state.latency_ms if timed else other.latency_ms,
        input_price=other.input_price,
        output_price=other.output_price,
        abilities=other.abilities,
    )
