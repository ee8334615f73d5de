"""Past calls come out the same under their own policy; under another, it is told how."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pytest
from pydantic import TypeAdapter

from domain.prices import Price
from domain.quota_events import ScopeKind
from domain.routing import decide, plan
from domain.routing_decision import RoutingRecord
from domain.routing_facts import RequestFacts, RequestWords, TargetState, Turn
from domain.routing_kept import kept
from domain.routing_policy import (
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
    RoutingPolicy,
    RoutingShelf,
    Rule,
    Strategy,
)
from domain.routing_record import again, record_of
from domain.routing_replay import PastCall, Ruling, Scenario
from domain.routing_what_if import what_if
from domain.routing_words import answered
from domain.usage import Usage
from tests.domain.routing_scene import CLAUDE, GEMINI, GPT, NO_BOT, asks, share, up

BEGAN = datetime(2026, 11, 22, 12, tzinfo=UTC)
BOT = uuid4()
PRICES = {
    "gpt-4o": Price(input=2_500_000, output=10_000_000),
    "claude": Price(input=3_000_000, output=15_000_000),
    "gemini": Price(input=300_000, output=2_500_000),
}
SHELF = RoutingShelf(
    chains={"chain": FallbackChain(id="chain", steps=(CLAUDE, GPT, GEMINI))},
    strategies={
        "value": CostStrategy(
            id="value", weights=CostWeights(cost=2, performance=1), models=(GPT, GEMINI)
        )
    },
)
BALANCED = LoadBalance(
    targets=(share("openai/gpt-4o", 3), share("anthropic/claude", 1)), strategy="weighted"
)
POLICIES: list[RoutingPolicy | None] = [
    Direct(target=GPT),
    BALANCED,
    LoadBalance(targets=BALANCED.targets, strategy="round_robin"),
    LoadBalance(targets=BALANCED.targets, strategy="least_latency"),
    Failover(chain="chain"),
    Function(
        rules=(Rule(id="sql", when=Conditions(keywords=("sql",)), steps=(CLAUDE,)),),
        default=(GPT,),
    ),
    Cost(strategy="value"),
    Complexity(simple=(GEMINI,), medium=(GPT,), complex=(CLAUDE,)),
    None,
]


def unpriced(record: RoutingRecord, policy: RoutingPolicy) -> RoutingRecord:
    """The record of a decision to which no price was known."""
    weighed = tuple(
        replace(one, state=replace(one.state, input_price=None, output_price=None))
        for one in record.weighed
    )
    blind = replace(record, weighed=weighed)
    return replace(blind, decision=again(blind, policy, SHELF))


def price_of(vendor: str, model: str, at: datetime) -> Price | None:  # noqa: ARG001
    return PRICES.get(model)


def states(dice: random.Random) -> dict[object, TargetState]:
    def state(target: object) -> TargetState:
        if dice.random() < 0.2:
            return TargetState(cooling=dice.randrange(2))
        price = PRICES[getattr(target, "model")]  # noqa: B009
        return up(
            GPT,
            keys=(UUID(int=dice.getrandbits(128)),),
            strained=dice.random() < 0.1,
            latency_ms=dice.choice([None, 50, 400]),
            input_price=price.input,
            output_price=price.output,
        )

    return {target: state(target) for target in (GPT, CLAUDE, GEMINI)}


def past(policy: RoutingPolicy | None, nth: int, dice: random.Random) -> PastCall:
    """A call as it went: decided, recorded and served by its first candidate."""
    facts: RequestFacts = asks(
        dice.choice([None, "auto", "chain", "gpt-4o", "unheard-of"])
        if nth % 7 == 0
        else None,
        chars=dice.randrange(3000),
        hard_words=dice.randrange(4),
        input_tokens=dice.randrange(5000),
    )
    words = RequestWords(text=dice.choice(["sql please", "a poem"]))
    answers = answered(policy, SHELF, words)
    turn = Turn(count=nth, dice=dice.getrandbits(32))
    planned = plan(policy, shelf=SHELF, facts=facts, answers=answers, bot=NO_BOT)
    standing = {k: v for k, v in states(dice).items() if k in planned.targets}
    decision = decide(planned, facts=facts, states=standing, turn=turn)
    record = record_of(
        decision,
        planned,
        versions=(1, 2, "built-in"),
        facts=facts,
        answers=answers,
        bot=NO_BOT,
        states=standing,
        turn=turn,
    )
    served = decision.candidates[0] if decision.candidates else None
    usage = Usage(input_tokens=1000, output_tokens=100)
    return PastCall(
        call_id=uuid4(),
        at=BEGAN + timedelta(seconds=nth),
        bot_id=BOT,
        vendor=served.target.vendor if served else "auto",
        model=served.target.model if served else None,
        key_id=served.keys[0] if served else None,
        usage=usage if served else Usage(),
        cost_micro_usd=777 if served else 0,
        refused=None if served else "no-usable-key",
        routing=record,
        scopes={ScopeKind.BOT: str(BOT)},
    )


def history(policy: RoutingPolicy | None, number: int = 200) -> list[PastCall]:
    dice = random.Random(5)
    return [past(policy, nth, dice) for nth in range(number)]


def under(policy: RoutingPolicy | None) -> Scenario:
    standing = {target: up(target) for target in (GPT, CLAUDE, GEMINI)}
    return Scenario(
        ruling=lambda _call, _record: Ruling(policy=policy, shelf=SHELF),
        price_of=price_of,
        standing=lambda _format: standing,
    )


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: getattr(p, "mode", "none"))
def test_the_same_policy_reproduces_history(policy: RoutingPolicy | None) -> None:
    calls = history(policy)
    found = what_if(calls, under(policy))
    assert found.reproduced
    assert (found.changed, found.unanswered) == (0, 0)
    assert found.before == found.after
    assert found.before.calls == len(calls)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda p: getattr(p, "mode", "none"))
def test_a_record_survives_its_storage(policy: RoutingPolicy | None) -> None:
    reader = TypeAdapter(RoutingRecord)
    for call in history(policy, 20):
        record = call.routing
        assert record is not None
        stored = reader.validate_json(orjson.dumps(kept(record)))
        assert stored == record
        assert reader.validate_json(orjson.dumps(record)) == record
        assert again(stored, policy, SHELF) == record.decision


def test_another_policy_is_charged_at_its_own_prices() -> None:
    calls = history(Direct(target=GPT), 50)
    calls = [call for call in calls if call.model == "gpt-4o"]
    found = what_if(calls, under(Direct(target=CLAUDE)))
    served = found.after.models["anthropic", "claude"]
    assert served.cost_micro_usd == served.calls * (1000 * 3 + 100 * 15)
    assert found.before.cost_micro_usd != found.after.cost_micro_usd
    assert not found.reproduced
    assert found.changed > 0


def priced_now(policy: RoutingPolicy) -> Scenario:
    """Under the policy, with the prices of now where none were read."""
    standing = {
        target: up(target, input_price=price.input, output_price=price.output)
        for target, price in ((GPT, PRICES["gpt-4o"]), (GEMINI, PRICES["gemini"]))
    }
    own = under(policy)
    return Scenario(ruling=own.ruling, price_of=price_of, standing=lambda _format: standing)


@pytest.mark.parametrize("strategy", ["least_latency", "round_robin"])
def test_calls_that_were_not_weighed_by_price_can_be(strategy: Strategy) -> None:
    balanced = LoadBalance(targets=BALANCED.targets, strategy=strategy)
    calls = [call for call in history(balanced, 50) if call.model == "gpt-4o"]
    limits = CostLimits(max_cost_micro_usd=10**6)
    policy = Cost(weights=CostWeights(cost=1), limits=limits, targets=(GPT,))
    assert what_if(calls, priced_now(policy)).after.refused == {}


def test_a_price_that_was_not_known_then_is_not_known_to_the_same_policy() -> None:
    policy = Cost(weights=CostWeights(cost=1), targets=(CLAUDE, GPT))
    calls = [
        replace(call, routing=unpriced(call.routing, policy))
        for call in history(policy, 50)
        if call.routing is not None
    ]
    assert what_if(calls, priced_now(policy)).reproduced


def test_an_unknown_price_makes_no_zero() -> None:
    scenario = Scenario(
        ruling=lambda _call, _record: Ruling(policy=Direct(target=CLAUDE), shelf=SHELF),
        price_of=lambda *_: None,
        standing=under(None).standing,
    )
    found = what_if(history(Direct(target=GPT), 50), scenario)
    assert found.after.models["anthropic", "claude"].unpriced > 0


def test_another_price_table_reprices_every_call() -> None:
    own = under(Direct(target=GPT))
    scenario = Scenario(ruling=own.ruling, price_of=price_of, reprice=True)
    found = what_if(history(Direct(target=GPT), 50), scenario)
    share = found.after.models["openai", "gpt-4o"]
    assert share.cost_micro_usd == share.calls * (1000 * 5 // 2 + 100 * 10)
    assert found.changed == 0


def test_rules_about_words_that_are_gone_are_counted() -> None:
    asks_words = Function(
        rules=(Rule(id="x", when=Conditions(keywords=("new",)), steps=(CLAUDE,)),),
        default=(GPT,),
    )
    calls = [call for call in history(Direct(target=GPT), 50) if not call.refused]
    found = what_if(calls, under(asks_words))
    assert found.unanswered >= len(calls) * 6 // 7
    assert found.changed == 0
