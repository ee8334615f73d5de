"""Where nothing can serve a call it is refused, and the record says why of each target."""

from __future__ import annotations

import pytest

from domain.routing_decision import WhyNot
from domain.routing_policy import Direct, Failover, LoadBalance, RouteTarget, WeightedTarget
from tests.journeys.plane import DataPlane, link_to
from tests.proxy.pools import secret_that
from tests.proxy.routes import Routed, routed, target


def refused(bot: Routed, tail: str = "chat/completions") -> tuple[int, str]:
    """The status, and the code that the bot's program reads."""
    answer = bot.ask(tail=tail)
    error = answer.json()["error"]
    return answer.status_code, error.get("code") or error["details"]["code"]


def test_without_a_key_the_call_is_refused_and_recorded_with_its_routing(
    data_plane: DataPlane,
) -> None:
    nobody = target("openai", tag="nobody-has-it")
    bot = routed(data_plane, Direct(target=nobody))
    assert refused(bot) == (403, "no-usable-key")
    code, decision = bot.refusal()
    assert code == "no-usable-key"
    assert (decision.chose, decision.candidates) == ("direct", ())
    assert [(one.target, one.why) for one in decision.skipped] == [(nobody, WhyNot.NO_KEY)]
    assert data_plane.ledger(nobody.model) == []


def test_a_target_of_another_format_is_skipped_and_alone_refused(
    data_plane: DataPlane,
) -> None:
    chat_only = target("groq")
    bot = routed(data_plane, Direct(target=chat_only))
    assert refused(bot, "v1/messages") == (403, "path-not-allowed")
    code, decision = bot.refusal()
    assert code == "path-not-allowed"
    assert [one.why for one in decision.skipped] == [WhyNot.OTHER_FORMAT]
    both = routed(data_plane, Failover(steps=(chat_only, target("anthropic"))))
    answer = both.ask(tail="v1/messages")
    assert (answer.status_code, answer.headers["x-clawbot-vendor"]) == (200, "anthropic")
    assert [one.why for one in both.decision().skipped] == [WhyNot.OTHER_FORMAT]


def test_when_all_keys_cool_the_caller_is_told_to_wait(data_plane: DataPlane) -> None:
    one, two = target("openai"), target("google")
    limited = {
        "openai": secret_that("status=429+retry=3600"),
        "google": secret_that("status=429+retry=30"),
    }
    bot = routed(data_plane, Failover(steps=(one, two)), secrets=limited)
    assert bot.ask().status_code == 429  # the vendor's own
    again = bot.ask()
    assert (again.status_code, again.json()["error"]["code"]) == (429, "all-keys-cooling")
    assert 20 < int(again.headers["retry-after"]) <= 34  # as the sooner one asks, or so
    code, decision = bot.refusal()
    assert code == "all-keys-cooling"
    assert {skipped.why for skipped in decision.skipped} == {WhyNot.COOLING}


def test_when_all_keys_cool_for_long_nobody_is_told_to_come_back_soon(
    data_plane: DataPlane,
) -> None:
    secrets = {"openai": secret_that("status=429+retry=3600")}
    bot = routed(data_plane, Direct(target=target("openai")), secrets=secrets)
    assert bot.ask().status_code == 429
    again = bot.ask()
    assert again.json()["error"]["code"] == "all-keys-cooling"
    assert "retry-after" not in again.headers


def test_a_key_that_cools_is_passed_over_from_then_on(data_plane: DataPlane) -> None:
    one, two = target("openai"), target("google")
    secrets = {"openai": secret_that("status=429+retry=30")}
    bot = routed(data_plane, Failover(steps=(one, two)), secrets=secrets)
    attempts = [bot.ask().headers["x-clawbot-attempts"] for _ in range(3)]
    assert attempts == ["2", "1", "1"]


def test_a_model_of_another_kind_is_not_asked_to_chat(data_plane: DataPlane) -> None:
    picture = RouteTarget(vendor="dashscope", model="qwen-image-plus")
    bot = routed(data_plane, Direct(target=picture))
    assert refused(bot) == (403, "no-usable-key")
    assert bot.refusal()[1].skipped[0].why is WhyNot.OTHER_KIND


def test_a_key_of_another_link_does_not_serve_a_model_that_a_link_names(
    data_plane: DataPlane,
) -> None:
    there = target("openai")
    removed = data_plane.add_key("openai")
    links = (link_to(removed, models=(there.model,)), link_to(data_plane.key_of("openai")))
    bot = Routed(plane=data_plane, bot=data_plane.new_bot(links=links))
    bot.route(Direct(target=there))
    assert bot.ask().status_code == 200
    assert bot.settled().facts.provider_key_id == removed


@pytest.mark.parametrize("tag", ["t-fast", None])
def test_a_tag_chooses_among_the_keys(data_plane: DataPlane, tag: str | None) -> None:
    there = target("openai", tag=tag)
    plain = data_plane.add_key("openai")
    tagged = data_plane.add_key("openai", tags=("t-fast",))
    links = tuple(link_to(key, models=("*", there.model)) for key in (plain, tagged))
    bot = Routed(plane=data_plane, bot=data_plane.new_bot(links=links))
    bot.route(Direct(target=there))
    assert bot.ask().status_code == 200
    (candidate,) = bot.decision().candidates
    assert set(candidate.keys) == ({tagged} if tag else {plain, tagged})


def test_two_targets_that_differ_by_a_tag_share_no_key(data_plane: DataPlane) -> None:
    there = target("openai", tag="t-a")
    again = RouteTarget(vendor="openai", model=there.model)
    targets = tuple(
        WeightedTarget(vendor=one.vendor, model=one.model, tag=one.tag)
        for one in (there, again)
    )
    key = data_plane.add_key("openai", tags=("t-a",))
    links = (link_to(key, models=("*", there.model)),)
    bot = Routed(plane=data_plane, bot=data_plane.new_bot(links=links))
    bot.route(LoadBalance(targets=targets))
    assert bot.ask().status_code == 200
    assert [one.why for one in bot.decision().skipped] == [WhyNot.SAME]
