"""What nobody could route by is refused, every mistake at once, by its field."""

from __future__ import annotations

from typing import Any

import pytest

from domain.errors import InvalidFields
from domain.routing_checks import check_chain, check_policy, check_strategy, check_tag
from domain.routing_policy import (
    CapabilityStep,
    CapabilityTag,
    ChainStep,
    Complexity,
    Conditions,
    Cost,
    CostLimits,
    CostStrategy,
    CostWeights,
    Direct,
    Failover,
    FallbackChain,
    Function,
    LoadBalance,
    Retry,
    RoutingPolicy,
    RoutingShelf,
    Rule,
    Trigger,
)
from tests.domain.routing_scene import CLAUDE, GPT, share, to


class Models:
    """Vendors `openai` and `anthropic` with one model each, and `ollama` with anything."""

    def has_vendor(self, vendor: str) -> bool:
        return vendor in {"openai", "anthropic", "ollama"}

    def has_model(self, vendor: str, model: str) -> bool | None:
        return None if vendor == "ollama" else model in {"gpt-4o", "claude"}


SHELF = RoutingShelf(
    chains={
        "fine": FallbackChain(id="fine", steps=(GPT, CLAUDE)),
        "leads": FallbackChain(id="leads", steps=(GPT, ChainStep(chain="new"))),
    },
    tags={
        "vision": CapabilityTag(id="vision", detect=Conditions(images=True), models=(GPT,)),
        "bare": CapabilityTag(id="bare"),
    },
    strategies={
        "value": CostStrategy(id="value", weights=CostWeights(cost=1), models=(GPT,)),
        "empty": CostStrategy(id="empty", weights=CostWeights(cost=1)),
    },
)


def faults(policy: RoutingPolicy) -> dict[str, str]:
    try:
        check_policy(policy, SHELF, Models())
    except InvalidFields as refused:
        return refused.codes
    return {}


def rule(name: str = "r", **when: Any) -> Rule:
    return Rule(id=name, when=Conditions(**when), steps=(GPT,))


@pytest.mark.parametrize(
    "policy",
    [
        Direct(target=GPT),
        Direct(target=to("ollama/whatever:7b", tag="home")),
        LoadBalance(targets=(share("openai/gpt-4o", 0), share("anthropic/claude", 3))),
        Failover(chain="fine", retry=Retry(max_retries=10, delay_ms=60_000)),
        Failover(steps=(ChainStep(chain="fine"), CapabilityStep(capability="vision"))),
        Function(
            rules=(rule(keywords=("sql",), capabilities=("vision",)),), default=(GPT,)
        ),
        Function(rules=(), default=(GPT,)),
        Cost(strategy="value"),
        Cost(weights=CostWeights(cost=1, capability=2), targets=(GPT, CLAUDE)),
        Complexity(simple=(GPT,), medium=(GPT,), complex=(CLAUDE,), classifier=GPT),
    ],
)
def test_what_makes_sense_passes(policy: RoutingPolicy) -> None:
    assert faults(policy) == {}


