"""A team has so many bots and keys, and not one more, whoever is quick."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx2
import pytest

from domain.seats import MOST, Seat
from tests.api.front import Front

FEW = 3
MANY = 5

Adding = Callable[[Front, dict[str, str]], httpx2.Response]


def a_bot(front: Front, headers: dict[str, str]) -> httpx2.Response:
    new = {"name": "Ada", "hostname": f"ada-{uuid4().hex[:8]}"}
    return front.client.post("/api/bot", json=new, headers=headers)


def a_key(front: Front, headers: dict[str, str]) -> httpx2.Response:
    new = {"vendor": "openai", "label": "main", "secret": "sk-0123456789abcdef"}
    return front.client.post("/api/provider-key", json=new, headers=headers)


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in Seat:
        monkeypatch.setitem(MOST, kind, FEW)


@pytest.mark.parametrize(
    ("add", "code", "first_words"),
    [(a_bot, "too-many-bots", "一个团队最多"), (a_key, "too-many-keys", "一个团队最多")],
)
def test_one_too_many_is_refused_with_a_reason(
    front: Front, add: Adding, code: str, first_words: str
) -> None:
    me, other = front.someone(), front.someone()
    assert [add(front, me).status_code for _ in range(FEW)] == [201] * FEW
    head = front.system.fleet.head()
    refused = add(front, me)
    assert (refused.status_code, refused.json()["code"]) == (409, code)
    chinese = add(front, me | {"Accept-Language": "zh-CN"})
    assert chinese.json()["detail"].startswith(first_words)
    assert front.system.fleet.head() == head
    assert add(front, other).status_code == 201


def test_what_is_gone_makes_room_for_another(either: Front) -> None:
    me = either.someone()
    bots = [a_bot(either, me).json()["bot"] for _ in range(FEW)]
    keys = [a_key(either, me).json() for _ in range(FEW)]
    for added, gone, url in (
        (a_bot, bots[1]["hostname"], "/api/bot"),
        (a_key, keys[1]["id"], "/api/provider-key"),
    ):
        assert added(either, me).status_code == 409
        assert either.client.delete(f"{url}/{gone}", headers=me).status_code == 204
        assert added(either, me).status_code == 201
        assert added(either, me).status_code == 409


@pytest.mark.parametrize("add", [a_bot, a_key])
def test_of_many_at_once_only_so_many_get_in(real: Front, add: Adding) -> None:
    me = real.someone()
    with ThreadPoolExecutor(MANY) as threads:
        answers = list(threads.map(lambda _: add(real, me).status_code, range(MANY)))
    assert set(answers) <= {201, 409, 503}  # 503: a slow machine's database was too busy
    got_in = answers.count(201)
    while add(real, me).status_code == 201:
        got_in += 1
    assert got_in == FEW
