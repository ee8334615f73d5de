"""Routing to targets, steps and chains: what is chosen, what is left out, and why."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.routing_decision import Why, WhyNot
from domain.routing_facts import BotModels, TargetState
from domain.routing_policy import (
    CapabilityStep,
    CapabilityTag,
    ChainStep,
    Direct,
    Failover,
    FallbackChain,
    Retry,
    RoutingShelf,
    Trigger,
)
from tests.domain.routing_scene import (
    CLAUDE,
    DOWN,
    GEMINI,
    GPT,
    asks,
    key_of,
    names,
    routed,
    shelf,
    to,
    up,
    whys,
)


def test_direct_goes_to_its_target() -> None:
    decision = routed(Direct(target=GPT))
    assert names(decision) == ["openai/gpt-4o"]
    assert decision.chose == "direct"
    assert decision.candidates[0].why is Why.ONLY


def test_without_a_policy_the_primary_model_serves() -> None:
    decision = routed(None, bot=BotModels(primary=CLAUDE))
    assert (names(decision), decision.chose) == (["anthropic/claude"], "primary")


def test_without_policy_and_primary_model_nothing_is_chosen() -> None:
    decision = routed(None)
    assert decision.candidates == ()
    assert decision.notes == ("no-primary-model",)


@pytest.mark.parametrize("asked", [None, "auto"])
def test_auto_and_no_model_at_all_mean_the_policy(asked: str | None) -> None:
    assert routed(Direct(target=GPT), facts=asks(asked)).chose == "direct"


def test_a_model_that_is_named_overrides_the_policy() -> None:
    decision = routed(
        Direct(target=GPT), facts=asks("claude"), bot=BotModels(named=(CLAUDE,))
    )
    assert (names(decision), decision.chose) == (["anthropic/claude"], "model")


def test_a_model_of_the_policy_may_be_named_too() -> None:
    assert names(routed(Failover(steps=(GPT, CLAUDE)), facts=asks("claude"))) == [
        "anthropic/claude"
    ]


def test_a_model_that_nobody_names_is_not_guessed() -> None:
    decision = routed(Direct(target=GPT), facts=asks("o3"))
    assert (decision.candidates, decision.notes) == ((), ("model-not-linked",))


def test_a_chain_that_is_named_overrides_the_policy_with_its_own_trigger() -> None:
    chain = FallbackChain(id="quick", steps=(GEMINI, GPT), trigger=Trigger(timeout_ms=900))
    decision = routed(
        Direct(target=CLAUDE), facts=asks("quick"), on=RoutingShelf(chains={"quick": chain})
    )
    assert names(decision) == ["google/gemini", "openai/gpt-4o"]
    assert (decision.chose, decision.because) == ("chain", "quick")
    assert decision.trigger == Trigger(timeout_ms=900)


def test_a_linked_model_wins_over_a_chain_of_its_name() -> None:
    coding = to("ollama/coding")
    decision = routed(
        None, facts=asks("coding"), on=shelf(coding=(GPT,)), bot=BotModels(named=(coding,))
    )
    assert names(decision) == ["ollama/coding"]


def test_failover_takes_its_steps_in_order_and_says_what_it_skipped() -> None:
    decision = routed(
        Failover(steps=(GPT, CLAUDE, GEMINI)),
        states={
            GPT: DOWN,
            CLAUDE: TargetState(cooling=2),
            GEMINI: up(GEMINI),
        },
    )
    assert names(decision) == ["google/gemini"]
    assert whys(decision) == {"gpt-4o": "no-usable-key", "claude": "all-keys-cooling"}


@pytest.mark.parametrize(
    ("state", "why"),
    [
        (TargetState(known=False), WhyNot.UNKNOWN_VENDOR),
        (TargetState(speaks=False, keys=(uuid4(),)), WhyNot.OTHER_FORMAT),
        (TargetState(kind="image", keys=(uuid4(),)), WhyNot.OTHER_KIND),
        (TargetState(cooling=1), WhyNot.COOLING),
        (TargetState(), WhyNot.NO_KEY),
    ],
)
def test_what_cannot_serve_is_skipped_with_the_reason(
    state: TargetState, why: WhyNot
) -> None:
    decision = routed(Failover(steps=(GPT, CLAUDE)), states={GPT: state})
    assert names(decision) == ["anthropic/claude"]
    assert whys(decision) == {"gpt-4o": why.value}


def test_a_step_for_another_protocol_is_skipped() -> None:
    native = to("anthropic/claude", protocol="anthropic")
    policy = Failover(steps=(native, GPT))
    assert names(routed(policy)) == ["openai/gpt-4o"]
    spoken = routed(policy, facts=asks(format="anthropic-messages"))
    assert names(spoken) == ["anthropic/claude", "openai/gpt-4o"]


def test_when_keys_only_cool_the_decision_says_so() -> None:
    assert routed(Direct(target=GPT), states={GPT: TargetState(cooling=1)}).all_cooling
    assert not routed(Direct(target=GPT), states={GPT: DOWN}).all_cooling


def test_a_policy_goes_on_as_its_chain_says_unless_it_says_otherwise() -> None:
    chain = FallbackChain(
        id="c", steps=(GPT,), trigger=Trigger(timeout_ms=500), retry=Retry(max_retries=1)
    )
    on = RoutingShelf(chains={"c": chain})
    plain = routed(Failover(chain="c"), on=on)
    assert (plain.trigger, plain.retry) == (chain.trigger, chain.retry)
    own = routed(Failover(chain="c", retry=Retry(max_retries=7)), on=on)
    assert (own.trigger, own.retry) == (chain.trigger, Retry(max_retries=7))


def test_a_chain_that_was_removed_is_noted_and_the_rest_serves() -> None:
    decision = routed(Failover(steps=(ChainStep(chain="gone"), GPT)))
    assert names(decision) == ["openai/gpt-4o"]
    assert decision.notes == ("no-such-chain:gone",)


def test_chains_may_lie_in_chains() -> None:
    on = shelf(outer=(GPT, ChainStep(chain="inner")), inner=(CLAUDE, GPT, GEMINI))
    assert names(routed(Failover(chain="outer"), on=on)) == [
        "openai/gpt-4o",
        "anthropic/claude",
        "google/gemini",
    ]


def test_a_chain_that_loops_ends_and_is_noted() -> None:
    on = shelf(a=(GPT, ChainStep(chain="b")), b=(CLAUDE, ChainStep(chain="a")))
    decision = routed(Failover(chain="a"), on=on)
    assert names(decision) == ["openai/gpt-4o", "anthropic/claude"]
    assert decision.notes == ("chain-loops:a",)


def test_the_models_of_a_tag_may_be_a_step() -> None:
    tag = CapabilityTag(id="vision", models=(GEMINI, GPT))
    decision = routed(
        Failover(steps=(CapabilityStep(capability="vision"),)),
        on=RoutingShelf(tags={"vision": tag}),
    )
    assert names(decision) == ["google/gemini", "openai/gpt-4o"]


def test_a_chain_that_makes_pictures_answers_no_chat() -> None:
    chain = FallbackChain(id="art", steps=(GPT,), kind="image")
    decision = routed(Failover(chain="art"), on=RoutingShelf(chains={"art": chain}))
    assert whys(decision) == {"gpt-4o": "model-makes-something-else"}


def test_one_key_is_not_tried_twice_for_one_model() -> None:
    tagged = to("openai/gpt-4o", tag="eu")
    key = key_of(GPT)
    decision = routed(
        Failover(steps=(tagged, GPT)),
        states={tagged: up(GPT), GPT: TargetState(keys=(key, key_of(GPT, 1)))},
    )
    assert [c.keys for c in decision.candidates] == [(key,), (key_of(GPT, 1),)]
    same = routed(Failover(steps=(tagged, GPT)), states={tagged: up(GPT), GPT: up(GPT)})
    assert len(same.candidates) == 1
    assert [skipped.why for skipped in same.skipped] == [WhyNot.SAME]