@pytest.mark.parametrize(
    ("policy", "codes"),
    [
        (Direct(target=to("nobody/x")), {"target.vendor": "unknown"}),
        (Direct(target=to("openai/gpt-99")), {"target.model": "unknown"}),
        (Direct(target=to("openai/")), {"target.model": "not-a-name"}),
        (Direct(target=to("ollama/a\nb")), {"target.model": "not-a-name"}),
        (LoadBalance(targets=()), {"targets": "empty"}),
        (LoadBalance(targets=(share("openai/gpt-4o", 0),)), {"targets": "no-weight"}),
        (
            LoadBalance(targets=(share("openai/gpt-4o", -1), share("anthropic/claude", 1))),
            {"targets.0.weight": "out-of-range"},
        ),
        (
            LoadBalance(targets=(share("openai/gpt-4o", 1), share("openai/gpt-4o", 2))),
            {"targets.1": "twice"},
        ),
        (Failover(), {"steps": "empty"}),
        (Failover(chain="gone"), {"chain": "unknown"}),
        (Failover(chain="fine", steps=(GPT,)), {"steps": "chain-or-steps"}),
        (Failover(steps=(GPT,) * 33), {"steps": "too-many"}),
        (Failover(steps=(GPT, GPT)), {"steps.1": "twice"}),
        (Failover(steps=(CapabilityStep(capability="bare"),)), {"steps": "empty"}),
        (
            Failover(steps=(CapabilityStep(capability="gone"),)),
            {"steps.0.capability": "unknown"},
        ),
        (
            Failover(steps=(GPT,), trigger=Trigger(status_codes=(200,), timeout_ms=1)),
            {
                "trigger.status_codes": "out-of-range",
                "trigger.timeout_ms": "out-of-range",
            },
        ),
        (
            Failover(steps=(GPT,), trigger=Trigger(error_types=("tool_error",))),
            {"trigger.error_types": "unknown"},
        ),
        (
            Failover(
                steps=(GPT,),
                trigger=Trigger(status_codes=(500, 500), error_types=("timeout",) * 2),
            ),
            {"trigger.status_codes": "twice", "trigger.error_types": "twice"},
        ),
        (
            Failover(steps=(GPT,), retry=Retry(max_retries=11, delay_ms=-1)),
            {"retry.max_retries": "out-of-range", "retry.delay_ms": "out-of-range"},
        ),
        (Cost(), {"strategy": "strategy-or-weights", "targets": "empty"}),
        (Cost(strategy="gone", targets=(GPT,)), {"strategy": "unknown"}),
        (Cost(strategy="empty"), {"targets": "empty"}),
        (Cost(weights=CostWeights(), targets=(GPT,)), {"weights": "no-weight"}),
        (
            Cost(strategy="value", limits=CostLimits(min_capability=101)),
            {"limits.min_capability": "out-of-range"},
        ),
        (
            Complexity(simple=(), medium=(GPT,), complex=(GPT,), classifier=to("x/y")),
            {"simple": "empty", "classifier.vendor": "unknown"},
        ),
        (
            Complexity(
                simple=(GPT,),
                medium=(GPT,),
                complex=(GPT,),
                classifier=to("openai/gpt-4o", tag="cheap", protocol="anthropic"),
            ),
            {
                "classifier.tag": "not-for-a-classifier",
                "classifier.protocol": "not-for-a-classifier",
            },
        ),
    ],
)
def test_what_makes_none_is_told_by_field(
    policy: RoutingPolicy, codes: dict[str, str]
) -> None:
    assert faults(policy) == codes


@pytest.mark.parametrize(
    ("when", "codes"),
    [
        ({}, {"rules.0.when": "empty"}),
        ({"keywords": (" ",)}, {"rules.0.when.keywords.0": "not-a-word"}),
        ({"keywords": ("x" * 101,)}, {"rules.0.when.keywords.0": "not-a-word"}),
        ({"keywords": ("x",) * 51}, {"rules.0.when.keywords": "too-many"}),
        ({"patterns": ("(",)}, {"rules.0.when.patterns.0": "not-a-pattern"}),
        ({"patterns": ("a*",)}, {"rules.0.when.patterns.0": "always-holds"}),
        ({"patterns": ("a{64}b{60}",) * 5}, {"rules.0.when.patterns": "too-large"}),
        ({"capabilities": ("vision",) * 2}, {"rules.0.when.capabilities": "twice"}),
        ({"formats": ("openai-chat", "openai-chat")}, {"rules.0.when.formats": "twice"}),
        ({"capabilities": ("gone",)}, {"rules.0.when.capabilities": "unknown"}),
        ({"capabilities": ("bare",)}, {"rules.0.when.capabilities": "recognises-nothing"}),
        ({"min_chars": 5, "max_chars": 4}, {"rules.0.when.max_chars": "never-holds"}),
        ({"min_chars": -1}, {"rules.0.when.min_chars": "out-of-range"}),
        ({"max_chars": 16_384}, {"rules.0.when.max_chars": "out-of-range"}),
        ({"formats": ("gemini",)}, {"rules.0.when.formats": "never-holds"}),
        ({"keywords": ("a",), "max_chars": 0}, {"rules.0.when.max_chars": "never-holds"}),
        (
            {"tools": False, "tool_names": ("a",)},
            {"rules.0.when.tool_names": "never-holds"},
        ),
    ],
)
def test_rules_that_match_nothing_or_everything_are_told(
    when: dict[str, Any], codes: dict[str, str]
) -> None:
    assert faults(Function(rules=(rule(**when),), default=(GPT,))) == codes


