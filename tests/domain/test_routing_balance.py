"""Routing by load: turns, weights, latency, and what was overloaded lately."""

from __future__ import annotations

from domain.routing_decision import Why
from domain.routing_facts import Turn
from domain.routing_policy import (
    Failover,
    LoadBalance,
)
from tests.domain.routing_scene import (
    CLAUDE,
    DOWN,
    GPT,
    names,
    routed,
    share,
    to,
    up,
)


def test_round_robin_takes_turns_strictly() -> None:
    policy = LoadBalance(
        targets=(share("a/1", 1), share("b/2", 5), share("c/3", 1)), strategy="round_robin"
    )
    first = [names(routed(policy, turn=Turn(count=n, dice=0)))[0] for n in range(6)]
    assert first == ["a/1", "b/2", "c/3"] * 2


def test_the_other_targets_are_reserves_in_turn() -> None:
    policy = LoadBalance(targets=(share("a/1", 1), share("b/2", 1)), strategy="round_robin")
    decision = routed(policy, turn=Turn(count=1, dice=0))
    assert names(decision) == ["b/2", "a/1"]
    assert [c.why for c in decision.candidates] == [Why.TURN, Why.RESERVE]


def test_a_target_of_weight_nothing_is_the_last_resort() -> None:
    policy = LoadBalance(targets=(share("a/1", 0), share("b/2", 1)), strategy="weighted")
    for count in range(50):
        assert names(routed(policy, turn=Turn(count=count, dice=count))) == ["b/2", "a/1"]
    assert names(routed(policy, states={to("b/2"): DOWN})) == ["a/1"]


def test_of_two_random_targets_the_faster_one_is_taken() -> None:
    policy = LoadBalance(
        targets=tuple(share(f"{n}/m", 1) for n in "abc"), strategy="least_latency"
    )
    quick = {"a": 900, "b": 20, "c": 300}
    states = {to(f"{n}/m"): up(to(f"{n}/m"), latency_ms=ms) for n, ms in quick.items()}
    chosen = [
        names(routed(policy, states=states, turn=Turn(count=0, dice=dice)))[0]
        for dice in range(6)
    ]
    assert sorted(chosen) == ["b/m"] * 4 + ["c/m"] * 2  # the slowest of three never


def test_a_target_that_nobody_measured_is_tried() -> None:
    policy = LoadBalance(
        targets=(share("a/m", 1), share("b/m", 1)), strategy="least_latency"
    )
    states = {to("a/m"): up(to("a/m"), latency_ms=5)}
    assert names(routed(policy, states=states))[0] == "b/m"


def test_what_was_overloaded_lately_comes_after_the_others() -> None:
    decision = routed(Failover(steps=(GPT, CLAUDE)), states={GPT: up(GPT, strained=True)})
    assert names(decision) == ["anthropic/claude", "openai/gpt-4o"]
    assert decision.candidates[1].why is Why.STRAINED


def test_if_all_were_overloaded_the_order_stays() -> None:
    states = {one: up(one, strained=True) for one in (GPT, CLAUDE)}
    decision = routed(Failover(steps=(GPT, CLAUDE)), states=states)
    assert names(decision) == ["openai/gpt-4o", "anthropic/claude"]
