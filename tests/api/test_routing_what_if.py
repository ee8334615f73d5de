"""What would have been: under its own rules the past is the past, under others not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.front import Front
from tests.api.routed import BEGAN, GPT, OPUS, TIME, Routed

URL = "/api/routing/what-if"
PRICE = GPT | {"input_micro_usd": 1_000_000, "output_micro_usd": 2_000_000}
TEAM_SCOPE = {"scope": {"kind": "team"}, "window": "day"}


def test_the_same_policy_reproduces_what_was_exactly(either: Front) -> None:
    routed = Routed(either)
    for number in range(20):
        routed.call(number, None if number == 3 else number)
    said = routed.asked()
    assert said["reproduced"] is True
    assert said["before"] == said["after"]
    assert (said["changed"], said["unanswered"]) == (0, 0)
    assert (said["before"]["calls"], said["before"]["unpriced"]) == (20, 1)
    assert said["before"]["cost_micro_usd"] == sum(range(20)) - 3
    shares = {one["model"]: one["share"] for one in said["before"]["models"]}
    assert set(shares) == {"gpt-5", "claude-opus-4-6"}
    assert sum(shares.values()) == pytest.approx(1)


def test_an_older_policy_is_found_though_another_one_is_set_by_now(front: Front) -> None:
    routed = Routed(front)
    for number in range(5):
        routed.call(number)
    policy = {"mode": "direct", "target": GPT}
    front.client.put("/api/bot/ada-1/routing", json=policy, headers=routed.me)
    assert routed.asked()["reproduced"] is True


def test_another_policy_moves_calls_and_their_cost(either: Front) -> None:
    routed = Routed(either)
    for number in range(20):
        routed.call(number)
    policy = {"mode": "direct", "target": OPUS}
    said = routed.asked(policy=policy, bot="ada-1")
    assert said["reproduced"] is False
    (only,) = said["after"]["models"]
    assert (only["model"], only["calls"], only["share"]) == ("claude-opus-4-6", 20, 1.0)
    moved = sum(one["calls"] for one in said["before"]["models"] if one["model"] == "gpt-5")
    assert said["changed"] == moved > 0
    # 1000 tokens in and 500 out, at 5 and 25 dollars a million
    assert said["after"]["cost_micro_usd"] == (20 - moved) * 100 + moved * 17_500


def test_a_target_that_no_record_speaks_of_stands_as_it_does_today(front: Front) -> None:
    routed = Routed(front)
    routed.call(1)
    policy = {"mode": "direct", "target": GPT | {"model": "gpt-5-mini"}}
    refused = routed.asked(policy=policy)
    assert refused["after"]["refused"] == {"no-usable-key": 1}
    new = {"vendor": "openai", "label": "Main", "secret": "sk-0123456789abcdef"}
    front.client.post("/api/provider-key", json=new, headers=routed.me)
    said = routed.asked(policy=policy)
    assert said["after"]["refused"] == {}
    assert said["after"]["models"][0]["model"] == "gpt-5-mini"


def test_another_price_charges_every_call_again(either: Front) -> None:
    routed = Routed(either)
    for number in range(8):
        routed.call(number)
    said = routed.asked(prices=[PRICE, PRICE | OPUS])
    assert said["before"]["cost_micro_usd"] == 800
    assert said["after"]["cost_micro_usd"] == 8 * 2000
    assert (said["reproduced"], said["changed"]) == (True, 0)


def test_a_quota_refuses_what_no_longer_fits_into_its_window(either: Front) -> None:
    routed = Routed(either)
    for number in range(10):
        routed.call(number)
    quota = TEAM_SCOPE | {"metric": "tokens", "limit": 1500 * 4}
    said = routed.asked(quotas=[quota])
    assert said["after"]["refused"] == {"quota-exceeded": 6}
    assert said["after"]["tokens"] == 6000
    other = {"scope": {"kind": "bot", "id": str(routed.bot_id)}, "window": "total"}
    said = routed.asked(quotas=[quota, other | {"metric": "requests", "limit": 1}])
    assert said["after"]["served"] == 1
    person = front_user(routed)
    member = {"scope": {"kind": "member", "id": person}, "window": "hour"}
    said = routed.asked(quotas=[member | {"metric": "requests", "limit": 3}])
    assert said["after"]["served"] == 3


def front_user(routed: Routed) -> str:
    """Who made the bot."""
    me = routed.front.client.get("/api/auth/me", headers=routed.me).json()
    return str(me["id"] if "id" in me else me["user"]["id"])


def test_only_the_calls_of_the_time_and_the_bot_are_played(front: Front) -> None:
    routed, others = Routed(front), Routed(front)
    for number in range(4):
        routed.call(number)
        others.call(number)
    assert routed.asked(bot="ada-1")["before"]["calls"] == 4
    until = (BEGAN).isoformat()
    assert routed.asked(to=until)["before"]["calls"] == 0
    absent = front.client.post(URL, json=TIME | {"bot": "eve-1"}, headers=routed.me)
    assert absent.status_code == 404


def test_unless_a_time_is_said_it_is_the_last_week_and_the_answer_says_how_far_it_saw(
    either: Front,
) -> None:
    routed = Routed(either)
    routed.call(1)  # long ago
    either.system.pump()
    answer = either.client.post(URL, json={}, headers=routed.me)
    assert answer.status_code == 200, answer.text
    system = either.system
    heads = f"fleet={system.fleet.head()},calls={system.calls.head()}"
    assert answer.headers["x-log-position"] == heads
    said = answer.json()
    since, until = (datetime.fromisoformat(said[name]) for name in ("from", "to"))
    assert until - since == timedelta(days=7)
    assert datetime.now(UTC) - until < timedelta(minutes=1)
    assert said["before"]["calls"] == 0
    back = {"to": TIME["to"]}
    answer = either.client.post(URL, json=back, headers=routed.me)
    assert answer.json()["before"]["calls"] == 1


@pytest.mark.parametrize(
    ("question", "field", "code"),
    [
        ({"to": TIME["from"]}, "from", "after-to"),
        ({"policy": {"mode": "failover", "chain": "x"}}, "chain", "unknown"),
        ({"policy": {"mode": "luck"}}, "policy.mode", "unknown-mode"),
        ({"prices": [GPT]}, "prices.0.input_micro_usd", "missing"),
        (
            {
                "prices": [
                    GPT | {"vendor": "x", "input_micro_usd": 1, "output_micro_usd": 1}
                ]
            },
            "vendor",
            "unknown-vendor",
        ),
        ({"quotas": [TEAM_SCOPE]}, "quotas.0.metric", "missing"),
        (
            {"quotas": [TEAM_SCOPE | {"metric": "tokens", "limit": 1, "time_zone": "X"}]},
            "time_zone",
            "unknown",
        ),
        ({"luck": 1}, "luck", "unknown-field"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_by_its_field(
    front: Front, question: dict[str, Any], field: str, code: str
) -> None:
    answer = front.client.post(URL, json=TIME | question, headers=front.someone())
    assert answer.status_code == 422, answer.text
    assert {"field": field, "code": code} in answer.json()["errors"]


def test_too_many_calls_are_not_played(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routing_trials.MOST_CALLS", 3)
    routed = Routed(front)
    for number in range(4):
        routed.call(number)
    front.system.pump()
    answer = front.client.post(URL, json=TIME, headers=routed.me)
    assert answer.json()["errors"] == [{"field": "from", "code": "too-many-calls"}]


def test_a_team_asks_so_often_and_no_more(front: Front) -> None:
    me = front.someone()
    answers = [front.client.post(URL, json=TIME, headers=me) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert front.client.post(URL, json=TIME, headers=front.someone()).status_code == 200
