"""Signing in by an account elsewhere, end to end against a real issuer on this machine."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from pydantic import SecretStr

from adapters.settings import ProviderSetting
from adapters.sign_in.providers import providers_of
from tests.api.front import PASSWORD, Front
from tests.api.oidc.door import CALLBACK, Door, a_provider, changed, refused, set_up
from tests.api.oidc.issuer import Issuer
from tests.api.test_totp import code_of


def test_somebody_new_gets_an_account_and_comes_back_to_it(
    either: Front, known: Issuer
) -> None:
    known.forget()
    door = set_up(either, known)
    first = door.signed_in()
    assert first.status_code == 200, first.text
    assert first.json()["user"] | {"id": ""} == {
        "id": "",
        "email": door.email,
        "name": "Ada There",
    }
    second = door.signed_in()
    assert second.json()["user"] == first.json()["user"]
    me = either.client.get("/api/auth/me", headers=either.bearer(second.json()))
    assert me.json()["user"] == first.json()["user"]
    assert door.means() == ["oidc:local", "oidc:local"]
    for secret in (known.person["sub"], door.email, "Ada There"):
        assert secret not in repr(door.events())


def test_the_browser_is_sent_with_state_nonce_and_a_challenge(door: Door) -> None:
    url = door.start()
    assert url.startswith(f"{door.issuer.url}/authorize?")
    query = {name: one[0] for name, one in parse_qs(urlsplit(url).query).items()}
    assert query["redirect_uri"] == f"http://testserver{CALLBACK}"
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert query["state"].isalnum()
    assert len(query["state"]) <= 128, "as WeChat wants it"
    assert min(len(query["nonce"]), len(query["code_challenge"])) == 43
    assert set(query["scope"].split()) == {"openid", "email", "profile"}
    (cookie,) = door.front.client.cookies.jar
    assert (cookie.path, cookie.has_nonstandard_attr("HttpOnly")) == (
        "/api/auth/oidc/local",
        True,
    )
    assert (cookie.value or "") not in url
    again = parse_qs(urlsplit(door.start()).query)
    assert not {query[name] for name in ("state", "nonce", "code_challenge")} & {
        again[name][0] for name in ("state", "nonce", "code_challenge")
    }


def test_a_state_is_of_this_browser_for_this_provider_and_once(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = door.front.client
    back = door.there(door.start())
    state = dict(parse_qsl(urlsplit(back).query))["state"]
    for other in ("", "a" * 90, state[:-1], state + "a", state.upper()):
        assert refused(door.back(changed(back, state=other)))
    for place in range(0, len(state), 7):
        forged = state[:place] + ("b" if state[place] == "a" else "a") + state[place + 1 :]
        assert refused(door.back(changed(back, state=forged))), place
    cookie = client.cookies["clawbot_sign_in"]
    client.cookies.clear()
    assert refused(door.back(back)), "another browser"
    door.start()
    assert refused(door.back(back)), "another flow in this browser"
    client.cookies.clear()
    client.cookies.set("clawbot_sign_in", cookie, path="/")
    door.front.system.sign_in_providers = {
        "local": door.front.system.sign_in_providers["local"],
        "other": door.front.system.sign_in_providers["local"],
    }
    assert refused(door.back(back.replace("/local/", "/other/")))
    assert "/token" not in door.issuer.asked, "nothing was asked for any of them"
    assert door.back(back).status_code == 200
    client.cookies.set("clawbot_sign_in", cookie, path="/")
    assert refused(door.back(back)), "it is used up"
    assert door.issuer.asked.count("/token") == 1
    monkeypatch.setattr("api.oidc_flow.FLOW_LIFE", timedelta(seconds=-1))
    assert refused(door.signed_in()), "its time is over"


def test_a_code_is_exchanged_once(door: Door) -> None:
    """The same code in another flow of the same browser is the issuer's to refuse."""
    used = dict(parse_qsl(urlsplit(door.there(door.start())).query))["code"]
    door.issuer.codes.pop(used)
    assert refused(door.back(changed(door.there(door.start()), code=used)))
    stolen = dict(parse_qsl(urlsplit(door.there(door.start())).query))["code"]
    answer = door.back(changed(door.there(door.start()), code=stolen))
    assert refused(answer), "another flow has another verifier"
    assert "session.started" not in door.topics()


def test_who_said_no_or_came_back_with_another_issuer_is_refused(door: Door) -> None:
    back = door.there(door.start())
    assert refused(door.back(changed(back, iss="https://accounts.example.com")))
    door.start()
    state = dict(parse_qsl(urlsplit(door.there(door.start())).query))["state"]
    said_no = f"{CALLBACK}?{urlencode({'error': 'access_denied', 'state': state})}"
    assert refused(door.back(said_no))
    door.issuer.facts = {"authorization_response_iss_parameter_supported": True}
    set_up(door.front, door.issuer)
    assert refused(door.back(changed(door.there(door.start()), iss="")))
    assert door.signed_in().status_code == 200


