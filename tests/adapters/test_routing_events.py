"""Routing policies and entries are read back from the log as they were recorded."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from adapters.event_store import EventMapper
from domain.bot_events import BotRoutingSet
from domain.events import Event
from domain.ids import TeamId
from domain.routing_entries import ChainSet, Label, StrategySet, TagSet
from domain.routing_policy import (
    CapabilityStep,
    CapabilityTag,
    ChainStep,
    CostStrategy,
    FallbackChain,
    RouteTarget,
    RoutingPolicy,
)
from tests.projections.given import TEAM
from tests.projections.given_logs import memory_logs, record

# A policy's numbers are checked to be far smaller; JSON as we write it has no larger ones.
st.register_type_strategy(int, st.integers(-(2**53), 2**53))
POLICIES = st.one_of(*(st.from_type(kind) for kind in get_args(RoutingPolicy)))


def kept(event: Event) -> Event:
    """The event, once it was written down and read back."""
    log = memory_logs()["fleet"]
    record(log, [(TEAM, [event])])
    (recorded,) = log.history(TEAM)
    assert EventMapper().to_stored_event(recorded).topic == event.TOPIC
    return recorded.event


@examples(st.none() | POLICIES)
def test_a_policy_of_any_mode_is_kept_to_the_letter(policy: RoutingPolicy | None) -> None:
    event = BotRoutingSet(policy=policy)
    assert kept(event) == event
    assert type(kept(event).policy) is type(policy)  # type: ignore[attr-defined]


@examples(
    st.from_type(FallbackChain), st.from_type(CapabilityTag), st.from_type(CostStrategy)
)
def test_entries_of_a_shelf_are_kept_to_the_letter(
    chain: FallbackChain, tag: CapabilityTag, strategy: CostStrategy
) -> None:
    team, label = TeamId(TEAM), Label(name="Ours")
    for event in (
        ChainSet(team_id=team, chain=chain, label=label),
        TagSet(team_id=team, tag=tag, label=label),
        StrategySet(team_id=team, strategy=strategy, label=label),
    ):
        assert kept(event) == event


@pytest.mark.parametrize(
    "step",
    [
        RouteTarget(vendor="openai", model="gpt-5", tag="prod", protocol="openai"),
        ChainStep(chain="default"),
        CapabilityStep(capability="vision"),
    ],
)
def test_each_kind_of_step_stays_that_kind(
    step: RouteTarget | ChainStep | CapabilityStep,
) -> None:
    chain = FallbackChain(id="ours", steps=(step, replace(step)))
    event = ChainSet(team_id=TeamId(TEAM), chain=chain, label=Label(name="Ours"))
    found = kept(event)
    assert isinstance(found, ChainSet)
    assert [type(one) for one in found.chain.steps] == [type(step)] * 2
