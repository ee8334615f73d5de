"""The second factor: set up, asked for, used once, and replaced by spare codes."""

from __future__ import annotations

import time
from base64 import b32decode, b32encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from api.second_factor import step_of
from tests.api.front import PASSWORD, Front

ADA = "ada@example.com"
RFC_6238 = b32encode(b"12345678901234567890").decode()


def code_of(secret: str, at: float | None = None) -> str:
    """What an authenticator app shows."""
    totp = TOTP(b32decode(secret), 6, SHA1(), 30)
    return totp.generate(int(time.time() if at is None else at)).decode()


class Scene:
    """Ada, with a second factor."""

    def __init__(self, front: Front) -> None:
        self.front = front
        self.ada = front.registered(ADA)
        self.headers = front.bearer(self.ada)
        offered = self.ask("POST", "totp", password=PASSWORD)
        assert offered.status_code == 201, offered.text
        self.secret: str = offered.json()["secret"]
        self.uri: str = offered.json()["uri"]

    def ask(self, method: str, path: str, **body: str) -> Any:
        return self.front.client.request(
            method, f"/api/auth/{path}", json=body, headers=self.headers
        )

    def confirmed(self) -> list[str]:
        # Of half a minute ago, so that the present code is still good.
        answer = self.ask(
            "POST", "totp/confirm", code=code_of(self.secret, time.time() - 30)
        )
        assert answer.status_code == 200, answer.text
        codes: list[str] = answer.json()["recovery_codes"]
        return codes

    def login(self) -> Any:
        given = {"email": ADA, "password": PASSWORD}
        return self.front.client.post("/api/auth/login", json=given)

    def answer(self, challenge: str, code: str) -> Any:
        given = {"challenge": challenge, "code": code}
        return self.front.client.post("/api/auth/login/code", json=given)


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
    ],
)
def test_codes_are_those_of_the_rfc(second: int, code: str) -> None:
    assert step_of(RFC_6238, code, second) == second // 30
    assert step_of(RFC_6238, code, second + 30) == second // 30
    assert step_of(RFC_6238, code, second + 61) is None
    assert step_of(RFC_6238, "é", second) is None


def test_a_sign_in_asks_for_a_code_once_the_factor_is_confirmed(either: Front) -> None:
    scene = Scene(either)
    assert scene.uri.startswith("otpauth://totp/")
    assert "access_token" in scene.login().json(), "it is not confirmed yet"
    assert len(set(scene.confirmed())) == 10
    me = either.client.get("/api/auth/me", headers=scene.headers).json()
    assert me["second_factor"] is True
    asked = scene.login()
    assert asked.status_code == 200
    assert asked.json().keys() == {"challenge", "expires_in", "factors"}
    code = code_of(scene.secret)
    signed_in = scene.answer(asked.json()["challenge"], code)
    assert signed_in.status_code == 200, signed_in.text
    assert either.client.get(
        "/api/auth/me", headers=either.bearer(signed_in.json())
    ).is_success
    again = scene.answer(scene.login().json()["challenge"], code)
    assert again.status_code == 401, "a code is good once"


def test_a_spare_code_is_good_once(either: Front) -> None:
    scene = Scene(either)
    spare = scene.confirmed()[3]
    written = f"{spare[:8].upper()}-{spare[8:]}"
    assert scene.answer(scene.login().json()["challenge"], written).status_code == 200
    assert scene.answer(scene.login().json()["challenge"], spare).status_code == 401


def test_codes_are_not_guessed(front: Front) -> None:
    scene = Scene(front)
    scene.confirmed()
    challenge = scene.login().json()["challenge"]
    answers = [scene.answer(challenge, "000000").status_code for _ in range(12)]
    assert answers[0] == 401
    assert answers[-1] == 429


def test_a_challenge_is_ours_and_no_other_token_is(front: Front) -> None:
    scene = Scene(front)
    scene.confirmed()
    challenge, code = scene.login().json()["challenge"], code_of(scene.secret)
    for text in (challenge[:-1], "cch_", challenge.replace("cch_", "crs_"), "x" * 80):
        assert scene.answer(text, code).status_code == 401
    headers = {"Authorization": f"Bearer {challenge}"}
    assert front.client.get("/api/auth/me", headers=headers).status_code == 401


def test_the_password_opens_and_closes_the_factor(front: Front) -> None:
    scene = Scene(front)
    scene.confirmed()
    for method in ("POST", "DELETE"):
        wrong = scene.ask(method, "totp", password="not the password")
        assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (422, "wrong")
    assert (
        scene.ask("POST", "totp", password=PASSWORD).json()["code"] == "totp-is-on-already"
    )
    assert scene.ask("DELETE", "totp", password=PASSWORD).status_code == 204
    assert "access_token" in scene.login().json()
    gone = scene.ask("POST", "totp/confirm", code=code_of(scene.secret))
    assert gone.json()["code"] == "no-totp-is-offered"


def test_nothing_of_it_is_in_an_event(front: Front) -> None:
    scene = Scene(front)
    codes = scene.confirmed()
    written = repr(front.system.fleet.page(after=0, limit=100))
    assert not [one for one in (scene.secret, *codes) if one in written]