def test_an_address_that_is_not_verified_opens_nothing(door: Door) -> None:
    for verified in (False, None, "true", 1):
        door.issuer.person["email_verified"] = verified
        answer = door.signed_in()
        assert (answer.status_code, answer.json()["code"]) == (422, "no-verified-address")
    assert door.topics() == []


def test_what_is_not_in_the_token_is_asked_for_of_the_same_person(door: Door) -> None:
    door.issuer.in_token = False
    assert door.signed_in().json()["user"]["email"] == door.email
    door.issuer.claims = {"sub": "somebody-else"}
    assert refused(door.signed_in())


def test_an_address_is_as_verified_as_they_say_who_tell_it(door: Door) -> None:
    door.issuer.in_token = False
    door.issuer.claims = {"email_verified": True}
    for verified in (False, None):
        door.issuer.person["email_verified"] = verified
        answer = door.signed_in()
        assert (answer.status_code, answer.json()["code"]) == (422, "no-verified-address")
    assert door.topics() == []


def test_who_is_erased_can_begin_anew(either: Front, known: Issuer) -> None:
    known.forget()
    door = set_up(either, known)
    headers = either.someone()
    door.linked(headers)
    erased = either.client.post(
        "/api/auth/erase", json={"password": PASSWORD}, headers=headers
    )
    assert erased.status_code == 204
    assert door.signed_in().json()["user"]["email"] == door.email


def test_the_second_factor_is_asked_for_all_the_same(door: Door) -> None:
    front = door.front
    headers = front.someone()
    door.linked(headers)
    offered = front.client.post(
        "/api/auth/totp", json={"password": PASSWORD}, headers=headers
    ).json()
    code = code_of(offered["secret"])
    confirmed = front.client.post(
        "/api/auth/totp/confirm", json={"code": code}, headers=headers
    ).json()
    answer = door.signed_in()
    assert answer.json().keys() == {"challenge", "expires_in", "factors"}
    given = {
        "challenge": answer.json()["challenge"],
        "code": confirmed["recovery_codes"][0],
    }
    signed_in = front.client.post("/api/auth/login/code", json=given)
    assert signed_in.status_code == 200
    assert door.means() == ["password", "oidc:local"]


def test_an_issuer_that_is_not_there_is_a_503_and_a_start_is_limited(
    front: Front,
) -> None:
    gone = "http://127.0.0.1:1"
    front.system.sign_in_providers = {"local": a_provider(gone, (gone,))}
    start = "/api/auth/oidc/local/start"
    answers = [front.client.get(start, follow_redirects=False) for _ in range(11)]
    assert [one.status_code for one in answers] == [503] * 10 + [429]
    assert front.client.get("/api/auth/oidc/nobody/start").status_code == 404


def test_an_issuer_that_is_away_is_not_asked_by_everybody(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start() -> int:
        answer = door.front.client.get(path, follow_redirects=False)
        return answer.status_code

    path, asked = "/api/auth/oidc/local/start", door.issuer.asked
    door.issuer.facts = {"issuer": "somebody else"}
    assert [start() for _ in range(5)] == [503] * 5
    assert len(asked) == 1
    monkeypatch.setattr("adapters.sign_in.oidc.AWAY_SECONDS", 0)
    set_up(door.front, door.issuer)
    assert [start(), start(), len(asked)] == [503, 503, 3]
    door.issuer.facts = {}
    assert start() == 302, "once it is back it is asked"


def test_an_issuer_inside_is_not_asked_unless_the_operator_lists_it(door: Door) -> None:
    door.front.system.sign_in_providers = {"local": a_provider(door.issuer.url, ())}
    start = "/api/auth/oidc/local/start"
    assert door.front.client.get(start, follow_redirects=False).status_code == 503
    assert door.issuer.asked == []


def test_the_providers_are_named_in_the_readers_language(hall: Front) -> None:
    setting = ProviderSetting(client_id="a", client_secret=SecretStr("b"))
    own = setting.model_copy(update={"issuer": "https://id.example.com"})
    names = ("google", "github", "discord", "wechat", "feishu")
    settings = dict.fromkeys(names, setting) | {"acme": own}
    hall.system.sign_in_providers = providers_of(settings, egress_allow=())

    def named(locale: str) -> list[str]:
        answer = hall.client.get("/api/auth/oidc", params={"locale": locale})
        return [one["name"] for one in answer.json()["items"]]

    assert named("en") == ["Google", "GitHub", "Discord", "WeChat", "Feishu", "Acme"]
    assert named("zh-CN") == ["谷歌", "GitHub", "Discord", "微信", "飞书", "Acme"]
