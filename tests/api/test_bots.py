"""Bots over HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api.tokens import token_hash
from domain.log import FLEET
from projections.route_table import BotRoutesProjector
from projections.view import row_of
from tests.api.system import Front


def created(front: Front, headers: dict[str, str], **fields: object) -> dict[str, Any]:
    new = {"name": "Ada", "hostname": "ada-1"} | fields
    answer = front.client.post("/api/bot", json=new, headers=headers)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_bot_is_created_with_a_token_that_is_kept_as_a_hash(either: Front) -> None:
    me = either.someone()
    body = created(either, me, providers=[{"vendor": "openai"}], tags=["a", "b", "a"])
    bot, token = body["bot"], body["bot_token"]
    link = bot["providers"][0]
    assert bot == {
        "id": bot["id"],
        "hostname": "ada-1",
        "name": "Ada",
        "runtime": "external",
        "desired_state": None,
        "observed_state": None,
        "status": "created",
        "health": None,
        "image": None,
        "port": None,
        "container_id": None,
        "providers": [
            {
                "id": link["id"],
                "provider_key_id": None,
                "vendor": "openai",
                "tag": None,
                "models": ["*"],
                "primary_model": None,
            }
        ],
        "tags": ["a", "b"],
        "proxy_base_url": "http://127.0.0.1:3101/api/v1",
        "created_at": bot["created_at"],
        "version": 3,
    }
    assert len(token) == 47
    assert token.startswith("cbt_")
    kept = token_hash(either.system.instance_keys.get("token"), token)
    history = either.system.fleet.history(bot["id"])
    route = row_of(BotRoutesProjector(), FLEET, history)
    assert route is not None
    assert [one.token_hash for one in route.tokens] == [kept]


def test_a_bot_without_links_is_a_draft(front: Front) -> None:
    assert created(front, front.someone())["bot"]["status"] == "draft"


@pytest.mark.parametrize(
    "hostname",
    [
        "",
        "ab",
        "a" * 41,
        "1ada",
        "-ada",
        "ada-",
        "Ada",
        "a_da",
        "a.da",
        "äda",
        "ada\n",
        " ada",
        "stats",
        "admin",
        "new",
        7,
        None,
        ["ada"],
    ],
)
def test_what_is_no_hostname_is_refused(front: Front, hostname: object) -> None:
    new = {"name": "Ada", "hostname": hostname}
    answer = front.client.post("/api/bot", json=new, headers=front.someone())
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["hostname"]


@pytest.mark.parametrize("hostname", ["ada", "a" * 40, "a-1", "a--b", "news"])
def test_what_is_a_hostname_is_taken(front: Front, hostname: str) -> None:
    assert created(front, front.someone(), hostname=hostname)


def test_a_hostname_is_unique_in_its_team_until_its_bot_is_deleted(either: Front) -> None:
    me, other = either.someone(), either.someone()
    created(either, me)
    again = either.client.post(
        "/api/bot", json={"name": "Eve", "hostname": "ada-1"}, headers=me
    )
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    created(either, other)
    assert either.client.delete("/api/bot/ada-1", headers=me).status_code == 204
    assert either.client.get("/api/bot/ada-1", headers=me).status_code == 404
    assert created(either, me, name="Eve")["bot"]["name"] == "Eve"


KEY = str(uuid4())


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"runtime": "docker"}, "runtime", "not-available"),
        ({"runtime": "swarm"}, "runtime", "not-available"),
        ({"runtime": "vm"}, "runtime", "literal-error"),
        ({"image": "openclaw:latest"}, "image", "unknown-field"),
        ({"persona": {"name": "Ada"}}, "persona", "unknown-field"),
        ({"team_id": KEY}, "team_id", "unknown-field"),
        ({"name": None}, "name", "string-type"),
        ({"tags": "a"}, "tags", "list-type"),
        ({"tags": ["a"] * 21}, "tags", "too-long"),
        ({"tags": [7]}, "tags.0", "string-type"),
        ({"providers": [{}]}, "providers", "names-no-key"),
        ({"providers": [{"vendor": "nobody"}]}, "vendor", "unknown-vendor"),
        (
            {"providers": [{"provider_key_id": KEY}]},
            "provider_key_id",
            "not-found",
        ),
        (
            {"providers": [{"provider_key_id": "7"}]},
            "providers.0.provider_key_id",
            "uuid-parsing",
        ),
        (
            {"providers": [{"tag": "a", "models": ["m"], "primary_model": "n"}]},
            "primary_model",
            "not-among-models",
        ),
        (
            {"providers": [{"vendor": "openai", "id": KEY}]},
            "providers.0.id",
            "unknown-field",
        ),
    ],
)
def test_what_no_bot_can_be_names_the_field(
    front: Front, fields: dict[str, object], field: str, code: str
) -> None:
    new = {"name": "Ada", "hostname": "ada-1"} | fields
    answer = front.client.post("/api/bot", json=new, headers=front.someone())
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "code": code}]
    head = front.system.fleet.page(after=0, limit=100).events
    assert not [one for one in head if one.recorded.event.TOPIC.startswith("bot.")]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"runtime": "docker"}, "runtime-not-available"),
        ({"providers": [{"vendor": "nobody"}]}, "unknown-vendor"),
    ],
)
def test_some_refusals_have_codes_of_their_own(
    front: Front, fields: dict[str, object], code: str
) -> None:
    new = {"name": "Ada", "hostname": "ada-1"} | fields
    answer = front.client.post("/api/bot", json=new, headers=front.someone())
    assert answer.json()["code"] == code


def test_an_edit_tells_its_version_and_refuses_an_old_one(either: Front) -> None:
    me = either.someone()
    created(either, me)
    url = "/api/bot/ada-1"
    edited = either.client.patch(
        url, json={"name": "Eve"}, headers=me | {"If-Match": '"2"'}
    )
    assert edited.status_code == 200
    assert (edited.json()["name"], edited.json()["version"]) == ("Eve", 3)
    assert edited.headers["etag"] == '"3"'
    for tag in ('"2"', "3", 'W/"3"', '"x"'):
        late = either.client.patch(url, json={"name": "X"}, headers=me | {"If-Match": tag})
        assert (late.status_code, late.json()["code"]) == (412, "precondition-failed")
    old = either.client.delete(url, headers=me | {"If-Match": '"2"'})
    assert old.status_code == 412
    any_version = either.client.patch(
        url, json={"tags": ["x"]}, headers=me | {"If-Match": "*"}
    )
    assert any_version.json()["tags"] == ["x"]
    assert any_version.json()["name"] == "Eve"


def test_a_new_token_lets_the_old_one_work_for_the_grace_time(front: Front) -> None:
    me = front.someone()
    old = created(front, me)["bot_token"]
    answer = front.client.post("/api/bot/ada-1/token", headers=me)
    assert answer.status_code == 200
    assert answer.json()["bot_token"] != old
    end = datetime.fromisoformat(answer.json()["previous_end_at"])
    assert timedelta(seconds=590) < end - datetime.now(UTC) <= timedelta(seconds=600)
    at_once = front.client.post(
        "/api/bot/ada-1/token", json={"grace_seconds": 0}, headers=me
    )
    assert datetime.fromisoformat(at_once.json()["previous_end_at"]) <= datetime.now(UTC)
    for grace in (-1, 1.0, "600", True, 10**9):
        wrong = front.client.post(
            "/api/bot/ada-1/token", json={"grace_seconds": grace}, headers=me
        )
        assert wrong.status_code == 422


@pytest.mark.parametrize("action", ["start", "stop", "restart"])
def test_an_external_bot_is_not_driven_from_here(front: Front, action: str) -> None:
    me = front.someone()
    created(front, me)
    answer = front.client.post(f"/api/bot/ada-1/{action}", headers=me)
    assert (answer.status_code, answer.json()["code"]) == (409, "bot-has-no-container")


def test_links_are_added_replaced_and_taken_away(either: Front) -> None:
    me = either.someone()
    created(either, me)
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
        created(either, me, hostname=hostname)
    created(either, other, hostname="ddd")
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
    monkeypatch.setattr("api.positions.WAIT_SECONDS", 0.1)
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
    created(either, me)
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


def test_a_bots_stream_is_read_event_by_event(either: Front) -> None:
    me = either.someone()
    created(either, me)
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
