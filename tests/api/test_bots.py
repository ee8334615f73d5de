"""Bots over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from api.tokens import token_hash
from domain.log import FLEET
from projections.route_projectors import BotRoutesProjector
from projections.view import row_of
from tests.api.front import Front, a_bot


def test_a_bot_is_created_with_a_token_that_is_kept_as_a_hash(either: Front) -> None:
    me = either.someone()
    body = a_bot(either, me, providers=[{"vendor": "openai"}], tags=["a", "b", "a"])
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
        "reason": None,
        "image": None,
        "resources": None,
        "network": None,
        "port": None,
        "container_id": None,
        "quarantined": False,
        "providers": [
            {
                "id": link["id"],
                "provider_key_id": None,
                "vendor": "openai",
                "tag": None,
                "models": ["*"],
                "primary_model": None,
                "weight": 1,
                "priority": 0,
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
    assert a_bot(front, front.someone())["bot"]["status"] == "draft"


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
    assert a_bot(front, front.someone(), hostname=hostname)


def test_a_hostname_is_unique_in_its_team_until_its_bot_is_deleted(either: Front) -> None:
    me, other = either.someone(), either.someone()
    a_bot(either, me)
    again = either.client.post(
        "/api/bot", json={"name": "Eve", "hostname": "ada-1"}, headers=me
    )
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    a_bot(either, other)
    assert either.client.delete("/api/bot/ada-1", headers=me).status_code == 204
    assert either.client.get("/api/bot/ada-1", headers=me).status_code == 404
    assert a_bot(either, me, name="Eve")["bot"]["name"] == "Eve"


KEY = str(uuid4())


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"runtime": "docker"}, "runtime", "not-available"),
        ({"runtime": "swarm"}, "runtime", "not-available"),
        ({"runtime": "vm"}, "runtime", "literal-error"),
        ({"picture": "openclaw:latest"}, "picture", "unknown-field"),
        ({"secrets": {}}, "secrets", "unknown-field"),
        ({"env": {"LD_PRELOAD": "x"}}, "env", "unknown-field"),
        ({"mounts": ["/:/host"]}, "mounts", "unknown-field"),
        ({"volumes": ["/var/run/docker.sock"]}, "volumes", "unknown-field"),
        ({"privileged": True}, "privileged", "unknown-field"),
        ({"command": ["sh"]}, "command", "unknown-field"),
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
    a_bot(either, me)
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
    old = a_bot(front, me)["bot_token"]
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
    a_bot(front, me)
    answer = front.client.post(f"/api/bot/ada-1/{action}", headers=me)
    assert (answer.status_code, answer.json()["code"]) == (409, "bot-has-no-container")
