"""Lists of bots, keys and quotas as they were: with what is gone, without what came."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.front import Front, a_bot

PATHS = ("/api/bot", "/api/provider-key", "/api/quota")


def listed(front: Front, me: dict[str, str], path: str, **query: str) -> Any:
    answer = front.client.get(path, params=query, headers=me)
    assert answer.status_code == 200, answer.text
    return answer


def lists(front: Front, me: dict[str, str]) -> tuple[str, list[Any]]:
    """Every list, and the position they were read at."""
    front.system.pump()
    answers = [listed(front, me, path) for path in PATHS]
    (position,) = {one.headers["x-log-position"] for one in answers}
    return position, [one.json()["items"] for one in answers]


def a_key(front: Front, me: dict[str, str], label: str) -> str:
    new = {"vendor": "openai", "label": label, "secret": "sk-not-a-real-key-4711"}
    key_id: str = front.client.post("/api/provider-key", json=new, headers=me).json()["id"]
    return key_id


def a_quota(front: Front, me: dict[str, str], limit: int) -> str:
    new = {
        "scope": {"kind": "team"},
        "metric": "tokens",
        "window": "day",
        "limit": limit,
    }
    answer = front.client.post("/api/quota", json=new, headers=me)
    assert answer.status_code == 201, answer.text
    quota_id: str = answer.json()["id"]
    return quota_id


def test_what_was_listed_at_a_position_is_listed_again(either: Front) -> None:
    me, seen = either.someone(), dict[str, list[Any]]()

    def look() -> None:
        position, found = lists(either, me)
        seen[position] = found

    def does(method: str, path: str, **body: Any) -> None:
        answer = either.client.request(method, path, headers=me, json=body or None)
        assert answer.is_success, answer.text
        look()

    look()
    a_bot(either, me)
    key, quota = a_key(either, me, "old"), a_quota(either, me, 100)
    look()
    does("PATCH", "/api/bot/ada-1", name="Eve")
    does("PATCH", f"/api/provider-key/{key}", label="new")
    does("PATCH", f"/api/quota/{quota}", limit=200)
    a_bot(either, me, hostname="bob-1")
    a_key(either, me, "other")
    look()
    does("DELETE", "/api/bot/ada-1")
    does("DELETE", f"/api/provider-key/{key}")
    does("DELETE", f"/api/quota/{quota}")
    assert len({str(found) for found in seen.values()}) == len(seen) == 9
    for position, found in seen.items():
        for path, then in zip(PATHS, found, strict=True):
            answer = listed(either, me, path, at=position)
            assert answer.json()["items"] == then, (position, path)
            assert answer.headers["x-log-position"] == position


def test_by_time_the_list_is_that_of_the_time(either: Front) -> None:
    me = either.someone()
    before = datetime.now(UTC)
    time.sleep(0.005)
    a_bot(either, me)
    time.sleep(0.005)
    then = datetime.now(UTC)
    either.client.delete("/api/bot/ada-1", headers=me)
    either.system.pump()
    assert listed(either, me, "/api/bot", at=before.isoformat()).json()["items"] == []
    (bot,) = listed(either, me, "/api/bot", at=then.isoformat()).json()["items"]
    assert bot["hostname"] == "ada-1"
    assert listed(either, me, "/api/bot").json()["items"] == []


def test_past_lists_have_pages_and_filters_too(either: Front) -> None:
    me = either.someone()
    for name in ("ada-1", "bob-1", "eve-1"):
        a_bot(either, me, hostname=name)
    quota = a_quota(either, me, 5)
    position, _ = lists(either, me)
    either.client.delete("/api/bot/bob-1", headers=me)
    either.system.pump()
    query, found = {"at": position, "limit": "2"}, []
    while True:
        page = listed(either, me, "/api/bot", **query).json()
        found += [one["hostname"] for one in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert found == ["ada-1", "bob-1", "eve-1"]
    ours = listed(either, me, "/api/quota", at=position, scope_kind="team").json()
    assert [one["id"] for one in ours["items"]] == [quota]
    nobody = listed(either, me, "/api/quota", at=position, scope_kind="bot")
    assert nobody.json()["items"] == []


@pytest.mark.parametrize("path", PATHS)
def test_another_teams_past_is_not_seen(either: Front, path: str) -> None:
    me, other = either.someone(), either.someone()
    a_bot(either, other)
    a_key(either, other, "theirs")
    a_quota(either, other, 1)
    position, _ = lists(either, me)
    assert listed(either, me, path, at=position).json()["items"] == []
