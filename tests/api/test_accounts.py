"""One's own account: profile, password, reset by mail, and sessions."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest

from tests.api.front import PASSWORD, Front

NEW = "ten quiet herons"
ADA = "ada@example.com"


def login(front: Front, password: str = PASSWORD) -> Any:
    given = {"email": ADA, "password": password}
    return front.client.post("/api/auth/login", json=given)


def status_of(front: Front, signed_in: dict[str, Any]) -> int:
    headers = front.bearer(signed_in)
    status: int = front.client.get("/api/auth/me", headers=headers).status_code
    return status


def change(front: Front, signed_in: dict[str, Any], old: str, new: str) -> Any:
    given = {"old_password": old, "password": new}
    headers = front.bearer(signed_in)
    return front.client.post("/api/auth/password", json=given, headers=headers)


def mailed_token(front: Front) -> str:
    assert front.client.post("/api/auth/password/reset", json={"email": ADA}).is_success
    found = re.search(r"^crs_\S+$", front.system.mailer.sent[-1].text, re.MULTILINE)
    assert found is not None
    return found[0]


def confirm(front: Front, token: str, password: str = NEW) -> Any:
    given = {"token": token, "password": password}
    return front.client.post("/api/auth/password/reset/confirm", json=given)


def test_a_profile_is_changed_and_nothing_of_it_is_in_an_event(either: Front) -> None:
    ada = either.registered(ADA)
    new = {"name": "Augusta", "locale": "zh-CN"}
    answer = either.client.patch("/api/auth/me", json=new, headers=either.bearer(ada))
    assert answer.status_code == 200
    assert (answer.json()["user"]["name"], answer.json()["locale"]) == ("Augusta", "zh-CN")
    me = either.client.get("/api/auth/me", headers=either.bearer(ada)).json()
    assert me == answer.json()
    head = either.system.fleet.head()
    again = either.client.patch("/api/auth/me", json=new, headers=either.bearer(ada))
    assert (again.status_code, either.system.fleet.head()) == (200, head)
    page = either.system.fleet.page(after=0, limit=100)
    assert "Augusta" not in repr([one.recorded for one in page.events])
    for wrong in ({"locale": "tlh"}, {"name": ""}, {"operator": True}, {"email": "a@b.c"}):
        refused = either.client.patch(
            "/api/auth/me", json=wrong, headers=either.bearer(ada)
        )
        assert refused.status_code == 422


def test_a_new_password_ends_the_other_sessions(either: Front) -> None:
    here, there = either.registered(ADA), login(either).json()
    assert change(either, here, PASSWORD, NEW).status_code == 204
    assert status_of(either, here) == 200
    assert status_of(either, there) == 401
    for session, status in ((there, 401), (here, 200)):
        given = {"refresh_token": session["refresh_token"]}
        refreshed = either.client.post("/api/auth/refresh", json=given)
        assert refreshed.status_code == status
    assert login(either).status_code == 401
    newest = login(either, NEW)
    assert newest.status_code == 200
    assert status_of(either, newest.json()) == 200
    assert change(either, newest.json(), NEW, PASSWORD).status_code == 204
    assert status_of(either, here) == 401, "it was kept once, not for ever"


def test_the_old_password_is_asked_for_and_the_new_one_judged(front: Front) -> None:
    ada = front.registered(ADA)
    wrong = change(front, ada, "not the password", NEW)
    assert wrong.json()["errors"][0]["field"] == "old_password"
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "wrong")
    common = change(front, ada, PASSWORD, "qwertyqwerty")
    assert common.json()["errors"][0]["code"] == "too-common"
    tries = [change(front, ada, "not the password", NEW).status_code for _ in range(9)]
    assert tries[-1] == 429


def test_a_password_is_reset_by_mail_once(either: Front) -> None:
    ada = either.registered(ADA)
    token = mailed_token(either)
    assert either.system.mailer.sent[-1].to == ADA
    assert confirm(either, token, "qwertyqwerty").status_code == 422
    assert confirm(either, token).status_code == 204
    assert status_of(either, ada) == 401
    assert login(either).status_code == 401
    assert login(either, NEW).status_code == 200
    assert confirm(either, token, PASSWORD).status_code == 401


def test_a_mail_is_in_the_language_of_the_person(front: Front) -> None:
    ada = front.registered(ADA)
    mailed_token(front)
    assert front.system.mailer.sent[-1].subject == "A new password for Clawbot"
    headers = front.bearer(ada)
    front.client.patch("/api/auth/me", json={"locale": "zh-CN"}, headers=headers)
    mailed_token(front)
    assert front.system.mailer.sent[-1].subject == "Clawbot 密码重置"


def test_who_has_no_account_gets_the_same_answer_and_no_mail(front: Front) -> None:
    front.registered(ADA)
    answers = [
        front.client.post("/api/auth/password/reset", json={"email": email})
        for email in (ADA, "nobody@example.com")
    ]
    assert [(one.status_code, one.content) for one in answers] == [(204, b"")] * 2
    assert [mail.to for mail in front.system.mailer.sent] == [ADA]


def test_a_reset_code_is_ours_for_that_person_and_for_its_time(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    front.registered(ADA)
    token = mailed_token(front)
    for place in range(4, len(token)):
        other = "A" if token[place] != "A" else "B"
        forged = token[:place] + other + token[place + 1 :]
        assert confirm(front, forged).status_code == 401, place
    for text in ("crs_", "x", token + "=", token.replace("crs_", "cch_")):
        assert confirm(front, text).status_code == 401
    monkeypatch.setattr("api.accounts.RESET_LIFE", timedelta(seconds=-1))
    assert confirm(front, mailed_token(front)).status_code == 401


def test_ones_sessions_are_listed_and_ended(either: Front) -> None:
    first = either.registered(ADA)
    second = login(either).json()
    either.registered()
    either.system.pump()
    headers = either.bearer(second)
    listed = either.client.get("/api/auth/session", headers=headers).json()["items"]
    assert [one["current"] for one in listed] == [False, True]
    assert listed[0].keys() == {"id", "started_at", "expires_at", "current"}
    path = f"/api/auth/session/{listed[0]['id']}"
    stranger = either.client.delete(path, headers=either.someone())
    assert stranger.status_code == 404
    assert either.client.delete(path, headers=headers).status_code == 204
    assert status_of(either, first) == 401
    assert either.client.delete(path, headers=headers).status_code == 404
    left = either.client.get("/api/auth/session", headers=headers).json()["items"]
    assert [one["id"] for one in left] == [listed[1]["id"]]


def test_a_refused_sign_in_is_recorded_of_whoever_exists(front: Front) -> None:
    ada = front.registered(ADA)
    head = front.system.fleet.head()
    assert login(front, "not the password").status_code == 401
    unknown = {"email": "nobody@example.com", "password": "not the password"}
    assert front.client.post("/api/auth/login", json=unknown).status_code == 401
    until = time.monotonic() + 5
    while front.system.fleet.head() == head and time.monotonic() < until:
        time.sleep(0.02)
    front.system.pump()
    query = {"type": "access.sign_in_refused"}
    seen = front.client.get(
        "/api/audit/events", params=query, headers=front.bearer(ada)
    ).json()["items"]
    assert [(one["actor"], one["event"]["user_id"]) for one in seen] == [
        ("anonymous", ada["user"]["id"])
    ]
