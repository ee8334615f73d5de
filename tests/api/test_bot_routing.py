"""A bot's routing policy over HTTP: set whole, read as it stands and as it stood."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.front import Front, a_bot

URL = "/api/bot/ada-1/routing"
GPT = {"vendor": "openai", "model": "gpt-5"}
OPUS = {"vendor": "anthropic", "model": "claude-opus-4-6"}
PRIMARY = {"mode": "direct", "target": None}
POLICIES: list[dict[str, Any]] = [
    {"mode": "direct", "target": GPT},
    {"mode": "load_balance", "targets": [GPT | {"weight": 3}, OPUS]},
    {"mode": "load_balance", "targets": [GPT, OPUS], "strategy": "least_latency"},
    {"mode": "failover", "chain": "default", "retry": {"max_retries": 1}},
    {"mode": "failover", "steps": [GPT, {"capability": "coding"}, {"chain": "default"}]},
    {
        "mode": "function",
        "rules": [{"id": "hard", "when": {"keywords": ["prove"]}, "steps": [OPUS]}],
        "default": [GPT],
    },
    {"mode": "cost", "strategy": "best-value", "targets": [GPT, OPUS]},
    {"mode": "complexity", "simple": [GPT], "medium": [GPT], "complex": [OPUS]},
]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_of_every_mode_is_shown_as_it_was_set(
    front: Front, policy: dict[str, Any]
) -> None:
    me = front.someone()
    a_bot(front, me)
    answer = front.client.put(URL, json=policy, headers=me)
    assert answer.status_code == 200, answer.text
    shown = front.client.get(URL, headers=me)
    assert shown.json() == answer.json()
    assert within(policy, shown.json()), shown.text
    assert shown.headers["etag"] == answer.headers["etag"]
    again = front.client.put(URL, json=shown.json(), headers=me)
    assert again.headers["etag"] == answer.headers["etag"]
    assert again.headers["x-log-position"] == answer.headers["x-log-position"]


def within(said: object, shown: object) -> bool:
    """Everything that was said is shown; the rest are defaults."""
    if isinstance(said, dict) and isinstance(shown, dict):
        return all(name in shown and within(v, shown[name]) for name, v in said.items())
    if isinstance(said, list) and isinstance(shown, list):
        return len(said) == len(shown) and all(map(within, said, shown))
    return said == shown


def test_a_bot_without_a_policy_goes_to_its_primary_model(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    assert either.client.get(URL, headers=me).json() == PRIMARY
    either.client.put(URL, json=POLICIES[0], headers=me)
    back = either.client.put(URL, json=PRIMARY, headers=me)
    assert (back.status_code, back.json()) == (200, PRIMARY)


def test_a_policy_moves_on_with_its_bot(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    tag = either.client.get(URL, headers=me).headers["etag"]
    first = either.client.put(URL, json=POLICIES[0], headers=me | {"If-Match": tag})
    assert first.status_code == 200
    between = datetime.now(UTC)
    stale = either.client.put(URL, json=POLICIES[1], headers=me | {"If-Match": tag})
    assert stale.status_code == 412
    either.client.put(URL, json=POLICIES[3], headers=me)
    then = either.client.get(URL, params={"at": between.isoformat()}, headers=me)
    assert then.json() == first.json()
    assert then.headers["etag"] == first.headers["etag"]
    position = {"at": first.headers["x-log-position"]}
    assert either.client.get(URL, params=position, headers=me).json() == first.json()
    events = either.client.get("/api/bot/ada-1/events", headers=me).json()["items"]
    assert [one["type"] for one in events].count("bot.routing_set") == 2


@pytest.mark.parametrize(
    ("policy", "field", "code"),
    [
        ({}, "mode", "unknown-mode"),
        ({"mode": "luck"}, "mode", "unknown-mode"),
        ({"mode": "direct"}, "target", "missing"),
        ({"mode": "direct", "target": GPT, "x": 1}, "x", "unknown-field"),
        ({"mode": "direct", "target": GPT | {"model": "gpt-x"}}, "target.model", "unknown"),
        ({"mode": "failover", "chain": "nope"}, "chain", "unknown"),
        ({"mode": "failover", "steps": [GPT], "chain": "default"}, "steps", ""),
        ({"mode": "load_balance", "targets": []}, "targets", "empty"),
        ({"mode": "load_balance", "targets": [GPT | {"weight": "2"}]}, "", "int-type"),
        ({"mode": "cost", "strategy": "nope", "targets": [GPT]}, "strategy", "unknown"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused_by_its_field(
    front: Front, policy: dict[str, Any], field: str, code: str
) -> None:
    me = front.someone()
    a_bot(front, me)
    answer = front.client.put(URL, json=policy, headers=me)
    assert answer.status_code == 422, answer.text
    expected = {
        "field": field or "targets.0.weight",
        "code": code or "chain-or-steps",
    }
    assert answer.json()["errors"] == [expected]
    assert front.client.get(URL, headers=me).json() == PRIMARY


def test_a_model_that_nobody_knows_is_believed_if_the_bots_links_name_it(
    front: Front,
) -> None:
    me = front.someone()
    a_bot(front, me, providers=[{"vendor": "openai", "models": ["gpt-of-ours"]}])
    policy = {"mode": "direct", "target": {"vendor": "openai", "model": "gpt-of-ours"}}
    assert front.client.put(URL, json=policy, headers=me).status_code == 200


def test_a_teams_own_chain_may_be_named_by_its_bots_alone(front: Front) -> None:
    me, other = front.someone(), front.someone()
    for headers in (me, other):
        a_bot(front, headers)
    chain = {"id": "ours", "name": "Ours", "steps": [GPT]}
    front.client.post("/api/routing/fallback-chains", json=chain, headers=me)
    policy = {"mode": "failover", "chain": "ours"}
    assert front.client.put(URL, json=policy, headers=me).status_code == 200
    refused = front.client.put(URL, json=policy, headers=other)
    assert refused.json()["errors"] == [{"field": "chain", "code": "unknown"}]


def test_a_deleted_bots_policy_is_gone_with_it(front: Front) -> None:
    me = front.someone()
    a_bot(front, me)
    front.client.put(URL, json=POLICIES[0], headers=me)
    front.client.delete("/api/bot/ada-1", headers=me)
    assert front.client.get(URL, headers=me).status_code == 404
    assert front.client.put(URL, json=POLICIES[0], headers=me).status_code == 404
