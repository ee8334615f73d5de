"""Routing by rules, by cost and by complexity."""

from __future__ import annotations

import pytest

from domain.routing_decision import Why
from domain.routing_facts import Abilities, Answers, RequestFacts
from domain.routing_policy import (
    Complexity,
    Conditions,
    Cost,
    CostLimits,
    CostStrategy,
    CostWeights,
    Function,
    Level,
    RoutingShelf,
    Rule,
)
from tests.domain.routing_scene import (
    CLAUDE,
    DOWN,
    GEMINI,
    GPT,
    asks,
    names,
    routed,
    to,
    up,
    whys,
)


def rule(name: str, when: Conditions, *steps: str) -> Rule:
    return Rule(id=name, when=when, steps=tuple(to(step) for step in steps))


PICTURES = rule("pictures", Conditions(images=True), "google/gemini")
LONG = rule("long", Conditions(min_input_tokens=1000), "anthropic/claude")
FUNCTION = Function(rules=(PICTURES, LONG), default=(GPT,))


@pytest.mark.parametrize(
    ("facts", "because", "chosen"),
    [
        (asks(images=1), "pictures", "google/gemini"),
        (asks(images=1, input_tokens=5000), "pictures", "google/gemini"),
        (asks(input_tokens=1000), "long", "anthropic/claude"),
        (asks(input_tokens=999), "default", "openai/gpt-4o"),
    ],
)
def test_the_first_rule_that_holds_decides(
    facts: RequestFacts, because: str, chosen: str
) -> None:
    decision = routed(FUNCTION, facts=facts)
    assert (decision.because, names(decision)) == (because, [chosen])


def test_a_rule_without_a_usable_target_leaves_the_call_to_the_default() -> None:
    decision = routed(FUNCTION, facts=asks(images=1), states={GEMINI: DOWN})
    assert names(decision) == ["openai/gpt-4o"]
    assert decision.notes == ("nothing-usable:pictures",)
    assert whys(decision) == {"gemini": "no-usable-key"}


STRATEGY = CostStrategy(
    id="value", weights=CostWeights(cost=1), models=(GPT, CLAUDE, GEMINI)
)
PRICED = {
    GPT: up(GPT, input_price=2_500_000, output_price=10_000_000, latency_ms=400),
    CLAUDE: up(CLAUDE, input_price=3_000_000, output_price=15_000_000, latency_ms=200),
    GEMINI: up(GEMINI, input_price=300_000, output_price=2_500_000, latency_ms=900),
}
VALUE = RoutingShelf(strategies={"value": STRATEGY})


def test_cost_takes_the_cheapest_first() -> None:
    decision = routed(Cost(strategy="value"), on=VALUE, states=PRICED)
    assert names(decision) == ["google/gemini", "openai/gpt-4o", "anthropic/claude"]
    assert (decision.because, decision.candidates[0].why) == ("value", Why.SCORE)


def test_cost_may_weigh_speed_or_ability_instead() -> None:
    quick = Cost(strategy="value", weights=CostWeights(performance=1))
    assert names(routed(quick, on=VALUE, states=PRICED))[0] == "anthropic/claude"
    able = {**PRICED, GPT: up(GPT, abilities=Abilities(reasoning=99, coding=99))}
    best = Cost(strategy="value", weights=CostWeights(capability=1))
    assert names(routed(best, on=VALUE, states=able))[0] == "openai/gpt-4o"


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        (CostLimits(max_cost_micro_usd=5_500), {"anthropic/claude"}),
        (CostLimits(max_latency_ms=300), {"openai/gpt-4o", "google/gemini"}),
        (CostLimits(min_capability=51), {"openai/gpt-4o", "anthropic/claude"}),
    ],
)
def test_what_is_beyond_a_limit_is_left_out(limits: CostLimits, left: set[str]) -> None:
    able = {
        **PRICED,
        GEMINI: up(
            GEMINI,
            abilities=Abilities(reasoning=90),
            input_price=0,
            output_price=0,
            latency_ms=900,
        ),
    }
    decision = routed(Cost(strategy="value", limits=limits), on=VALUE, states=able)
    assert {"openai/gpt-4o", "anthropic/claude", "google/gemini"} - set(
        names(decision)
    ) == left
    assert len(decision.skipped) == len(left)


def test_an_unknown_price_is_no_low_price() -> None:
    states = {**PRICED, GEMINI: up(GEMINI)}
    decision = routed(Cost(strategy="value"), on=VALUE, states=states)
    assert names(decision)[-1] == "google/gemini"
    limited = Cost(strategy="value", limits=CostLimits(max_cost_micro_usd=10**9))
    assert whys(routed(limited, on=VALUE, states=states)) == {"gemini": "price-unknown"}


LEVELS = Complexity(simple=(GEMINI,), medium=(GPT,), complex=(CLAUDE,))


def test_what_only_embeds_needs_no_price_of_output() -> None:
    facts = asks(format="openai-embeddings", input_tokens=1_000_000)
    states = {
        GPT: up(GPT, kind="embedding", input_price=130_000),
        GEMINI: up(GEMINI, kind="embedding", input_price=20_000),
    }
    limits = CostLimits(max_cost_micro_usd=130_000)
    policy = Cost(weights=CostWeights(cost=1), limits=limits, targets=(GPT, GEMINI))
    assert names(routed(policy, facts=facts, states=states)) == [
        "google/gemini",
        "openai/gpt-4o",
    ]


@pytest.mark.parametrize(
    ("facts", "level"),
    [
        (asks(chars=20), "simple"),
        (asks(chars=400, code_blocks=1), "medium"),
        (asks(chars=2000, code_blocks=3, hard_words=2), "complex"),
        (asks(thinking=True, hard_words=2), "complex"),
    ],
)
def test_the_heuristic_finds_the_level_without_a_call(
    facts: RequestFacts, level: str
) -> None:
    decision = routed(LEVELS, facts=facts)
    assert (decision.because, decision.notes) == (level, ())


def test_a_classifier_is_believed_and_without_its_answer_the_heuristic_is() -> None:
    asked = Complexity(simple=(GEMINI,), medium=(GPT,), complex=(CLAUDE,), classifier=GPT)
    said = routed(asked, answers=Answers(level=Level.COMPLEX))
    assert (said.because, said.notes) == ("complex", ())
    silent = routed(asked)
    assert (silent.because, silent.notes) == ("simple", ("classifier-without-answer",))


def test_a_level_without_a_usable_target_goes_to_the_next_harder_one() -> None:
    decision = routed(LEVELS, states={GEMINI: DOWN})
    assert (names(decision), decision.because) == (["openai/gpt-4o"], "medium")
