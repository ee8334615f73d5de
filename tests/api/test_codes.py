"""One-time codes: sent to whoever has the target, good once and for ten minutes."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.sent_codes import DIGITS
from application.rates import Rate
from domain.errors import Unavailable
from tests.api.front import PASSWORD, Front
from tests.api.test_totp import Scene

ADA = "ada@example.com"
MOBILE = "+4915112345678"
WRONG = "0" * DIGITS


def ask(front: Front, **target: str) -> Any:
    return front.client.post("/api/auth/code", json=target)


def verify(front: Front, code: str, **target: str) -> Any:
    return front.client.post("/api/auth/code/verify", json=target | {"code": code})


def mailed(front: Front) -> str:
    """The code of the last mail."""
    return code_in(front.system.mailer.sent[-1].text)


def texted(front: Front) -> str:
    return code_in(front.system.texter.sent[-1].text)


def code_in(text: str) -> str:
    found = re.search(rf"\b\d{{{DIGITS}}}\b", text)
    assert found is not None, text
    return found[0]


def set_mobile(front: Front, headers: dict[str, str], mobile: str = MOBILE) -> Any:
    """What the confirmation is answered."""
    given = {"mobile": mobile, "password": PASSWORD}
    asked = front.client.post("/api/auth/mobile", json=given, headers=headers)
    assert asked.status_code == 204, asked.text
    given = {"mobile": mobile, "code": texted(front)}
    return front.client.post("/api/auth/mobile/confirm", json=given, headers=headers)


def refused(answer: Any) -> bool:
    return (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_a_mailed_code_signs_in_once(either: Front) -> None:
    ada = either.registered(ADA)
    assert ask(either, email=ADA).status_code == 204
    code = mailed(either)
    signed_in = verify(either, code, email="ADA@example.com")
    assert signed_in.status_code == 200, signed_in.text
    assert signed_in.json()["user"] == ada["user"]
    me = either.client.get("/api/auth/me", headers=either.bearer(signed_in.json()))
    assert me.status_code == 200
    assert refused(verify(either, code, email=ADA)), "it is used up"
    page = either.system.fleet.page(after=0, limit=100)
    recorded = repr([one.recorded for one in page.events])
    assert "code:email" in recorded
    assert code not in recorded
    assert ADA not in recorded


def test_a_texted_code_signs_in_whose_number_it_is(either: Front) -> None:
    ada = either.registered(ADA)
    headers = either.bearer(ada)
    assert set_mobile(either, headers).status_code == 204
    me = either.client.get("/api/auth/me", headers=headers).json()
    assert (me["mobile"], me["has_password"]) == (MOBILE, True)
    assert ask(either, mobile=MOBILE).status_code == 204
    assert either.system.texter.sent[-1].to == MOBILE
    signed_in = verify(either, texted(either), mobile=MOBILE)
    assert signed_in.json()["user"] == ada["user"]
    page = either.system.fleet.page(after=0, limit=100)
    assert MOBILE not in repr([one.recorded for one in page.events])


def test_who_has_neither_gets_the_same_answer_and_nothing_is_sent(front: Front) -> None:
    front.registered(ADA)
    asked = [
        ask(front, email=ADA),
        ask(front, email="nobody@example.com"),
        ask(front, mobile=MOBILE),
    ]
    assert [(one.status_code, one.content) for one in asked] == [(204, b"")] * 3
    assert [mail.to for mail in front.system.mailer.sent] == [ADA]
    assert front.system.texter.sent == []
    tried = [
        verify(front, WRONG, email=ADA),
        verify(front, WRONG, email="nobody@example.com"),
        verify(front, WRONG, mobile=MOBILE),
    ]
    assert all(map(refused, tried))
    assert len({repr(one.json() | {"request_id": ""}) for one in tried}) == 1


def test_a_code_is_of_one_person_one_target_and_one_purpose(front: Front) -> None:
    headers = front.someone(ADA)
    eve = front.someone("eve@example.com")
    set_mobile(front, headers)
    ask(front, email=ADA)
    assert refused(verify(front, mailed(front), email="eve@example.com"))
    assert refused(verify(front, mailed(front), mobile=MOBILE))
    other = {"mobile": "+4915187654321", "password": PASSWORD}
    front.client.post("/api/auth/mobile", json=other, headers=headers)
    assert refused(verify(front, texted(front), email=ADA)), "it is for a number"
    stolen = {"mobile": other["mobile"], "code": texted(front)}
    path = "/api/auth/mobile/confirm"
    assert front.client.post(path, json=stolen, headers=eve).status_code == 422
    assert verify(front, mailed(front), email=ADA).status_code == 200


def test_a_newer_code_replaces_it_and_its_time_ends(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    front.registered(ADA)
    ask(front, email=ADA)
    first = mailed(front)
    ask(front, email=ADA)
    assert refused(verify(front, first, email=ADA))
    assert verify(front, mailed(front), email=ADA).status_code == 200
    monkeypatch.setattr("api.sent_codes.CODE_LIFE", timedelta(seconds=-1))
    ask(front, email=ADA)
    assert refused(verify(front, mailed(front), email=ADA))


def test_codes_are_not_guessed_and_nobody_is_flooded(front: Front) -> None:
    """The same for who exists and who does not."""
    often = Rate(name="sign-in", most=1000, exact=True)
    limits = replace(front.system.request_limits, sign_ins=often)
    front.system.request_limits = limits
    front.registered(ADA)
    for email in (ADA, "nobody@example.com"):
        asked = [ask(front, email=email).status_code for _ in range(6)]
        assert asked == [204] * 5 + [429], email
    assert len(front.system.mailer.sent) == 5
    tried = [verify(front, WRONG, email=ADA).status_code for _ in range(6)]
    assert tried == [401] * 5 + [429]
    assert verify(front, mailed(front), email=ADA).status_code == 429, "it comes too late"


def test_one_peer_does_not_ask_for_everybody(front: Front) -> None:
    asked = [ask(front, email=f"{n}@example.com").status_code for n in range(11)]
    assert asked == [204] * 10 + [429]


def test_one_person_does_not_have_everybody_texted(front: Front) -> None:
    """Each text is paid for, and some numbers pay whoever has them texted."""
    often = Rate(name="sign-in", most=1000, exact=True)
    front.system.request_limits = replace(front.system.request_limits, sign_ins=often)
    ada, eve = front.someone(), front.someone()
    given = [{"mobile": f"+49151123456{n}", "password": PASSWORD} for n in range(10, 21)]
    asked = [front.client.post("/api/auth/mobile", json=g, headers=ada) for g in given]
    assert [answer.status_code for answer in asked] == [204] * 10 + [429]
    assert 3600 < int(asked[-1].headers["retry-after"]) <= 86_400
    assert len(front.system.texter.sent) == 10
    other = front.client.post("/api/auth/mobile", json=given[-1], headers=eve)
    assert other.status_code == 204


def test_many_clients_behind_one_address_do_not_wait_for_each_other(front: Front) -> None:
    limits, proxies = front.system.request_limits, (ip_network("10.0.0.0/24"),)
    front.system.request_limits = replace(limits, shared_peers=proxies)
    for host, limited in (("10.0.0.7", False), ("127.0.0.1", False), ("10.9.0.7", True)):
        client = TestClient(front.client.app, client=(host, 50_000))
        tried = [
            client.post("/api/auth/code", json={"email": f"{n}@example.com"}).status_code
            for n in range(11)
        ]
        assert tried == [204] * 10 + [429 if limited else 204], host


def test_the_second_factor_is_asked_for_all_the_same(front: Front) -> None:
    scene = Scene(front)
    spare = scene.confirmed()
    ask(front, email=ADA)
    answer = verify(front, mailed(front), email=ADA).json()
    assert answer.keys() == {"challenge", "expires_in", "factors"}
    assert scene.answer(answer["challenge"], spare[0]).status_code == 200


def test_a_number_is_one_persons_and_can_be_given_up(either: Front) -> None:
    ada, eve = either.someone(), either.someone()
    assert set_mobile(either, ada).status_code == 204
    assert set_mobile(either, ada).status_code == 204, "again"
    taken = set_mobile(either, eve)
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    assert either.client.delete("/api/auth/mobile", headers=ada).status_code == 204
    assert either.client.delete("/api/auth/mobile", headers=ada).status_code == 404
    assert set_mobile(either, eve).status_code == 204


def test_another_number_lets_the_first_one_go(front: Front) -> None:
    ada = front.someone()
    set_mobile(front, ada)
    assert set_mobile(front, ada, "+4915187654321").status_code == 204
    assert set_mobile(front, front.someone()).status_code == 204


def test_who_is_erased_lets_the_number_go(front: Front) -> None:
    ada = front.someone()
    set_mobile(front, ada)
    given = {"password": PASSWORD}
    assert front.client.post("/api/auth/erase", json=given, headers=ada).is_success
    assert front.system.texter.sent == []
    assert set_mobile(front, front.someone()).status_code == 204


def test_what_is_asked_for_is_judged(front: Front) -> None:
    ada = front.someone()
    for wrong in ({}, {"email": ADA, "mobile": MOBILE}, {"email": "ada"}, {"mobile": "x"}):
        assert ask(front, **wrong).status_code == 422
    for number in ("4915112345678", "+0151123456", "+49 1511234567", "+49151123456789012"):
        assert ask(front, mobile=number).status_code == 422
    for password in (None, "not the password"):
        given = {"mobile": MOBILE} | ({} if password is None else {"password": password})
        answer = front.client.post("/api/auth/mobile", json=given, headers=ada)
        assert answer.status_code == 422
    assert front.system.texter.sent == []


def test_codes_are_in_the_language_of_the_person(front: Front) -> None:
    ada = front.someone(ADA)
    front.client.patch("/api/auth/me", json={"locale": "zh-CN"}, headers=ada)
    set_mobile(front, ada)
    ask(front, email=ADA)
    assert front.system.mailer.sent[-1].subject == "Clawbot 登录验证码"
    assert "验证码" in front.system.texter.sent[-1].text


def test_who_sends_may_be_away(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    front.registered(ADA)

    def away(_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(front.system.mailer, "send", away)
    assert ask(front, email=ADA).status_code == 204
