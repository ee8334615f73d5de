"""Bots over HTTP: their links, their lists, and what they were before."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from tests.api.front import Front, a_bot


def test_links_are_added_replaced_and_taken_away(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    url = "/api/bot/ada-1/providers"
    new = {"vendor": "anthropic", "models": ["m1", "m2"], "primary_model": "m1"}
    link = either.client.post(url, json=new, headers=me)
    assert link.status_code == 201
    link_id = link.json()["id"]
    assert either.client.get(f"{url}/{link_id}", headers=me).json() == link.json()
    put = either.client.put(f"{url}/{link_id}", json={"tag": "cheap"}, headers=me)
    assert (put.status_code, put.json()["tag"], put.json()["id"]) == (200, "cheap", link_id)
    assert either.client.get(url, headers=me).json()["items"] == [put.json()]
    assert either.client.delete(f"{url}/{link_id}", headers=me).status_code == 204
    assert either.client.get(url, headers=me).json()["items"] == []
    absent = either.client.put(f"{url}/{uuid4()}", json={"tag": "x"}, headers=me)
    assert absent.status_code == 404


def test_a_list_is_paged_and_waits_for_what_was_written(either: Front) -> None:
    me, other = either.someone(), either.someone()
    for hostname in ("ccc", "aaa", "bbb"):
        a_bot(either, me, hostname=hostname)
    a_bot(either, other, hostname="ddd")
    either.system.pump()
    first = either.client.get("/api/bot?limit=2", headers=me)
    assert [bot["hostname"] for bot in first.json()["items"]] == ["aaa", "bbb"]
    assert first.headers["x-log-position"] == f"fleet={either.system.fleet.head()}"
    cursor = first.json()["next_cursor"]
    second = either.client.get(f"/api/bot?limit=2&cursor={cursor}", headers=me).json()
    assert [bot["hostname"] for bot in second["items"]] == ["ccc"]
    assert second["next_cursor"] is None
    stolen = either.client.get(f"/api/bot?cursor={cursor}", headers=other)
    assert stolen.status_code == 422


def test_a_read_of_what_is_not_there_yet_gives_up(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.waiting.WAIT_SECONDS", 0.1)
    me = front.someone()
    answer = front.client.get("/api/bot?after_position=fleet=99", headers=me)
    assert (answer.status_code, answer.json()["code"]) == (504, "unavailable")
    calls = front.client.get("/api/bot?after_position=calls=99", headers=me)
    assert calls.status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1001",
        "limit=x",
        "cursor=x",
        "cursor=" + "A" * 40,
        "cursor=é",
        "after_position=7",
        "after_position=fleet=-1",
        "after_position=fleet=1,fleet=2",
        "after_position=views=1",
        "colour=red",
    ],
)
def test_a_wrong_query_is_refused(front: Front, query: str) -> None:
    assert front.client.get(f"/api/bot?{query}", headers=front.someone()).status_code == 422


def test_a_bot_can_be_read_as_it_was(either: Front) -> None:
    me = either.someone()
    before = datetime.now(UTC)
    a_bot(either, me)
    time.sleep(0.005)
    then = datetime.now(UTC)
    time.sleep(0.005)
    either.client.patch("/api/bot/ada-1", json={"name": "Eve"}, headers=me)
    either.client.delete("/api/bot/ada-1", headers=me)

    def at(moment: str) -> int | str:
        answer = either.client.get("/api/bot/ada-1", params={"at": moment}, headers=me)
        return answer.json()["name"] if answer.status_code == 200 else answer.status_code

    assert at(then.isoformat()) == "Ada"
    assert at(before.isoformat()) == 404
    assert at(datetime.now(UTC).isoformat()) == 404
    assert at("yesterday") == 422
    assert at("1700000000") == 422
    assert at("2026-01-01T00:00:00") == 422


def test_the_past_of_a_bot_and_its_keys_is_asked_for_by_position(either: Front) -> None:
    me = either.someone()
    key = {"vendor": "openai", "label": "old", "secret": "sk-not-a-real-key-4711"}
    key_id = either.client.post("/api/provider-key", json=key, headers=me).json()["id"]
    linked = [{"provider_key_id": key_id, "models": ["*"]}]
    made = either.client.post(
        "/api/bot",
        json={"name": "Ada", "hostname": "ada-1", "providers": linked},
        headers=me,
    )
    position = made.headers["x-log-position"]
    (link,) = made.json()["bot"]["providers"]
    either.client.patch("/api/bot/ada-1", json={"name": "Eve"}, headers=me)
    either.client.patch(f"/api/provider-key/{key_id}", json={"label": "new"}, headers=me)
    url = f"/api/bot/ada-1/providers/{link['id']}"
    now = either.client.get(url, headers=me)
    assert now.headers["x-log-position"] == f"fleet={either.system.fleet.head()}"
    either.client.delete(url, headers=me)

    def then(path: str) -> Any:
        answer = either.client.get(path, params={"at": position}, headers=me)
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-log-position"] == position
        return answer.json()

    assert then("/api/bot/ada-1")["name"] == "Ada"
    assert then(f"/api/provider-key/{key_id}")["label"] == "old"
    assert then("/api/bot/ada-1/providers")["items"] == [link]
    assert then(url) == link
    unknown = either.client.get("/api/bot/ada-1/providers?as=x", headers=me)
    assert unknown.status_code == 422


def test_an_answer_about_a_past_time_tells_what_it_was_read_at(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    now = datetime.now(UTC).isoformat()
    answer = either.client.get("/api/bot/ada-1", params={"at": now}, headers=me)
    heads = f"fleet={either.system.fleet.head()},calls={either.system.calls.head()}"
    assert answer.headers["x-log-position"] == heads


def test_a_bots_stream_is_read_event_by_event(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    either.client.patch("/api/bot/ada-1", json={"name": "Eve"}, headers=me)
    url = "/api/bot/ada-1/events"
    everything = either.client.get(url, headers=me).json()["items"]
    assert [one["type"] for one in everything] == [
        "bot.created",
        "bot.token_issued",
        "bot.renamed",
    ]
    assert everything[2]["event"] == {"name": "Eve"}
    assert everything[2]["actor"].startswith("user:")
    first = either.client.get(f"{url}?limit=2", headers=me).json()
    rest = either.client.get(f"{url}?cursor={first['next_cursor']}", headers=me).json()
    assert first["items"] + rest["items"] == everything
