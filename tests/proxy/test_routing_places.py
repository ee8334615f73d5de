"""An `auto` call whose first target has no room in its own quota: it goes to the next."""

from __future__ import annotations

import pytest

from domain.calls import CallRefused
from domain.holds import Balance
from domain.quota_events import Metric, Scope, ScopeKind
from domain.routing_policy import Failover, RouteTarget
from tests.journeys.plane import DataPlane, link_to, new_model
from tests.proxy.pools import secret_that
from tests.proxy.routes import routed, target
from tests.proxy.test_budgets import balance, limit
from tests.proxy.test_routing_budgets import of_model


@pytest.mark.parametrize("stream", [False, True])
def test_a_first_model_whose_own_quota_is_used_up_is_passed_over(
    data_plane: DataPlane, *, stream: bool
) -> None:
    empty, fine = target("openai"), target("google")
    bot = routed(data_plane, Failover(steps=(empty, fine)))
    quota_id = limit(data_plane, bot.bot, 0, Metric.REQUESTS, scope=of_model(empty))
    answer = bot.ask(stream=stream)
    assert (answer.status_code, answer.headers["x-clawbot-model"]) == (200, fine.model)
    assert answer.headers["x-clawbot-vendor"] == "google"
    assert answer.headers["x-clawbot-attempts"] == "1"
    assert data_plane.ledger(empty.model) == []
    admitted = bot.admitted()
    assert (admitted.facts.vendor, admitted.facts.requested_model) == ("google", fine.model)
    (passed,) = admitted.passed_over
    assert (passed.vendor, passed.model) == ("openai", empty.model)
    assert (passed.code, passed.hold.quota_id) == ("quota-exceeded", quota_id)
    assert passed.provider_key_id == bot.keys["openai"]
    assert bot.settled().facts.requested_model == fine.model


def test_the_decision_itself_stands_as_it_was_made(data_plane: DataPlane) -> None:
    empty, fine = target("openai"), target("google")
    bot = routed(data_plane, Failover(steps=(empty, fine)))
    limit(data_plane, bot.bot, 0, Metric.REQUESTS, scope=of_model(empty))
    bot.ask()
    assert [one.target for one in bot.decision().candidates] == [empty, fine]


def test_a_key_whose_own_quota_is_used_up_makes_way_for_the_next_key(
    data_plane: DataPlane,
) -> None:
    one, two = data_plane.add_key("openai"), data_plane.add_key("openai")
    bot, model = data_plane.new_bot(links=(link_to(one), link_to(two))), new_model()
    scope = Scope(kind=ScopeKind.PROVIDER_KEY, id=str(one))
    limit(data_plane, bot, 0, Metric.REQUESTS, scope=scope)
    served = [data_plane.chat(bot, model).status_code for _ in range(4)]
    assert served == [200] * 4
    assert len(data_plane.ledger(model)) == 4


def test_a_dear_first_model_makes_way_for_a_cheap_one(data_plane: DataPlane) -> None:
    dear = RouteTarget(vendor="google", model="gemini-2.5-pro")
    cheap = RouteTarget(vendor="openai", model="gpt-4o-mini")
    bot = routed(data_plane, Failover(steps=(dear, cheap)))
    quota_id = limit(data_plane, bot.bot, 100, Metric.COST_MICRO_USD)
    answer = bot.ask(max_completion_tokens=100)
    assert (answer.status_code, answer.headers["x-clawbot-model"]) == (200, cheap.model)
    settled = bot.settled()
    assert balance(data_plane, quota_id) == Balance(settled=settled.cost_micro_usd or 0)


def test_without_room_anywhere_the_call_is_refused_once_and_names_all(
    data_plane: DataPlane,
) -> None:
    steps = target("openai"), target("google"), target("mistral")
    bot = routed(data_plane, Failover(steps=steps))
    for one in steps:
        limit(data_plane, bot.bot, 0, Metric.REQUESTS, scope=of_model(one))
    answer = bot.ask()
    assert (answer.status_code, answer.headers["x-clawbot-attempts"]) == (429, "0")
    refused = data_plane.only(bot.bot, CallRefused)
    assert answer.headers["x-clawbot-model"] == refused.facts.requested_model
    named = {refused.facts.requested_model, *(one.model for one in refused.passed_over)}
    assert named == {one.model for one in steps}


def test_a_call_that_was_sent_elsewhere_goes_on_from_there(data_plane: DataPlane) -> None:
    empty, broken, fine = (
        target("openai"),
        target("google", "+status=503"),
        target("custom"),
    )
    bot = routed(data_plane, Failover(steps=(empty, broken, fine)))
    limit(data_plane, bot.bot, 0, Metric.REQUESTS, scope=of_model(empty))
    answer = bot.ask()
    assert (answer.status_code, answer.headers["x-clawbot-model"]) == (200, fine.model)
    assert answer.headers["x-clawbot-attempts"] == "2"
    assert [model for model, _, _ in bot.tried()] == [broken.model, fine.model]
    assert [one.model for one in bot.admitted().passed_over] == [empty.model]


def test_our_own_error_after_failed_attempts_says_how_many_there_were(
    data_plane: DataPlane,
) -> None:
    first, last = target("openai"), target("google")
    secrets = dict.fromkeys(("openai", "google"), secret_that("status=401"))
    bot = routed(data_plane, Failover(steps=(first, last)), secrets=secrets)
    answer = bot.ask()
    assert answer.json()["error"]["code"] == "upstream-refused-credential"
    assert answer.headers["x-clawbot-attempts"] == "2"
    assert answer.headers["x-clawbot-model"] == last.model
    assert bot.settled().attempts == 2
