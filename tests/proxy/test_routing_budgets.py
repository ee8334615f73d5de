"""Budgets of a call that goes on to another model: it holds what it needs there, or not."""

from __future__ import annotations

import pytest

from domain.calls import CallExtended, CallRefused
from domain.holds import Balance
from domain.quota_events import Metric, Scope, ScopeKind
from domain.routing_policy import Failover, RouteTarget
from tests.journeys.plane import DataPlane
from tests.proxy.pools import secret_that
from tests.proxy.routes import RECORD, Routed, routed, target
from tests.proxy.test_budgets import balance, limit

CHEAP = RouteTarget(vendor="openai", model="gpt-4o-mini")
DEAR = RouteTarget(vendor="google", model="gemini-2.5-pro")
CHEAP_TOO = RouteTarget(vendor="anthropic", model="claude-haiku-4-5-20251001")
DOWN = secret_that("status=503")


def of_model(one: RouteTarget) -> Scope:
    return Scope(kind=ScopeKind.MODEL, id=one.model)


def extensions(bot: Routed) -> list[int]:
    """What was held beside, in order."""
    return [
        hold.amount
        for recorded in bot.plane.events(bot.bot)
        if isinstance(recorded.event, CallExtended)
        for hold in recorded.event.holds
    ]


def test_a_dearer_model_that_the_budget_has_no_room_for_is_passed_over(
    data_plane: DataPlane,
) -> None:
    steps = (CHEAP, DEAR, CHEAP_TOO)
    bot = routed(data_plane, Failover(steps=steps), secrets={"openai": DOWN})
    quota_id = limit(data_plane, bot.bot, 700, Metric.COST_MICRO_USD)
    answer = bot.ask(max_completion_tokens=100)
    assert (answer.status_code, answer.headers["x-clawbot-vendor"]) == (200, "anthropic")
    assert [model for model, _, _ in bot.tried()] == [CHEAP.model, CHEAP_TOO.model]
    assert balance(data_plane, quota_id).held == 0
    assert 0 < balance(data_plane, quota_id).settled <= 700


def test_without_room_anywhere_else_the_first_answer_stands(data_plane: DataPlane) -> None:
    bot = routed(data_plane, Failover(steps=(CHEAP, DEAR)), secrets={"openai": DOWN})
    quota_id = limit(data_plane, bot.bot, 700, Metric.COST_MICRO_USD)
    answer = bot.ask(max_completion_tokens=100)
    assert (answer.status_code, answer.headers["x-clawbot-attempts"]) == (503, "1")
    assert balance(data_plane, quota_id).held == 0


def test_with_room_the_dearer_model_is_held_for_in_full(data_plane: DataPlane) -> None:
    bot = routed(data_plane, Failover(steps=(CHEAP, DEAR)), secrets={"openai": DOWN})
    quota_id = limit(data_plane, bot.bot, 100_000, Metric.COST_MICRO_USD)
    answer = bot.ask(max_completion_tokens=100)
    assert answer.headers["x-clawbot-vendor"] == "google"
    (first,) = bot.admitted().holds
    extended = [
        e.event for e in data_plane.events(bot.bot) if type(e.event) is CallExtended
    ]
    more = sum(hold.amount for event in extended for hold in event.holds)
    assert first.amount + more >= 1000 > first.amount  # 100 tokens at 10 dollars a million
    settled = bot.settled()
    assert balance(data_plane, quota_id) == Balance(
        settled=settled.cost_micro_usd or 0, held=0
    )


def test_the_model_that_serves_is_the_model_that_is_charged(data_plane: DataPlane) -> None:
    broken, fine = target("openai", "+status=503"), target("google")
    bot = routed(data_plane, Failover(steps=(broken, fine)))
    quotas = [
        limit(data_plane, bot.bot, 10, Metric.REQUESTS, scope=of_model(one))
        for one in (broken, fine)
    ]
    assert bot.ask().status_code == 200
    bot.settled()
    assert [balance(data_plane, quota) for quota in quotas] == [
        Balance(settled=0, held=0),
        Balance(settled=1, held=0),
    ]


def test_a_model_whose_own_quota_is_used_up_is_passed_over(data_plane: DataPlane) -> None:
    broken, empty, fine = (
        target("openai", "+status=503"),
        target("google"),
        target("custom"),
    )
    bot = routed(data_plane, Failover(steps=(broken, empty, fine)))
    limit(data_plane, bot.bot, 0, Metric.REQUESTS, scope=of_model(empty))
    assert bot.ask().headers["x-clawbot-model"] == fine.model
    assert data_plane.ledger(empty.model) == []


