"""Nobody is found out by the clock: who exists is refused as fast as who does not (I6).

Both kinds are asked in turns within one run, so that whatever else the machine does slows
both; their medians are compared, not seconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from application.rates import Rate
from tests.api.front import Front

ADA = "ada@example.com"
OFTEN = Rate(name="often", most=1_000_000, exact=True)
SHORT, FULL = 8, 2000
Ask = Callable[[str], Any]


@pytest.fixture
def asked_often(front: Front, monkeypatch: pytest.MonkeyPatch) -> Front:
    """A front that answers as often as it is asked, and knows Ada."""
    front.system.request_limits = replace(front.system.request_limits, sign_ins=OFTEN)
    for name in ("_TRIES", "_SENT"):
        monkeypatch.setattr(f"api.sent_codes.{name}", OFTEN)
    front.registered(ADA)
    return front


def login(front: Front) -> Ask:
    def ask(email: str) -> Any:
        given = {"email": email, "password": "not the password"}
        return front.client.post("/api/auth/login", json=given)

    return ask


def verify(front: Front) -> Ask:
    assert front.client.post("/api/auth/code", json={"email": ADA}).status_code == 204

    def ask(email: str) -> Any:
        given = {"email": email, "code": "00000000"}
        return front.client.post("/api/auth/code/verify", json=given)

    return ask


def ratio(ask: Ask, pairs: int) -> float:
    """The median for who does not exist, as a part of that for who does."""
    known: list[float] = []
    unknown: list[float] = []
    for n in range(pairs):
        for email, times in ((ADA, known), (f"nobody{n}@example.com", unknown)):
            started = time.perf_counter()
            answer = ask(email)
            times.append(time.perf_counter() - started)
            assert answer.status_code == 401
    return statistics.median(unknown) / statistics.median(known)


@pytest.mark.parametrize("way", [login, verify])
def test_who_does_not_exist_is_refused_as_fast(
    asked_often: Front, way: Callable[[Front], Ask]
) -> None:
    ask = way(asked_often)
    ratio(ask, 2)  # what is made at first use
    assert 0.5 < ratio(ask, SHORT) < 2


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", [login, verify])
def test_two_thousand_pairs_are_refused_as_fast(
    asked_often: Front, way: Callable[[Front], Ask]
) -> None:
    ask = way(asked_often)
    ratio(ask, 20)
    found = ratio(ask, FULL)
    print(f"\n{way.__name__}: who does not exist takes {found:.3f} of the time")  # noqa: T201
    assert 0.75 < found < 1.33


def test_a_locked_account_is_refused_as_one_that_is_not_there(front: Front) -> None:
    front.registered(ADA)
    ask = login(front)
    answers = [[ask(email) for _ in range(11)] for email in (ADA, "nobody@example.com")]
    known, unknown = ([one.status_code for one in asked] for asked in answers)
    assert known == unknown == [401] * 10 + [429]
    last = (asked[-1].json() | {"request_id": ""} for asked in answers)
    assert next(last) == next(last)
