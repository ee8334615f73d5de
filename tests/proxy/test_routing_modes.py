"""What a policy says is what `auto` calls do: direct, shared out, and by cost."""

from __future__ import annotations

from collections import Counter

import pytest

from adapters.catalog.routing_catalog import load_routing_catalog
from domain.calls import CallSettled
from domain.routing_decision import Why, WhyNot
from domain.routing_policy import (
    ChainStep,
    Cost,
    CostLimits,
    CostWeights,
    Direct,
    Failover,
    LoadBalance,
    RouteTarget,
    Strategy,
    WeightedTarget,
)
from tests.journeys.plane import DataPlane, call_id_of
from tests.journeys.proxy_process import until
from tests.proxy.routes import Routed, listed, routed, target

CHEAP = RouteTarget(vendor="openai", model="gpt-4o-mini")
DEAR = RouteTarget(vendor="openai", model="gpt-4o")


def share(weight: int = 1, vendor: str = "openai", directives: str = "") -> WeightedTarget:
    one = target(vendor, directives)
    return WeightedTarget(vendor=one.vendor, model=one.model, weight=weight)


def seen(bot: Routed, calls: int) -> Counter[str]:
    """How many of so many calls each model served."""
    return Counter(bot.ask().headers["x-clawbot-model"] for _ in range(calls))


# Direct.


@pytest.mark.parametrize("asked", ["auto", None])
def test_a_direct_policy_sends_every_auto_call_to_its_target(
    data_plane: DataPlane, asked: str | None
) -> None:
    there = target("google")
    bot = routed(data_plane, Direct(target=there), target("openai"))
    answer = bot.ask(asked)
    assert answer.status_code == 200
    assert answer.headers["x-clawbot-vendor"] == "google"
    assert answer.headers["x-clawbot-model"] == there.model
    assert answer.headers["x-clawbot-attempts"] == "1"
    (booked,) = data_plane.ledger(there.model)
    settled = bot.settled()
    assert settled.usage.output_tokens == booked["output_tokens"]
    facts = settled.facts
    assert (facts.vendor, facts.requested_model) == ("google", there.model)
    assert facts.provider_key_id == bot.keys["google"]
    decision = bot.decision()
    assert decision.chose == "direct"
    (candidate,) = decision.candidates
    assert (candidate.target, candidate.why) == (there, Why.ONLY)
    assert candidate.keys == (bot.keys["google"],)


