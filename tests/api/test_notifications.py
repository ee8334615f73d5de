"""Notices over HTTP: who sees which, in which language, and what each person has read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.event_log import Caller, Stream, acting
from domain.containers import ContainerState
from domain.events import Event
from domain.key_events import ProviderKeyCooled, ProviderKeyDied
from domain.parking import ProjectionParked, projection_id
from domain.quota_windows import QuotaExhausted, QuotaWarned, quota_window_id
from domain.runs import Observation, RunObserved, run_of
from domain.verdicts import Verdict
from tests.api.front import Front, a_bot
from tests.api.test_fleet_admin import an_operator

URL = "/api/notification"
NOW = datetime.now(UTC)
KEY = {"vendor": "openai", "label": "Main", "secret": "sk-0123456789abcdef"}


def team_of(front: Front, headers: dict[str, str]) -> UUID:
    return UUID(front.client.get("/api/auth/me", headers=headers).json()["team"]["id"])


def happens(front: Front, team: UUID, stream: UUID, *events: Event) -> None:
    """The machine records it, and every view reads it."""
    log = front.system.fleet
    version = len(log.history(stream))
    with acting(Caller("system:worker", team_id=team)):
        log.append(Stream(stream, version, None), events)
    front.system.pump()


def a_key(front: Front, headers: dict[str, str]) -> UUID:
    answer = front.client.post("/api/provider-key", json=KEY, headers=headers)
    return UUID(answer.json()["id"])


def dies() -> ProviderKeyDied:
    return ProviderKeyDied(http_status=401, error=None)


def failed(**fields: Any) -> Observation:
    return Observation(state=ContainerState.EXITED, failure="crashed", tried=1, **fields)


def listed(front: Front, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    answer = front.client.get(URL, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def unread(front: Front, headers: dict[str, str]) -> int:
    answer = front.client.get(f"{URL}/unread-count", headers=headers)
    count: int = answer.json()["unread"]
    return count


def read(front: Front, headers: dict[str, str], **body: Any) -> int:
    answer = front.client.post(f"{URL}/read", json=body, headers=headers)
    front.system.pump()
    return answer.status_code


def test_everything_that_matters_is_noticed_newest_first(either: Front) -> None:
    me = either.someone()
    team, key = team_of(either, me), a_key(either, me)
    bot = UUID(a_bot(either, me)["bot"]["id"])
    quota, window = uuid4(), quota_window_id(uuid4(), NOW)
    use: dict[str, Any] = {
        "quota_id": quota,
        "window_start": NOW,
        "window_end": None,
        "limit": 10,
    }
    happens(
        either,
        team,
        window,
        QuotaWarned(**use, warn_at_permille=800, settled=8),
        QuotaExhausted(**use, settled=10, held=0),
    )
    cooled = ProviderKeyCooled(until=NOW + timedelta(hours=1), verdict=Verdict.THROTTLED)
    happens(either, team, key, cooled, dies())
    happens(either, team, run_of(bot), RunObserved(bot_id=bot, observation=failed()))
    found = listed(either, me)
    assert [one["kind"] for one in found] == [
        "bot.failed",
        "key.dead",
        "key.cooling",
        "quota.exhausted",
        "quota.warned",
    ]
    assert [one["subject"]["name"] for one in found[:3]] == ["Ada", "Main", "Main"]
    assert found[0]["subject"] == {"kind": "bot", "id": str(bot), "name": "Ada"}
    assert "(crashed)" in found[0]["text"]
    assert "80 % is used (8 of 10)" in found[4]["text"]
    assert listed(either, either.someone()) == []


def test_operators_hear_of_a_projection_that_is_parked_and_nobody_else(
    either: Front,
) -> None:
    me, other = an_operator(either), either.someone()
    happens(either, team_of(either, me), a_key(either, me), dies())
    parked = ProjectionParked(projection="call_log", log="calls", position=7, error="x")
    log = either.system.fleet
    with acting(Caller("system:projector")):
        log.append(Stream(projection_id("call_log"), 0, None), [parked])
    either.system.pump()
    assert listed(either, other) == []
    found = listed(either, me)
    assert [one["kind"] for one in found] == ["projection.parked", "key.dead"]
    assert found[0]["text"].startswith("call_log stands still at calls=7:")
    assert found[0]["subject"]["name"] == "call_log"
    assert len(listed(either, me, limit=1)) == 1
    assert unread(either, me) == 2
    assert read(either, other, ids=[found[0]["id"]]) == 404
    assert read(either, me, ids=[found[0]["id"]]) == 204
    assert unread(either, me) == 1


def test_the_text_is_in_the_readers_language(front: Front) -> None:
    me = front.someone()
    happens(front, team_of(front, me), a_key(front, me), dies())
    chinese = me | {"Accept-Language": "zh-CN,zh;q=0.9"}
    assert listed(front, chinese)[0]["text"].startswith("Main 被厂商拒绝")
    assert listed(front, me)[0]["text"].startswith("Main is refused")
    assert listed(front, me, locale="zh")[0]["text"].startswith("Main")


def test_what_one_person_reads_another_has_not_read(either: Front) -> None:
    me, friend = either.someone(), either.registered()
    team, key = team_of(either, me), a_key(either, me)
    member = {"user_id": friend["user"]["id"], "role": "viewer"}
    added = either.client.post(f"/api/team/{team}/member", json=member, headers=me)
    assert added.status_code == 201
    theirs = either.bearer(friend) | {"X-Team-Id": str(team)}
    happens(either, team, key, dies(), dies(), dies())
    assert unread(either, me) == unread(either, theirs) == 3
    newest, middle, oldest = listed(either, me)
    assert read(either, me, ids=[middle["id"]]) == 204
    assert [one["read"] for one in listed(either, me)] == [False, True, False]
    assert [one["id"] for one in listed(either, me, unread=True)] == [
        newest["id"],
        oldest["id"],
    ]
    assert (unread(either, me), unread(either, theirs)) == (2, 3)
    assert read(either, theirs, all=True) == 204
    assert (unread(either, me), unread(either, theirs)) == (2, 0)
    happens(either, team, key, dies())
    assert (unread(either, me), unread(either, theirs)) == (3, 1)


def test_what_is_read_already_is_not_recorded_again(front: Front) -> None:
    me = front.someone()
    happens(front, team_of(front, me), a_key(front, me), dies())
    ids = [one["id"] for one in listed(front, me)]
    read(front, me, ids=ids)
    head = front.system.fleet.head()
    assert read(front, me, ids=ids) == 204
    assert front.system.fleet.head() == head


def test_anothers_notice_is_not_there_to_be_read(either: Front) -> None:
    me, other = either.someone(), either.someone()
    happens(either, team_of(either, other), a_key(either, other), dies())
    (theirs,) = listed(either, other)
    assert read(either, me, ids=[theirs["id"]]) == 404
    assert read(either, me, ids=[str(uuid4())]) == 404
    assert unread(either, other) == 1


@pytest.mark.parametrize(
    "body",
    [{}, {"ids": []}, {"all": False}, {"ids": ["x"]}, {"ids": [str(uuid4())], "all": True}],
)
def test_what_is_read_is_either_some_or_all(front: Front, body: dict[str, Any]) -> None:
    assert read(front, front.someone(), **body) == 422


def test_a_bot_that_fails_again_and_again_is_noticed_once_for_each_reason(
    either: Front,
) -> None:
    me = either.someone()
    team, bot = team_of(either, me), UUID(a_bot(either, me)["bot"]["id"])
    seen = [
        failed(failures=1),
        failed(failures=2),
        Observation(state=ContainerState.RUNNING),
        failed(failures=1),
        Observation(state=ContainerState.ABSENT, failure="no-image", tried=1),
    ]
    observed = [RunObserved(bot_id=bot, observation=one) for one in seen]
    happens(either, team, run_of(bot), *observed)
    failures = [one["facts"]["failure"] for one in listed(either, me)]
    assert failures == ["no-image", "crashed"]


def test_pages_hold_every_notice_once(either: Front) -> None:
    me = either.someone()
    happens(either, team_of(either, me), a_key(either, me), *[dies() for _ in range(5)])
    whole, cursor = [], None
    for _ in range(3):
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = either.client.get(URL, params=query, headers=me).json()
        whole += page["items"]
        cursor = page["next_cursor"]
    assert cursor is None
    assert whole == listed(either, me)


def test_what_is_muted_is_neither_shown_nor_counted(either: Front) -> None:
    me = either.someone()
    team, key = team_of(either, me), a_key(either, me)
    cooled = ProviderKeyCooled(until=NOW + timedelta(hours=1), verdict=Verdict.THROTTLED)
    happens(either, team, key, cooled, dies())
    url = f"{URL}/preferences"
    body = {"muted": ["key.cooling"]}
    answer = either.client.put(url, json=body, headers=me)
    assert (answer.status_code, answer.json()["muted"]) == (200, ["key.cooling"])
    either.system.pump()
    assert [one["kind"] for one in listed(either, me)] == ["key.dead"]
    assert unread(either, me) == 1
    assert either.client.get(url, headers=me).json() == answer.json()
    for wrong in ("bot.state", "rocket"):
        body = {"muted": [wrong]}
        assert either.client.put(url, json=body, headers=me).status_code == 422
