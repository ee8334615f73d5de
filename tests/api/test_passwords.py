"""How passwords are kept (I4): what the hash costs, and how many are made at once."""

from __future__ import annotations

from threading import BoundedSemaphore

import pytest

from api.passwords import AT_ONCE, hash_password, verify_password
from tests.api.front import PASSWORD, Front


def test_a_hash_is_argon2id_and_costs_what_it_should() -> None:
    kept = hash_password(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hash_password(PASSWORD) != kept
    assert verify_password(PASSWORD, kept)
    assert not verify_password(PASSWORD + "s", kept)


@pytest.mark.parametrize("kept", [None, ""])
def test_who_has_no_password_gives_none_that_is_right(kept: str | None) -> None:
    for given in ("", PASSWORD, "x" * 2000):
        assert not verify_password(given, kept)


def test_four_are_looked_at_at_once_and_a_fifth_waits(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"email": "ada@example.com", "password": PASSWORD}
    slots = BoundedSemaphore(AT_ONCE)
    monkeypatch.setattr("api.passwords._slots", slots)
    monkeypatch.setattr("api.passwords.WAIT_SECONDS", 0.01)
    assert AT_ONCE == 4
    for _ in range(AT_ONCE):
        slots.acquire()
    answer = front.client.post("/api/auth/login", json=given)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    slots.release()
    assert front.client.post("/api/auth/login", json=given).status_code == 401
