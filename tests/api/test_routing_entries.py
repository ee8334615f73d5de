"""Chains, tags and strategies over HTTP: the built-in ones, and the team's own beside."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.front import Front

GPT = {"vendor": "openai", "model": "gpt-5"}
CHAIN: dict[str, Any] = {"id": "ours", "name": "Ours", "steps": [GPT, {"chain": "default"}]}
TAG = {"id": "polite", "name": "Polite", "detect": {"keywords": ["please"]}}
STRATEGY = {"id": "cheap", "name": "Cheap", "weights": {"cost": 1}, "models": [GPT]}
NEW: dict[str, dict[str, Any]] = {
    "fallback-chains": CHAIN,
    "capability-tags": TAG,
    "cost-strategies": STRATEGY,
}
COUNTS = {"fallback-chains": 13, "capability-tags": 22, "cost-strategies": 13}
CHAINS = "/api/routing/fallback-chains"


def made(front: Front, headers: dict[str, str], **fields: object) -> dict[str, Any]:
    answer = front.client.post(CHAINS, json=CHAIN | fields, headers=headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("path", NEW)
def test_the_built_in_entries_stand_beside_the_teams_own(either: Front, path: str) -> None:
    me, url = either.someone(), f"/api/routing/{path}"
    new = either.client.post(url, json=NEW[path], headers=me)
    assert (new.status_code, new.headers["etag"]) == (201, '"1"')
    assert new.headers["x-log-position"].startswith("fleet=")
    own = new.json()
    assert (own["source"], own["read_only"], own["version"]) == ("team", False, "1")
    listed = either.client.get(url, headers=me).json()["items"]
    assert len(listed) == COUNTS[path] + 1
    assert own in listed
    assert [one["id"] for one in listed] == sorted(one["id"] for one in listed)
    built_in = [one for one in listed if one["source"] == "built-in"]
    assert all(one["read_only"] for one in built_in)
    for one in (own, built_in[0]):
        assert either.client.get(f"{url}/{one['id']}", headers=me).json() == one
    theirs = either.client.get(url, headers=either.someone()).json()["items"]
    assert theirs == built_in


def test_built_in_texts_come_in_the_language_that_is_asked_for(front: Front) -> None:
    me, url = front.someone(), f"{CHAINS}/default"

    def name(locale: str = "", accept: str = "") -> str:
        query = {"locale": locale} if locale else {}
        headers = me | ({"Accept-Language": accept} if accept else {})
        answer = front.client.get(url, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["name"])

    english, chinese = name(), name(locale="zh-CN")
    assert english != chinese
    assert not chinese.isascii()
    assert name(accept="zh-CN,zh;q=0.9,en;q=0.8") == chinese
    assert name(accept="fr, zh;q=0.5, en;q=0.9") == english
    assert name(locale="en", accept="zh") == english
    assert name(accept="*;q=x, ;;") == english
    wrong = front.client.get(url, params={"locale": "../x"}, headers=me)
    assert wrong.status_code == 422


def test_pages_of_entries_fit_together(front: Front) -> None:
    me, seen, query = front.someone(), [], {"limit": "10"}
    made(front, me)
    while True:
        page = front.client.get(CHAINS, params=query, headers=me).json()
        seen += [one["id"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    whole = front.client.get(CHAINS, headers=me).json()["items"]
    assert seen == [one["id"] for one in whole]
    own = front.client.get(CHAINS, params={"source": "team"}, headers=me).json()["items"]
    assert [one["id"] for one in own] == ["ours"]


@pytest.mark.parametrize("path", NEW)
def test_what_is_built_in_is_not_changed_and_its_id_is_taken(
    front: Front, path: str
) -> None:
    me, url = front.someone(), f"/api/routing/{path}"
    built_in = front.client.get(url, headers=me).json()["items"][0]["id"]
    body = {name: value for name, value in NEW[path].items() if name != "id"}
    for answer in (
        front.client.put(f"{url}/{built_in}", json=body, headers=me),
        front.client.delete(f"{url}/{built_in}", headers=me),
    ):
        refused = (answer.status_code, answer.json()["code"])
        assert refused == (403, "built-in-is-read-only")
    taken = front.client.post(url, json=NEW[path] | {"id": built_in}, headers=me)
    assert (taken.status_code, taken.json()["code"]) == (409, "entry-exists")


def test_an_entry_is_changed_and_removed_and_its_past_can_be_read(either: Front) -> None:
    me, url = either.someone(), f"{CHAINS}/ours"
    made(either, me)
    before = datetime.now(UTC)
    body = {"name": "Other", "steps": [GPT], "retry": {"max_retries": 1}}
    stale = either.client.put(url, json=body, headers=me | {"If-Match": '"7"'})
    assert stale.status_code == 412
    changed = either.client.put(url, json=body, headers=me | {"If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json()["retry"] == {"max_retries": 1, "delay_ms": 0}
    again = either.client.put(url, json=body, headers=me)
    assert again.headers["etag"] == '"2"'
    made(either, me, id="other")  # the version is the entry's own
    assert either.client.get(url, headers=me).headers["etag"] == '"2"'
    then = either.client.get(url, params={"at": before.isoformat()}, headers=me).json()
    assert then["name"] == "Ours"
    at = {"at": changed.headers["x-log-position"], "locale": "zh"}
    assert either.client.get(url, params=at, headers=me).json()["name"] == "Other"
    assert either.client.delete(url, headers=me).status_code == 204
    assert either.client.get(url, headers=me).status_code == 404
    assert either.client.delete(url, headers=me).status_code == 404


def test_the_same_request_twice_is_carried_out_once(front: Front) -> None:
    me = front.someone() | {"Idempotency-Key": "one"}
    answers = [front.client.post(CHAINS, json=CHAIN, headers=me) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()


def test_an_entry_that_another_leads_to_stays(front: Front) -> None:
    me = front.someone()
    made(front, me)
    made(front, me, id="other", steps=[{"chain": "ours"}])
    answer = front.client.delete(f"{CHAINS}/ours", headers=me)
    assert (answer.status_code, answer.json()["code"]) == (409, "entry-is-used")


WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("fallback-chains", {"steps": [GPT | {"vendor": "x"}]}, "steps.0.vendor", "unknown"),
    ("fallback-chains", {"steps": [GPT | {"model": "x9"}]}, "steps.0.model", "unknown"),
    ("fallback-chains", {"steps": [{"chain": "nope"}]}, "steps.0.chain", "unknown"),
    ("fallback-chains", {"steps": [{"chain": "ours"}]}, "steps", "loops"),
    ("fallback-chains", {"steps": []}, "steps", "empty"),
    ("fallback-chains", {"steps": [{}]}, "steps.0.vendor", "missing"),
    ("fallback-chains", {"steps": [{"chain": 1}]}, "steps.0.chain", "string-type"),
    ("fallback-chains", {"steps": [GPT | {"x": 1}]}, "steps.0.x", "unknown-field"),
    ("fallback-chains", {"steps": [7]}, "steps.0", "dataclass-type"),
    ("fallback-chains", {"trigger": {"timeout_ms": "1"}}, "trigger.timeout_ms", "int-type"),
    (
        "fallback-chains",
        {"trigger": {"timeout_ms": 1}},
        "trigger.timeout_ms",
        "out-of-range",
    ),
    (
        "fallback-chains",
        {"retry": {"max_retries": 99}},
        "retry.max_retries",
        "out-of-range",
    ),
    ("fallback-chains", {"retry": {"max_retries": 2**70}}, "retry", "out-of-range"),
    ("fallback-chains", {"id": "Not an id"}, "id", "string-pattern-mismatch"),
    ("fallback-chains", {"kind": "smell"}, "kind", "literal-error"),
    ("capability-tags", {"detect": {}}, "detect", "empty"),
    (
        "capability-tags",
        {"detect": {"patterns": ["("]}},
        "detect.patterns.0",
        "not-a-pattern",
    ),
    ("capability-tags", {"priority": 2000}, "priority", "out-of-range"),
    ("cost-strategies", {"weights": {"cost": 0}}, "weights", "no-weight"),
    ("cost-strategies", {"weights": {"cost": 1.5}}, "weights.cost", "int-type"),
    ("cost-strategies", {"limits": {"min_capability": 101}}, "limits.min_capability", ""),
]


@pytest.mark.parametrize(("path", "fields", "field", "code"), WRONG)
def test_an_entry_that_makes_no_sense_is_refused_by_its_field(
    front: Front, path: str, fields: dict[str, Any], field: str, code: str
) -> None:
    me = front.someone()
    before = front.system.fleet.head()
    url = f"/api/routing/{path}"
    answer = front.client.post(url, json=NEW[path] | fields, headers=me)
    assert answer.status_code == 422, answer.text
    expected = {"field": field, "code": code or "out-of-range"}
    assert expected in answer.json()["errors"], answer.text
    assert len(answer.json()["errors"]) <= 2
    assert front.system.fleet.head() == before


def test_a_model_that_nobody_knows_is_believed_once_the_team_has_a_price_for_it(
    front: Front,
) -> None:
    me = front.someone()
    ours: dict[str, Any] = {"vendor": "openai", "model": "gpt-of-ours"}
    chain = CHAIN | {"steps": [ours]}
    assert front.client.post(CHAINS, json=chain, headers=me).status_code == 422
    price = ours | {"input_micro_usd": 1, "output_micro_usd": 1}
    front.client.post("/api/routing/model-prices", json=price, headers=me)
    assert front.client.post(CHAINS, json=chain, headers=me).status_code == 201
    elsewhere = CHAIN | {"steps": [{"vendor": "ollama", "model": "any:7b"}], "id": "free"}
    assert front.client.post(CHAINS, json=elsewhere, headers=me).status_code == 201