@pytest.mark.parametrize("stream", [False, True])
def test_a_call_that_was_kept_to_what_is_left_is_kept_to_it_elsewhere(
    data_plane: DataPlane, *, stream: bool
) -> None:
    broken, fine = target("openai", "+status=503"), target("mistral", "+tokens=500")
    bot = routed(data_plane, Failover(steps=(broken, fine)))
    quota_id = limit(data_plane, bot.bot, 200)
    answer = bot.ask(stream=stream)
    assert answer.status_code == 200
    assert answer.headers["x-clawbot-model"] == fine.model
    used = bot.settled().usage
    assert 0 < balance(data_plane, quota_id).settled <= 200
    if not stream:
        limits = [change for change in bot.admitted().changes if "output_limit" in change]
        assert limits == [f"output_limit:{used.output_tokens}"]


def test_a_stream_goes_on_growing_in_the_quota_of_the_model_that_it_came_to(
    data_plane: DataPlane,
) -> None:
    broken, fine = target("openai", "+status=503"), target("google", "+tokens=20000")
    bot = routed(data_plane, Failover(steps=(broken, fine)))
    quota_id = limit(data_plane, bot.bot, 6000, scope=of_model(fine))
    answer = bot.ask(stream=True)
    assert answer.text.endswith("data: [DONE]\n\n")
    assert bot.settled().error == "quota-exceeded"
    assert [amount for amount in extensions(bot) if amount] == [2061, 2048, 1891]
    after = balance(data_plane, quota_id)
    assert after.held == 0
    assert 1000 < after.settled <= 6000


def test_a_stream_grows_at_the_price_of_the_model_that_it_came_to(
    data_plane: DataPlane,
) -> None:
    dear = RouteTarget(vendor="anthropic", model="claude-opus-4-5-20251101")  # 25 $/M
    secrets = {"openai": DOWN, "anthropic": secret_that("tokens=20000")}
    bot = routed(data_plane, Failover(steps=(CHEAP, dear)), secrets=secrets)
    quota_id = limit(data_plane, bot.bot, 150_000, Metric.COST_MICRO_USD)
    bot.ask(stream=True)
    settled = bot.settled()
    assert (settled.facts.requested_model, settled.error) == (dear.model, "quota-exceeded")
    after = balance(data_plane, quota_id)
    assert after.held == 0
    assert 20_000 < after.settled <= 150_000


def thinker(plane: DataPlane) -> Routed:
    """Its first model fails; the second one thinks where nobody sees it."""
    visible = target("google", "+status=503")
    hidden = RouteTarget(vendor="openai", model="o3")
    secrets = {"openai": secret_that("tokens=3000+reasoning=9000")}
    return routed(plane, Failover(steps=(visible, hidden)), secrets=secrets)


def test_a_model_that_thinks_unseen_is_held_for_before_and_kept_to_it(
    data_plane: DataPlane,
) -> None:
    bot = thinker(data_plane)
    quota_id = limit(data_plane, bot.bot, 5000)
    answer = bot.ask(stream=True)
    assert answer.headers["x-clawbot-model"] == "o3"
    settled = bot.settled()
    assert settled.usage.reasoning_tokens
    assert balance(data_plane, quota_id) == Balance(
        settled=settled.usage.total_tokens or 0, held=0
    )
    assert balance(data_plane, quota_id).settled <= 5000
    changes = settled.attempt_log[1].changes or bot.admitted().changes
    assert any(change.startswith("output_limit:") for change in changes)


def test_with_room_it_thinks_as_long_as_it_likes(data_plane: DataPlane) -> None:
    bot = thinker(data_plane)
    limit(data_plane, bot.bot, 10_000_000)
    bot.ask(stream=True)
    assert bot.settled().usage.output_tokens == 12_000


def test_a_call_that_a_budget_refuses_keeps_how_it_was_routed(
    data_plane: DataPlane,
) -> None:
    bot = routed(data_plane, Failover(steps=(CHEAP, CHEAP_TOO)))
    limit(data_plane, bot.bot, 0, Metric.REQUESTS)
    assert bot.ask().status_code == 429
    refused = data_plane.only(bot.bot, CallRefused)
    decision = RECORD.validate_python(refused.routing).decision
    assert [one.target for one in decision.candidates] == [CHEAP, CHEAP_TOO]
