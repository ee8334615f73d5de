"""Plugins, skills, channels and personas of a bot, over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from application.fleet_watch import ChannelVerdict
from tests.api.front import Front, a_bot

TOKEN = "123456:" + "a" * 35
TELEGRAM = {
    "channel_type": "telegram",
    "name": "support",
    "credentials": {"botToken": TOKEN},
}
POSTGRES = {
    "plugin_id": "postgresql",
    "config": {"connectionString": "postgres://ada:s3cret@db.example/x"},
}


def ask(front: Front, me: dict[str, str], method: str, path: str, **body: object) -> Any:
    return front.client.request(
        method, f"/api/bot/ada-1{path}", headers=me, json=body or None
    )


def test_a_full_bot_is_made_with_everything_or_not_at_all(either: Front) -> None:
    me = either.someone()
    full = {
        "persona_template_id": "helpful-assistant",
        "features": {"voice": True},
        "channels": [TELEGRAM],
        "plugins": [POSTGRES, {"plugin_id": "fetch"}],
        "providers": [{"vendor": "openai"}],
    }
    broken = full | {"channels": [TELEGRAM | {"credentials": {}}]}
    refused = either.client.post(
        "/api/bot", json={"name": "Ada", "hostname": "ada-1"} | broken, headers=me
    )
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "credentials.botToken", "code": "missing"}
    ]
    assert ask(either, me, "GET", "").status_code == 404
    a_bot(either, me, **full)
    plugins = ask(either, me, "GET", "/plugins").json()["items"]
    assert [one["plugin_id"] for one in plugins] == ["postgresql", "fetch"]
    assert ask(either, me, "GET", "/persona").json()["template_id"] == "helpful-assistant"
    assert ask(either, me, "GET", "/features").json() == {"features": {"voice": True}}
    assert len(ask(either, me, "GET", "/channels").json()["items"]) == 1


def test_no_secret_of_a_plugin_or_channel_is_ever_shown(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    plugin = ask(either, me, "POST", "/plugins", **POSTGRES)
    channel = ask(either, me, "POST", "/channels", **TELEGRAM)
    assert (plugin.status_code, channel.status_code) == (201, 201)
    shown = [
        plugin.text,
        channel.text,
        ask(either, me, "GET", "/plugins").text,
        ask(either, me, "GET", "/channels").text,
        ask(either, me, "GET", "/events").text,
    ]
    assert not any("s3cret" in text or TOKEN in text for text in shown)
    assert plugin.json()["config"]["connectionString"] == "***"
    assert channel.json()["credentials"] == {"botToken": "***"}


def test_secrets_stay_where_none_is_given_anew(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    made = ask(either, me, "POST", "/channels", **TELEGRAM).json()
    path = f"/channels/{made['id']}"
    kept = ask(either, me, "PUT", path, name="sales")
    assert kept.status_code == 200, kept.text
    assert (kept.json()["name"], kept.json()["credentials"]) == (
        "sales",
        {"botToken": "***"},
    )
    renewed = ask(either, me, "PUT", path, name="sales", credentials={"botToken": "9:x"})
    assert renewed.status_code == 200
    versions = [
        event["event"]["channel"]["secret_version"]
        for event in ask(either, me, "GET", "/events").json()["items"]
        if event["type"] == "bot.channel_set"
    ]
    assert versions == [1, 1, 2]


def test_a_token_stays_for_the_server_that_it_was_given_for(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    made = ask(either, me, "POST", "/channels", **TELEGRAM).json()
    path, elsewhere = f"/channels/{made['id']}", {"apiRoot": "https://evil.example"}
    refused = ask(either, me, "PUT", path, name="sales", config=elsewhere)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "credentials.botToken", "code": "missing"}
    ]
    given = {"credentials": {"botToken": TOKEN}, "config": elsewhere}
    assert ask(either, me, "PUT", path, name="sales", **given).status_code == 200
    kept = ask(either, me, "PUT", path, name="support", config=elsewhere)
    assert kept.status_code == 200
    assert ask(either, me, "PUT", path, name="support").status_code == 422


def test_a_plugins_secret_stays_for_the_place_that_it_was_given_for(
    either: Front,
) -> None:
    me = either.someone()
    a_bot(either, me)
    secret = {"personalAccessToken": "glpat-s3cret"}
    given = {"plugin_id": "gitlab", "config": {"gitlabUrl": "https://a.example"} | secret}
    made = ask(either, me, "POST", "/plugins", **given)
    assert made.status_code == 201, made.text
    path = f"/plugins/{made.json()['id']}"
    elsewhere = {"gitlabUrl": "https://evil.example"}
    refused = ask(either, me, "PUT", path, config=elsewhere)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {"field": "config.personalAccessToken", "code": "missing"}
    ]
    same = ask(either, me, "PUT", path, config={"gitlabUrl": "https://a.example"})
    assert same.status_code == 200
    assert ask(either, me, "PUT", path, config=elsewhere | secret).status_code == 200


def test_a_channel_is_connected_and_disconnected(front: Front) -> None:
    me = front.someone()
    a_bot(front, me)
    made = ask(front, me, "POST", "/channels", **TELEGRAM).json()
    assert made["connected"] is False
    path = f"/channels/{made['id']}/connection"
    assert ask(front, me, "POST", path, action="connect").json()["connected"] is True
    assert ask(front, me, "POST", path, action="disconnect").json()["connected"] is False
    assert ask(front, me, "POST", path, action="explode").status_code == 422


def test_a_channel_is_tested_where_its_credentials_belong(front: Front) -> None:
    me = front.someone()
    a_bot(front, me)
    made = ask(front, me, "POST", "/channels", **TELEGRAM).json()
    front.system.fleet_watch.verdicts[UUID(made["id"])] = ChannelVerdict(
        ok=False, code="credential-refused", message="Unauthorized", latency_ms=3
    )
    tested = ask(front, me, "POST", f"/channels/{made['id']}/test")
    assert tested.json() == {
        "ok": False,
        "code": "credential-refused",
        "message": "Unauthorized",
        "latency_ms": 3,
    }
    front.system.fleet_watch.engine = None
    away = ask(front, me, "POST", f"/channels/{made['id']}/test")
    assert (away.status_code, away.json()["code"]) == (503, "unavailable")


def test_who_holds_the_token_is_said_of_each_channel(front: Front) -> None:
    me = front.someone()
    a_bot(front, me)
    relayed = ask(front, me, "POST", "/channels", **TELEGRAM).json()
    assert (relayed["relayed"], relayed["exposure"]) == (True, None)
    discord = {"botToken": "x" * 30, "applicationId": "1"}
    exposed = ask(
        front,
        me,
        "POST",
        "/channels",
        channel_type="discord",
        name="d",
        credentials=discord,
    ).json()
    assert exposed["relayed"] is False
    assert "WebSocket" in exposed["exposure"]


def test_an_approved_skill_is_installed_and_uninstalled(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    skill = {
        "name": "release-notes",
        "description": "Writes release notes.",
        "kind": "prompt",
        "definition": {"template": "Write notes for {version}", "variables": ["version"]},
    }
    made = either.client.post("/api/skill", json=skill, headers=me)
    assert made.status_code == 201, made.text
    installed = ask(either, me, "POST", "/skills", skill_id=made.json()["id"])
    assert installed.status_code == 201, installed.text
    assert (installed.json()["name"], installed.json()["version"]) == ("release-notes", 1)
    again = ask(either, me, "POST", "/skills", skill_id=made.json()["id"])
    assert (again.status_code, again.json()["code"]) == (409, "installed-already")
    path = f"/skills/{installed.json()['id']}"
    assert ask(either, me, "DELETE", path).status_code == 204
    assert ask(either, me, "GET", path).status_code == 404


@pytest.mark.parametrize("kind", ["plugins", "skills", "channels"])
def test_what_is_not_installed_is_not_found(front: Front, kind: str) -> None:
    me = front.someone()
    a_bot(front, me)
    for method in ("GET", "DELETE"):
        assert ask(front, me, method, f"/{kind}/{uuid4()}").status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/plugins", {"plugin_id": "nothing"}, 404),
        ("/plugins", {"plugin_id": "postgresql"}, 422),
        ("/plugins", {"plugin_id": "fetch", "config": {"nope": 1}}, 422),
        ("/channels", {"channel_type": "pigeon", "name": "x"}, 404),
        ("/channels", TELEGRAM | {"credentials": {"botToken": 5}}, 422),
        ("/channels", TELEGRAM | {"name": ""}, 422),
        ("/skills", {"skill_id": "nothing"}, 404),
        ("/skills", {"skill_id": str(uuid4())}, 404),
    ],
)
def test_what_cannot_be_installed_is_refused_and_changes_nothing(
    front: Front, path: str, body: dict[str, object], status: int
) -> None:
    me = front.someone()
    before = a_bot(front, me)["bot"]["version"]
    assert ask(front, me, "POST", path, **body).status_code == status
    assert ask(front, me, "GET", "").json()["version"] == before


def test_one_edit_changes_all_that_it_names_or_nothing(either: Front) -> None:
    me = either.someone()
    a_bot(either, me)
    edit = {"name": "Bea", "persona": {"name": "Quill", "soul": "Be brief."}}
    assert ask(either, me, "PATCH", "", **edit).json()["name"] == "Bea"
    assert ask(either, me, "GET", "/persona").json()["soul"] == "Be brief."
    wrong = {"name": "Cea", "persona_template_id": "nobody-of-that-name"}
    assert ask(either, me, "PATCH", "", **wrong).status_code == 404
    assert ask(either, me, "GET", "").json()["name"] == "Bea"


def test_a_bot_of_another_team_has_no_equipment_to_see(front: Front) -> None:
    mine, theirs = front.someone(), front.someone()
    a_bot(front, mine)
    for path in ("/plugins", "/skills", "/channels", "/persona", "/features", "/token"):
        assert ask(front, theirs, "GET", path).status_code == 404
