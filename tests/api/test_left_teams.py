"""Whoever left a team: their sessions, and how they sign in."""

from __future__ import annotations

from uuid import UUID

import pytest

from domain.bots import Bot
from tests.api.front import PASSWORD, Front
from tests.api.test_accounts import confirm, mailed_token
from tests.api.test_teams import Scene
from tests.api.test_totp import Scene as TotpScene


@pytest.fixture
def scene(either: Front) -> Scene:
    return Scene(either)


@pytest.fixture
def quick(front: Front) -> Scene:
    return Scene(front)


def test_who_is_taken_out_of_the_tokens_team_gets_a_token_for_another(scene: Scene) -> None:
    scene.joined("owner")
    taken = scene.ask(scene.bob, "DELETE", scene.member(scene.ada))
    assert taken.status_code == 204
    assert scene.ask(scene.ada, "GET", "/api/auth/me").status_code == 401
    given = {"refresh_token": scene.ada["refresh_token"]}
    fresh = scene.front.client.post("/api/auth/refresh", json=given).json()
    me = scene.ask(fresh, "GET", "/api/auth/me").json()
    assert me["team"]["id"] != scene.team
    assert me["team"]["role"] == "owner"
    scene.front.system.pump()
    theirs = {"actor": f"user:{scene.ada['user']['id']}", "type": "session.refreshed"}
    named = {"X-Team-Id": scene.team}
    seen = scene.ask(
        scene.bob, "GET", "/api/audit/events", params=theirs, headers=named
    ).json()
    assert seen["items"] == [], "they left"
    own = scene.ask(fresh, "GET", "/api/audit/events", params=theirs).json()
    assert own["items"] == [], "they were in no team"


def test_the_bots_of_a_team_whose_last_member_is_erased_are_quarantined(
    scene: Scene,
) -> None:
    fleet, bots = scene.front.system.fleet, {}
    scene.joined("viewer")
    for hostname in ("alone-1", "alone-2", "gone-1"):
        new = {"name": "Bot", "hostname": hostname}
        made = scene.ask(scene.ada, "POST", "/api/bot", json=new).json()
        bots[hostname] = UUID(made["bot"]["id"])
    assert scene.ask(scene.ada, "DELETE", "/api/bot/gone-1").status_code == 204
    for person, alone in ((scene.bob, False), (scene.ada, True)):
        given = {"password": PASSWORD}
        erased = scene.ask(person, "POST", "/api/auth/erase", json=given)
        assert erased.status_code == 204
        states = {name: fleet.read(Bot(), one).state for name, one in bots.items()}
        assert states["alone-1"].quarantined is states["alone-2"].quarantined is alone
        assert not states["gone-1"].quarantined


def test_a_session_that_began_in_a_team_one_has_left_is_listed_and_ended(
    scene: Scene,
) -> None:
    scene.joined("owner")
    given = {"refresh_token": scene.ada["refresh_token"]}
    assert scene.ask(scene.bob, "DELETE", scene.member(scene.ada)).status_code == 204
    fresh = scene.front.client.post("/api/auth/refresh", json=given).json()
    scene.front.system.pump()
    (one,) = scene.ask(fresh, "GET", "/api/auth/session").json()["items"]
    assert one["current"] is True
    assert scene.ask(fresh, "DELETE", f"/api/auth/session/{one['id']}").status_code == 204
    assert scene.ask(fresh, "GET", "/api/auth/me").status_code == 401


def test_whoever_is_in_no_team_any_more_signs_in_with_a_second_factor_and_a_new_password(
    quick: Scene,
) -> None:
    quick.joined("owner")
    ada = TotpScene(quick.front)
    spare, team = ada.confirmed(), ada.ada["team"]["id"]
    given = {"user_id": quick.bob["user"]["id"], "role": "owner"}
    path = f"/api/team/{team}/member"
    assert quick.ask(ada.ada, "POST", path, json=given).status_code == 201
    own = f"{path}/{ada.ada['user']['id']}"
    assert quick.ask(quick.bob, "DELETE", own).status_code == 204
    token = mailed_token(quick.front)
    assert confirm(quick.front, token, PASSWORD).status_code == 204
    signed_in = ada.answer(ada.login().json()["challenge"], spare[0])
    assert signed_in.status_code == 200, signed_in.text
    assert signed_in.json()["team"]["id"] != team
