"""Accounts elsewhere that are linked and unlinked by whoever is signed in here."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.api.front import PASSWORD, Front
from tests.api.oidc.door import Door, refused, set_up
from tests.api.oidc.issuer import Issuer


def test_an_address_that_somebody_has_links_nothing_by_itself(door: Door) -> None:
    ada = door.front.registered(door.email)
    answer = door.signed_in()
    assert (answer.status_code, answer.json()["code"]) == (409, "address-is-taken")
    headers = door.front.bearer(ada)
    assert door.linked(headers).json() == {"provider": "local"}
    listed = door.front.client.get("/api/auth/identity", headers=headers).json()["items"]
    assert listed == [{"provider": "local"}]
    assert door.signed_in().json()["user"]["id"] == ada["user"]["id"]
    assert door.topics().count("user.identity_linked") == 1


def test_a_link_is_begun_with_the_password_and_ends_in_the_same_session(
    door: Door,
) -> None:
    front = door.front
    ada = front.registered()
    headers = front.bearer(ada)
    for password in (None, "not the password"):
        assert door.link(headers, password).status_code == 422
    sent = door.link(headers).json()["authorization_url"]
    assert front.client.post("/api/auth/logout", headers=headers).status_code == 204
    assert refused(door.back(door.there(sent))), "the session is over"
    assert "user.identity_linked" not in door.topics()


def test_an_account_elsewhere_is_one_persons_and_one_of_a_kind(door: Door) -> None:
    ada, eve = (door.front.bearer(door.front.registered()) for _ in range(2))
    assert door.linked(ada).status_code == 200
    assert door.linked(ada).status_code == 200, "it is linked already"
    stolen = door.linked(eve)
    assert (stolen.status_code, stolen.json()["code"]) == (409, "conflict")
    door.issuer.person["sub"] = "ada-as-well"
    second = door.linked(ada)
    assert (second.status_code, second.json()["code"]) == (
        409,
        "identity-is-linked-already",
    )


def test_what_is_unlinked_signs_nobody_in_and_can_be_anothers(
    either: Front, known: Issuer
) -> None:
    known.forget()
    door, path = set_up(either, known), "/api/auth/identity/local"
    ada = either.someone(door.email)
    door.linked(ada)
    assert either.client.delete(path, headers=ada).status_code == 204
    assert either.client.delete(path, headers=ada).status_code == 404
    assert door.signed_in().json()["code"] == "address-is-taken"
    assert door.linked(either.someone()).status_code == 200


def test_the_only_way_in_stays(door: Door) -> None:
    headers = door.front.bearer(door.signed_in().json())
    answer = door.front.client.delete("/api/auth/identity/local", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (409, "no-other-way-in")
    login = {"email": door.email, "password": PASSWORD}
    assert refused(door.front.client.post("/api/auth/login", json=login))


def test_who_has_no_password_has_just_signed_in_instead(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = door.front.client
    headers = door.front.bearer(door.signed_in().json())
    others = door.front.someone()
    asked: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("POST", "/api/auth/totp", {}),
        ("DELETE", "/api/auth/totp", {}),
        ("POST", "/api/auth/oidc/local/link", {}),
        ("POST", "/api/auth/mobile", {"mobile": "+4915112345678"}),
        ("POST", "/api/auth/erase", {}),
    )
    with monkeypatch.context() as patch:
        patch.setattr("api.sign_in.JUST_BEGUN", timedelta(seconds=-1))
        for method, path, given in asked:
            answer = client.request(method, path, json=given, headers=headers)
            seen = (answer.status_code, answer.json()["code"])
            assert seen == (403, "sign-in-again"), path
    for method, path, given in asked:
        left_out = client.request(method, path, json=given, headers=others)
        assert left_out.status_code == 422, "whoever has one gives it"
        answer = client.request(method, path, json=given, headers=headers)
        assert answer.is_success, (path, answer.text)
    assert door.topics().count("user.totp_offered") == 1
    assert refused(client.get("/api/auth/me", headers=headers)), "they are erased"