def test_rules_that_are_never_reached_or_called_alike_are_told() -> None:
    twice = (rule("a", images=True), rule("b", images=True), rule("a", tools=True))
    assert faults(Function(rules=twice, default=(GPT,))) == {
        "rules.1.when": "never-reached",
        "rules.2.id": "twice",
    }


def test_all_rules_together_ask_no_more_of_a_request_than_it_can_wait_for() -> None:
    rules = tuple(
        rule(f"r{n}", tool_names=tuple(f"*{n}-{k}*" for k in range(50))) for n in range(11)
    )
    assert faults(Function(rules=rules[:10], default=(GPT,))) == {}
    assert faults(Function(rules=rules, default=(GPT,))) == {
        "rules.10.when.tool_names": "too-many"
    }


@pytest.mark.parametrize(
    ("chain", "codes"),
    [
        (FallbackChain(id="new", steps=(ChainStep(chain="new"),)), {"steps": "loops"}),
        (
            FallbackChain(id="new", steps=(GPT, ChainStep(chain="leads"))),
            {"steps": "loops"},
        ),
        (FallbackChain(id="new", steps=()), {"steps": "empty"}),
        (FallbackChain(id="New One", steps=(GPT,)), {"id": "not-an-id"}),
        (
            FallbackChain(id="new", steps=(to("openai/o9"), ChainStep(chain="gone"))),
            {"steps.0.model": "unknown", "steps.1.chain": "unknown"},
        ),
    ],
)
def test_a_chain_that_leads_nowhere_or_to_itself_is_refused(
    chain: FallbackChain, codes: dict[str, str]
) -> None:
    with pytest.raises(InvalidFields) as refused:
        check_chain(chain, SHELF, Models())
    assert refused.value.codes == codes


def test_a_chain_that_leads_to_another_passes() -> None:
    chain = FallbackChain(id="new", steps=(ChainStep(chain="fine"), GPT))
    check_chain(chain, SHELF, Models())


def test_a_chain_too_long_when_written_out_is_refused() -> None:
    inner = {
        f"c{n}": FallbackChain(
            id=f"c{n}", steps=tuple(to(f"ollama/m{n}-{k}") for k in range(30))
        )
        for n in range(3)
    }
    steps = tuple(ChainStep(chain=name) for name in inner)
    with pytest.raises(InvalidFields) as refused:
        check_chain(
            FallbackChain(id="all", steps=steps), RoutingShelf(chains=inner), Models()
        )
    assert refused.value.codes == {"steps": "too-many"}


def test_a_tag_recognises_by_itself() -> None:
    nested = CapabilityTag(id="t", detect=Conditions(capabilities=("vision",)), priority=-1)
    with pytest.raises(InvalidFields) as refused:
        check_tag(nested, SHELF, Models())
    assert refused.value.codes == {
        "priority": "out-of-range",
        "detect.capabilities": "not-in-a-tag",
    }


def test_a_strategy_weighs_something() -> None:
    with pytest.raises(InvalidFields) as refused:
        check_strategy(
            CostStrategy(id="s", weights=CostWeights(), models=(to("x/y"),)),
            SHELF,
            Models(),
        )
    assert refused.value.codes == {"weights": "no-weight", "models.0.vendor": "unknown"}
