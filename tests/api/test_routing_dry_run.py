"""A request that nobody makes: where it would go, and why; nothing comes of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.front import Front, a_bot

GPT = {"vendor": "openai", "model": "gpt-5"}
OPUS = {"vendor": "anthropic", "model": "claude-opus-4-6"}
ASK = {"model": "auto", "messages": [{"role": "user", "content": "prove it, please"}]}
URL = "/api/bot/ada-1/routing"


def a_key(front: Front, headers: dict[str, str], vendor: str, **more: object) -> str:
    new = {"vendor": vendor, "label": "Main", "secret": "sk-0123456789abcdef"} | more
    answer = front.client.post("/api/provider-key", json=new, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def ready(front: Front) -> dict[str, str]:
    """A bot that may use every key of its team."""
    me = front.someone()
    a_bot(front, me, providers=[{"vendor": "openai"}, {"vendor": "anthropic"}])
    return me


def tried(
    front: Front, headers: dict[str, str], *, status: int = 200, **asked: Any
) -> dict[str, Any]:
    front.system.pump()
    before = (front.system.fleet.head(), front.system.calls.head())
    answer = front.client.post(f"{URL}/test", json={"body": ASK} | asked, headers=headers)
    assert answer.status_code == status, answer.text
    assert (front.system.fleet.head(), front.system.calls.head()) == before
    said: dict[str, Any] = answer.json()
    return said


def names(targets: list[dict[str, Any]]) -> list[str]:
    return [one["target"]["model"] for one in targets]


def test_the_bots_policy_decides_with_the_teams_keys(either: Front) -> None:
    me = ready(either)
    policy = {"mode": "failover", "steps": [GPT, OPUS]}
    either.client.put(URL, json=policy, headers=me)
    nothing = tried(either, me)
    assert (nothing["candidates"], nothing["refused"]) == ([], "no-usable-key")
    assert [one["why"] for one in nothing["skipped"]] == ["no-usable-key"] * 2
    key = a_key(either, me, "anthropic")
    said = tried(either, me)
    assert (said["chose"], said["refused"]) == ("failover", None)
    (candidate,) = said["candidates"]
    assert (candidate["target"]["model"], candidate["keys"]) == ("claude-opus-4-6", [key])
    assert names(said["skipped"]) == ["gpt-5"]
    a_key(either, me, "openai")
    assert names(tried(either, me)["candidates"]) == ["gpt-5", "claude-opus-4-6"]
    assert said["trigger"]["status_codes"]


def test_another_teams_keys_are_no_candidates(front: Front) -> None:
    me = ready(front)
    front.client.put(URL, json={"mode": "direct", "target": GPT}, headers=me)
    a_key(front, front.someone(), "openai")
    assert tried(front, me)["candidates"] == []


def test_another_policy_is_tried_out_and_judged_like_one_that_is_set(front: Front) -> None:
    me = ready(front)
    a_key(front, me, "openai")
    a_key(front, me, "anthropic")
    rule = {"id": "hard", "when": {"keywords": ["prove"]}, "steps": [OPUS]}
    function = {"mode": "function", "rules": [rule], "default": [GPT]}
    said = tried(front, me, policy=function)
    assert (said["chose"], said["because"]) == ("function", "hard")
    assert names(said["candidates"])[0] == "claude-opus-4-6"
    other = tried(front, me, policy=function, body=ASK | {"messages": []})
    assert other["because"] == "default"
    wrong = tried(front, me, policy={"mode": "failover", "chain": "x"}, status=422)
    assert wrong["errors"] == [{"field": "chain", "code": "unknown"}]
    assert front.client.get(URL, headers=me).json()["target"] is None


def test_prices_of_the_team_are_what_costs_are_weighed_by(front: Front) -> None:
    me = ready(front)
    for vendor in ("openai", "anthropic"):
        a_key(front, me, vendor)
    policy = {"mode": "cost", "weights": {"cost": 1}, "targets": [GPT, OPUS]}
    assert names(tried(front, me, policy=policy)["candidates"])[0] == "gpt-5"
    price = OPUS | {"input_micro_usd": 10_000, "output_micro_usd": 10_000}
    front.client.post("/api/routing/model-prices", json=price, headers=me)
    said = tried(front, me, policy=policy)
    assert names(said["candidates"])[0] == "claude-opus-4-6"
    weighed = {one["target"]["model"]: one["state"] for one in said["weighed"]}
    assert weighed["claude-opus-4-6"]["input_price"] == 10_000


def test_without_a_policy_the_primary_model_of_the_links_is_meant(front: Front) -> None:
    me = front.someone()
    a_bot(front, me, providers=[{"vendor": "openai", "primary_model": "gpt-5-mini"}])
    a_key(front, me, "openai")
    said = tried(front, me)
    assert (said["chose"], names(said["candidates"])) == ("primary", ["gpt-5-mini"])


@pytest.mark.parametrize(
    ("path", "format_spoken"),
    [
        ("chat/completions", "openai-chat"),
        ("/api/v1/auto/v1/chat/completions", "openai-chat"),
        ("v1/messages?beta=true", "anthropic-messages"),
        ("responses", "openai-responses"),
        ("embeddings", "openai-embeddings"),
    ],
)
def test_the_path_says_which_format_is_spoken(
    front: Front, path: str, format_spoken: str
) -> None:
    said = tried(front, ready(front), path=path)
    assert said["facts"]["format"] == format_spoken


@pytest.mark.parametrize("path", ["models", "v1/../x", "openai/chat/completions"])
def test_a_path_that_no_auto_call_has_is_refused(front: Front, path: str) -> None:
    said = tried(front, ready(front), path=path, status=422)
    assert said["errors"] == [{"field": "path", "code": "not-an-auto-path"}]