@pytest.mark.parametrize(
    ("vendor", "tail", "path"),
    [
        ("openai", "chat/completions", "/v1/chat/completions"),
        ("openai", "responses", "/v1/responses"),
        ("openai", "embeddings", "/v1/embeddings"),
        ("anthropic", "v1/messages", "/v1/messages"),
        ("anthropic", "chat/completions", "/v1/chat/completions"),
        ("google", "chat/completions", "/v1beta/openai/chat/completions"),
        ("custom", "chat/completions", "/v1/chat/completions"),
        ("custom", "v1/messages", "/v1/messages"),
        ("ollama", "chat/completions", "/v1/chat/completions"),
        ("groq", "responses", "/openai/v1/responses"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_the_call_goes_to_its_vendors_own_endpoint_of_the_format(
    data_plane: DataPlane, vendor: str, tail: str, path: str, *, stream: bool
) -> None:
    if stream and tail == "embeddings":
        return  # which are not streamed by anybody
    there = target(vendor)
    bot = routed(data_plane, Direct(target=there))
    answer = bot.ask(tail=tail, stream=stream)
    assert (answer.status_code, answer.headers["x-clawbot-vendor"]) == (200, vendor)
    settled = bot.settled()
    assert bot.admitted().path == path
    (booked,) = data_plane.ledger(there.model)
    assert settled.usage.input_tokens == booked["input_tokens"]


def test_a_new_policy_holds_for_the_next_calls(data_plane: DataPlane) -> None:
    one, two = target(), target("google")
    bot = routed(data_plane, Direct(target=one), two)
    assert bot.ask().headers["x-clawbot-model"] == one.model
    bot.route(Direct(target=two))
    until(lambda: bot.ask().headers["x-clawbot-model"] == two.model)
    bot.route(None)
    until(lambda: bot.ask().status_code == 403)  # no primary model either


# Shared out.


def test_round_robin_takes_turns(data_plane: DataPlane) -> None:
    targets = (share(), share(vendor="google"), share(vendor="custom"))
    bot = routed(data_plane, LoadBalance(targets=targets, strategy="round_robin"))
    served = [bot.ask().headers["x-clawbot-model"] for _ in range(9)]
    assert Counter(served) == {one.model: 3 for one in targets}
    assert served[:3] == served[3:6] == served[6:]


def test_counting_tokens_before_each_call_takes_none_of_their_turns(
    data_plane: DataPlane,
) -> None:
    targets = (share(vendor="anthropic"), share(vendor="anthropic"))
    bot = routed(data_plane, LoadBalance(targets=targets, strategy="round_robin"))
    counted, served = [], []
    for _ in range(4):
        counted.append(bot.ask(tail="v1/messages/count_tokens"))
        served.append(bot.ask(tail="v1/messages").headers["x-clawbot-model"])
    assert Counter(served) == {one.model: 2 for one in targets}
    # Each was counted by the model that then answers.
    assert [one.headers["x-clawbot-model"] for one in counted] == served


@pytest.mark.parametrize("strategy", ["round_robin", "weighted", "least_latency"])
def test_where_the_turn_fails_another_takes_over(
    data_plane: DataPlane, strategy: Strategy
) -> None:
    broken, fine = share(directives="+status=503"), share(vendor="google")
    bot = routed(data_plane, LoadBalance(targets=(broken, fine), strategy=strategy))
    answers = [bot.ask() for _ in range(6)]
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["x-clawbot-model"] for answer in answers} == {fine.model}


def test_a_model_that_is_gone_is_no_turn_lost(data_plane: DataPlane) -> None:
    gone = share(directives="+status=404+code=model_not_found")
    fine = share(vendor="google")
    bot = routed(data_plane, LoadBalance(targets=(gone, fine), strategy="round_robin"))
    assert seen(bot, 4) == {fine.model: 4}
    wrong = share(directives="+status=400")
    bot = routed(data_plane, LoadBalance(targets=(wrong, fine), strategy="round_robin"))
    assert {bot.ask().status_code for _ in range(4)} == {200, 400}


def test_of_two_the_quicker_one_is_taken_once_both_were_measured(
    data_plane: DataPlane,
) -> None:
    slow, quick = share(directives="+slow=80"), share(vendor="google")
    bot = routed(data_plane, LoadBalance(targets=(slow, quick), strategy="least_latency"))
    served = seen(bot, 20)
    assert served[quick.model] >= 18
    assert served[slow.model] <= 2


def test_one_that_quickly_says_no_is_not_taken_for_the_quickest(
    data_plane: DataPlane,
) -> None:
    refusing, slow = share(directives="+status=404"), share(vendor="google")
    policy = LoadBalance(targets=(refusing, slow), strategy="least_latency")
    bot = routed(data_plane, policy)
    served = seen(bot, 20)
    assert served[refusing.model] <= 2
    assert served[slow.model] >= 18


# By cost.


def test_the_cheapest_of_the_targets_is_taken(data_plane: DataPlane) -> None:
    policy = Cost(weights=CostWeights(cost=1), targets=(DEAR, CHEAP))
    bot = routed(data_plane, policy)
    assert bot.ask().headers["x-clawbot-model"] == CHEAP.model
    record = bot.record()
    assert [one.why for one in record.decision.candidates] == [Why.SCORE, Why.SCORE]
    prices = {one.target: one.state.input_price or 0 for one in record.weighed}
    assert 0 < prices[CHEAP] < prices[DEAR]


def test_the_cheapest_is_the_one_whose_usual_tokens_are(data_plane: DataPlane) -> None:
    # To write into its cache for an hour costs twice as much, which is asked for by nobody.
    haiku = RouteTarget(vendor="anthropic", model="claude-haiku-4-5")
    gpt = RouteTarget(vendor="openai", model="gpt-5")
    bot = routed(data_plane, Cost(weights=CostWeights(cost=1), targets=(gpt, haiku)))
    assert bot.asked("word " * 20_000) == haiku.model
    prices = {one.target: one.state for one in bot.record().weighed}
    known = {target.model: prices[target].input_price for target in (haiku, gpt)}
    assert known == {"claude-haiku-4-5": 1_000_000, "gpt-5": 1_250_000}


def test_what_costs_too_much_is_skipped_with_the_reason(data_plane: DataPlane) -> None:
    unknown = target("custom")
    limits = CostLimits(max_cost_micro_usd=400)
    policy = Cost(
        weights=CostWeights(capability=1), limits=limits, targets=(DEAR, CHEAP, unknown)
    )
    bot = routed(data_plane, policy)
    assert bot.ask().headers["x-clawbot-model"] == CHEAP.model
    skipped = {one.target: one.why for one in bot.decision().skipped}
    assert skipped == {DEAR: WhyNot.TOO_EXPENSIVE, unknown: WhyNot.NO_PRICE}


def test_a_strategy_of_the_shelf_chooses_among_the_targets(data_plane: DataPlane) -> None:
    policy = Cost(strategy="lowest-cost", targets=(DEAR, CHEAP))
    bot = routed(data_plane, policy)
    assert bot.ask().headers["x-clawbot-model"] == CHEAP.model
    assert bot.decision().because == "lowest-cost"


# Named by the request.


def test_a_model_that_a_link_names_goes_around_the_policy(data_plane: DataPlane) -> None:
    usual, named = target(), target("google")
    bot = routed(data_plane, Direct(target=usual), named)
    answer = bot.ask(named.model)
    assert answer.headers["x-clawbot-vendor"] == "google"
    assert bot.decision().chose == "model"
    assert bot.admitted().changes == ()


def test_the_id_of_a_chain_is_a_models_name(data_plane: DataPlane) -> None:
    anthropic = RouteTarget(vendor="anthropic", model="claude-haiku-4-5-20251001")
    bot = routed(data_plane, None, anthropic)
    answer = bot.ask("fast-response", tail="v1/messages")
    assert answer.status_code == 200, answer.text
    decision = bot.decision()
    assert (decision.chose, decision.because) == ("chain", "fast-response")
    assert answer.headers["x-clawbot-vendor"] == "anthropic"
    assert bot.admitted().facts.requested_model == decision.candidates[0].target.model
    assert {one.why for one in decision.skipped} <= set(WhyNot)


def test_the_models_that_the_policy_names_are_listed_with_the_links(
    data_plane: DataPlane,
) -> None:
    one, two = target(), target("google")
    steps = (one, ChainStep(chain="vision"), two)
    bot = routed(data_plane, Failover(steps=steps))
    until(lambda: "vision" in listed(bot))
    names = listed(bot)
    in_chain = load_routing_catalog().shelf.chains["vision"].steps
    models = [step.model for step in in_chain if isinstance(step, RouteTarget)]
    assert names[0] == "auto"
    assert {one.model, two.model, "vision", *models} <= set(names)
    assert len(names) == len(set(names))
    for name in (one.model, models[0]):
        assert bot.ask(name).headers["x-clawbot-model"] == name


def test_a_policy_alone_names_models(data_plane: DataPlane) -> None:
    gpt = RouteTarget(vendor="openai", model="gpt-4o-mini")
    key = data_plane.add_key("openai")
    bot = Routed(plane=data_plane, bot=data_plane.new_bot(key))
    assert listed(bot) == []
    bot.route(Direct(target=gpt))
    until(lambda: listed(bot) == ["auto", "gpt-4o-mini"])


def test_a_step_for_one_protocol_serves_no_other(data_plane: DataPlane) -> None:
    for_claude = target("custom", protocol="anthropic")
    for_gpt = target("custom", protocol="openai")
    steps = (for_claude, for_gpt)
    chat = routed(data_plane, Failover(steps=steps))
    assert chat.ask().headers["x-clawbot-model"] == for_gpt.model
    skipped = {one.target: one.why for one in chat.decision().skipped}
    assert skipped == {for_claude: WhyNot.OTHER_PROTOCOL}
    messages = routed(data_plane, Failover(steps=steps))
    answer = messages.ask(tail="v1/messages")
    assert answer.headers["x-clawbot-model"] == for_claude.model


def test_the_headers_say_who_served_the_call(data_plane: DataPlane) -> None:
    there = target("anthropic")
    bot = routed(data_plane, Direct(target=there))
    answer = bot.ask(tail="v1/messages", stream=True)
    assert answer.headers["x-clawbot-vendor"] == "anthropic"
    ids = [e.originator_id for e in data_plane.events(bot.bot)]
    assert call_id_of(answer) in ids
    assert isinstance(data_plane.events(bot.bot)[-1].event, CallSettled)
