"""Signing in: accounts, sessions and the tokens that are left when one ends."""

from __future__ import annotations

import pytest

from tests.api.front import PASSWORD, Front


def test_a_new_user_has_a_session_and_a_team_of_their_own(either: Front) -> None:
    answer = either.client.post(
        "/api/auth/register",
        json={"email": "Ada@Example.com", "password": PASSWORD, "name": "Ada L."},
    )
    assert answer.status_code == 201
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("bearer", 900)
    assert body["user"] == {
        "id": body["user"]["id"],
        "email": "ada@example.com",
        "name": "Ada L.",
    }
    assert body["team"]["role"] == "owner"
    me = either.client.get("/api/auth/me", headers=either.bearer(body))
    plain = {
        "locale": "",
        "mobile": "",
        "has_password": True,
        "second_factor": False,
        "operator": False,
    }
    assert me.json() == {"user": body["user"], "team": body["team"]} | plain


def test_signing_in_and_out_are_writes_and_say_how_far_they_reached(either: Front) -> None:
    account = {"email": "ada@example.com", "password": PASSWORD}
    told = {}
    for step, given in (("register", account | {"name": "Ada"}), ("login", account)):
        answer = either.client.post(f"/api/auth/{step}", json=given)
        told[step] = answer.headers.get("x-log-position"), either.system.fleet.head()
    me = either.bearer(answer.json())
    out = either.client.post("/api/auth/logout", headers=me)
    told["logout"] = out.headers.get("x-log-position"), either.system.fleet.head()
    assert told == {step: (f"fleet={head}", head) for step, (_, head) in told.items()}


def test_an_address_registers_once_however_it_is_written(either: Front) -> None:
    either.registered("ada@example.com")
    again = {"email": "ADA@EXAMPLE.com", "password": PASSWORD, "name": "Eve"}
    answer = either.client.post("/api/auth/register", json=again)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_logging_in_gives_the_same_shape_as_registering(either: Front) -> None:
    registered = either.registered("ada@example.com")
    given = {"email": "ada@example.com", "password": PASSWORD}
    answer = either.client.post("/api/auth/login", json=given)
    assert answer.status_code == 200
    assert answer.json().keys() == registered.keys()
    assert answer.json()["user"] == registered["user"]
    assert answer.json()["refresh_token"] != registered["refresh_token"]


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(front: Front) -> None:
    front.registered("ada@example.com")
    answers = [
        front.client.post("/api/auth/login", json={"email": email, "password": password})
        for email, password in [
            ("ada@example.com", "not the password"),
            ("nobody@example.com", "not the password"),
            ("ada@example.com", "short"),
        ]
    ]
    assert {answer.status_code for answer in answers} == {401}
    bodies = [answer.json() | {"request_id": ""} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert answers[0].headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("password", "an otter", "too-short"),
        ("password", "ä" * 513, "too-long"),
        ("password", "Password1234", "too-common"),
        ("password", "qwertyqwerty", "too-common"),
        ("password", "123456789012", "too-common"),
        ("password", 123456789012, "string-type"),
        ("email", "not an address", "not-an-address"),
        ("email", "ada@localhost", "not-an-address"),
        ("email", None, "string-type"),
        ("name", "", "string-too-short"),
        ("name", " \t", "string-pattern-mismatch"),
        ("name", "A\nB", "string-pattern-mismatch"),
        ("is_admin", True, "unknown-field"),
    ],
)
def test_what_cannot_be_registered_names_the_field(
    front: Front, field: str, value: object, code: str
) -> None:
    new = {"email": "a@example.com", "password": PASSWORD, "name": "Ada", field: value}
    answer = front.client.post("/api/auth/register", json=new)
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": field, "code": code}]
    assert str(value) not in answer.text or value in {None, True, ""}


def test_refreshing_gives_new_tokens_and_uses_the_old_one_up(either: Front) -> None:
    first = either.registered()
    given = {"refresh_token": first["refresh_token"]}
    second = either.client.post("/api/auth/refresh", json=given)
    assert second.status_code == 200
    assert second.json().keys() == {
        "access_token",
        "refresh_token",
        "token_type",
        "expires_in",
    }
    assert second.json()["refresh_token"] != first["refresh_token"]
    assert second.headers["x-log-position"] == f"fleet={either.system.fleet.head()}"
    me = either.client.get("/api/auth/me", headers=either.bearer(second.json()))
    assert me.status_code == 200


def test_a_used_refresh_token_ends_the_session_for_everybody(either: Front) -> None:
    first = either.registered()
    old = {"refresh_token": first["refresh_token"]}
    second = either.client.post("/api/auth/refresh", json=old).json()
    before = either.client.get("/api/auth/me", headers=either.bearer(second))
    assert before.status_code == 200
    assert either.client.post("/api/auth/refresh", json=old).status_code == 401
    newer = {"refresh_token": second["refresh_token"]}
    assert either.client.post("/api/auth/refresh", json=newer).status_code == 401
    me = either.client.get("/api/auth/me", headers=either.bearer(second))
    assert me.status_code == 401


def test_logging_out_ends_the_session_at_once(either: Front) -> None:
    signed_in = either.registered()
    headers = either.bearer(signed_in)
    assert either.client.get("/api/auth/me", headers=headers).status_code == 200
    assert either.client.post("/api/auth/logout", headers=headers).status_code == 204
    assert either.client.get("/api/auth/me", headers=headers).status_code == 401
    given = {"refresh_token": signed_in["refresh_token"]}
    assert either.client.post("/api/auth/refresh", json=given).status_code == 401


@pytest.mark.parametrize(
    "token", ["", "crt_", "cbt_" + "a" * 88, "crt_" + "a" * 87, "crt_" + "A" * 88, "é"]
)
def test_what_is_no_refresh_token_gets_nothing(front: Front, token: str) -> None:
    answer = front.client.post("/api/auth/refresh", json={"refresh_token": token})
    assert answer.status_code == (422 if token == "" else 401)


def test_whoever_knows_a_sessions_id_cannot_end_it_with_a_token_of_their_own(
    front: Front,
) -> None:
    ada = front.registered()
    session = ada["refresh_token"][4:25]  # the id, which an auditor reads in the log
    forged = "crt_" + session + "B" * (len(ada["refresh_token"]) - 25)
    answer = front.client.post("/api/auth/refresh", json={"refresh_token": forged})
    assert answer.status_code == 401
    given = {"refresh_token": ada["refresh_token"]}
    assert front.client.post("/api/auth/refresh", json=given).status_code == 200


def test_the_eleventh_try_in_a_minute_waits(front: Front) -> None:
    front.registered("ada@example.com")
    wrong = {"email": "ada@example.com", "password": "not the password"}
    for _ in range(10):
        assert front.client.post("/api/auth/login", json=wrong).status_code == 401
    right = {"email": "ada@example.com", "password": PASSWORD}
    answer = front.client.post("/api/auth/login", json=right)
    assert (answer.status_code, answer.json()["code"]) == (429, "rate-limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    other = {"email": "eve@example.com", "password": "not the password"}
    assert front.client.post("/api/auth/login", json=other).status_code == 401


def test_a_team_of_ones_own_may_be_named_and_no_other(front: Front) -> None:
    mine, other = front.registered(), front.registered()
    for team, status in [
        (mine["team"]["id"], 200),
        (other["team"]["id"], 404),
        ("no-team", 404),
    ]:
        headers = front.bearer(mine) | {"X-Team-Id": team}
        assert front.client.get("/api/auth/me", headers=headers).status_code == status
