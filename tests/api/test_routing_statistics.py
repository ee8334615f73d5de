"""Routing's statistics over HTTP, and the policy that they speak for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.verdicts import Verdict
from tests.api.front import Front
from tests.api.routed import BEGAN, GPT, OPUS, TIME, Routed
from tests.projections.given import tried

URL = "/api/routing/statistics"
FIRST = UUID(int=0xD1)


def told(routed: Routed, **query: str) -> dict[str, Any]:
    routed.front.system.pump()
    answer = routed.front.client.get(URL, params=TIME | query, headers=routed.me)
    assert answer.status_code == 200, answer.text
    fleet, calls = (
        log.head() for log in (routed.front.system.fleet, routed.front.system.calls)
    )
    read = f"fleet={fleet},calls={calls}" if "bot" in query else f"calls={calls}"
    assert answer.headers["x-log-position"] == read
    then = routed.front.client.get(
        URL, params=TIME | query | {"at": read}, headers=routed.me
    )
    assert then.headers["x-log-position"] == read
    assert then.json() == answer.json()
    said: dict[str, Any] = answer.json()
    return said


def suggestion(routed: Routed) -> dict[str, Any]:
    routed.front.system.pump()
    answer = routed.front.client.get(
        "/api/bot/ada-1/routing/suggest", params=TIME, headers=routed.me
    )
    assert answer.status_code == 200, answer.text
    said: dict[str, Any] = answer.json()
    return said


def test_each_target_is_told_with_its_share(either: Front) -> None:
    routed = Routed(either)
    for number in range(20):
        routed.call(number, first_byte_ms=100 + number)
    routed.call(30, http_status=503, attempt_log=(tried(FIRST, 503, Verdict.OVERLOADED),))
    said = told(routed, bot="ada-1")
    assert said["calls"] == 21
    assert said["from"] == "2026-03-02T11:00:00Z"
    items = said["items"]
    assert sum(one["calls"] for one in items) == 21
    assert sum(one["share"] for one in items) == pytest.approx(1, abs=0.001)
    assert [one["calls"] for one in items] == sorted(
        (one["calls"] for one in items), reverse=True
    )
    assert sum(one["successes"] for one in items) == 20
    first = items[0]
    assert (first["vendor"], first["model"]) == ("openai", "gpt-5")
    assert 95 <= first["first_byte_ms"]["p50"] <= 125
    assert first["cost_micro_usd"] == 100 * first["calls"]
    assert told(Routed(either))["items"] == []


def test_a_target_that_only_failed_is_its_keys_vendors(front: Front) -> None:
    routed = Routed(front)
    new = {"vendor": "openai", "label": "Main", "secret": "sk-0123456789abcdef"}
    key = front.client.post("/api/provider-key", json=new, headers=routed.me).json()["id"]
    failed = tried(UUID(key), 500, Verdict.OVERLOADED)
    fine = replace(tried(FIRST, 200, Verdict.OK), model="gpt-5")
    log = (replace(failed, model="gpt-5-mini"), fine)
    routed.call(1, attempt_log=log)
    items = {one["provider_key_id"]: one for one in told(routed)["items"]}
    one = items[key]
    assert (one["vendor"], one["model"], one["passed_on"]) == ("openai", "gpt-5-mini", 1)
    assert (one["success_rate"], one["first_byte_ms"]) == (0.0, None)
    assert [one["fallbacks"] for one in items.values() if one["calls"]] == [1]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"from": TIME["to"], "to": TIME["from"]}, "after-to"),
        ({"from": "2025-01-01T00:00:00Z"}, "more-than-92-days"),
    ],
)
def test_a_time_that_cannot_be_answered_is_refused(
    front: Front, query: dict[str, str], code: str
) -> None:
    answer = front.client.get(URL, params=TIME | query, headers=front.someone())
    assert answer.json()["errors"] == [{"field": "from", "code": code}]


@pytest.mark.parametrize("end", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_beyond_the_calendar_is_refused(front: Front, end: str) -> None:
    answer = front.client.get(URL, params={"to": end}, headers=front.someone())
    assert answer.json()["errors"] == [{"field": "to", "code": "time"}]


def test_without_a_time_the_last_week_is_meant(front: Front) -> None:
    answer = front.client.get(URL, headers=front.someone()).json()
    assert answer["from"] < answer["to"]
    assert answer["items"] == []


def test_a_bot_without_a_history_is_told_nothing(front: Front) -> None:
    routed = Routed(front)
    said = suggestion(routed)
    assert (said["policy"], said["because"]) == (None, "no-history")
    routed.call(1)
    assert suggestion(routed)["because"] == "too-few-calls"


def test_a_cheaper_target_that_is_as_good_is_suggested_with_the_numbers(
    either: Front,
) -> None:
    routed = Routed(either)
    for number in range(120):
        model = routed.a_record(number * 7919).decision.candidates[0].target.model
        routed.call(number, 9000 if model == "gpt-5" else 100)
    said = suggestion(routed)
    assert said["because"] == "cheaper-and-as-good"
    assert [one["model"] for one in said["policy"]["steps"]] == ["claude-opus-4-6", "gpt-5"]
    used, cheap = said["evidence"]
    assert used["target"]["model"] == "gpt-5"
    assert used["micro_usd_per_million_tokens"] == 6_000_000
    assert cheap["micro_usd_per_million_tokens"] == 66_666
    assert said["thresholds"]["cheaper"] == 0.7
    expected = said["expected"]
    assert expected["before"]["calls"] == expected["after"]["calls"] == 120
    assert expected["after"]["models"][0]["model"] == "claude-opus-4-6"
    put = either.client.put(
        "/api/bot/ada-1/routing", json=said["policy"], headers=routed.me
    )
    assert put.status_code == 200  # it is one that can be set as it is


def test_the_time_is_told_in_whole_hours(front: Front) -> None:
    routed = Routed(front)
    routed.call(1)
    odd = (BEGAN + timedelta(minutes=59)).isoformat()
    assert told(routed, **{"from": odd})["calls"] == 1


def test_a_model_that_is_only_asked_how_hard_requests_are_is_not_suggested(
    front: Front,
) -> None:
    routed = Routed(front)
    for number in range(120):
        routed.call(number)
    policy = {
        "mode": "complexity",
        **{level: [OPUS] for level in ("simple", "medium", "complex")},
        "classifier": GPT,
    }
    url = "/api/bot/ada-1/routing"
    assert front.client.put(url, json=policy, headers=routed.me).status_code == 200
    said = suggestion(routed)
    assert (said["because"], said["policy"]["mode"]) == ("one-target", "direct")
    assert said["policy"]["target"]["model"] == "claude-opus-4-6"
    served = policy | {"simple": [GPT]}
    assert front.client.put(url, json=served, headers=routed.me).status_code == 200
    assert len(suggestion(routed)["evidence"]) == 2
