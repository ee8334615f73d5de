"""Quotas over HTTP: set, listed, changed, and how they stand now and stood before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.api.front import Front, a_bot
from tests.api.test_provider_keys import added

NEW: dict[str, Any] = {
    "scope": {"kind": "team"},
    "metric": "tokens",
    "window": "day",
    "limit": 1000,
}
SOON = (datetime.now(UTC) + timedelta(hours=2)).replace(microsecond=0)


def created(front: Front, headers: dict[str, str], **fields: object) -> dict[str, Any]:
    answer = front.client.post("/api/quota", json=NEW | fields, headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == '"1"'
    body: dict[str, Any] = answer.json()
    return body


def refused(answer: Any, *fields: str) -> list[str]:
    """The codes of exactly these fields."""
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    assert [one["field"] for one in errors] == list(fields)
    return [one["code"] for one in errors]


def test_a_quota_is_set_listed_and_shown(either: Front) -> None:
    signed_in = either.registered()
    me = either.bearer(signed_in)
    quota = created(either, me, time_zone="Asia/Shanghai")
    assert quota == {
        "id": quota["id"],
        "scope": {"kind": "team", "id": signed_in["team"]["id"]},
        "metric": "tokens",
        "window": "day",
        "limit": 1000,
        "time_zone": "Asia/Shanghai",
        "warn_at": 0.8,
        "mode": "block",
        "raise": None,
        "created_at": quota["created_at"],
        "version": 1,
    }
    either.system.pump()
    assert either.client.get(f"/api/quota/{quota['id']}", headers=me).json() == quota
    listed = either.client.get("/api/quota", headers=me)
    assert listed.json() == {"items": [quota], "next_cursor": None}


def test_every_part_of_the_team_can_have_a_quota(either: Front) -> None:
    signed_in = either.registered()
    me = either.bearer(signed_in)
    scopes = [
        {"kind": "team", "id": signed_in["team"]["id"].upper()},
        {"kind": "bot", "id": a_bot(either, me)["bot"]["id"]},
        {"kind": "provider_key", "id": added(either, me)["id"]},
        {"kind": "member", "id": signed_in["user"]["id"]},
        {"kind": "model", "id": "Qwen/Qwen3:free"},
    ]
    for scope in scopes:
        shown = created(either, me, scope=scope)["scope"]
        assert shown["id"].lower() == scope["id"].lower()
    assert created(either, me, scope={"kind": "team"}, window="month")
    either.system.pump()

    def ids(query: str) -> list[str]:
        items = either.client.get(f"/api/quota?{query}", headers=me).json()["items"]
        return [one["scope"]["id"] for one in items]

    assert len(ids("")) == 6
    assert len(ids("scope_kind=team")) == 2
    assert ids(f"scope_id={scopes[1]['id']}") == [scopes[1]["id"]]
    assert ids("scope_kind=model&scope_id=nothing") == []
    assert either.client.get("/api/quota?scope_kind=x", headers=me).status_code == 422


def test_lists_come_in_pages(either: Front) -> None:
    me, other = either.someone(), either.someone()
    mine = [created(either, me, time_zone=zone)["id"] for zone in ("UTC", "Asia/Tokyo")]
    created(either, other)
    either.system.pump()
    first = either.client.get("/api/quota?limit=1", headers=me).json()
    cursor = first["next_cursor"]
    last = either.client.get(f"/api/quota?limit=1&cursor={cursor}", headers=me).json()
    assert [one["id"] for one in first["items"] + last["items"]] == mine
    assert last["next_cursor"] is None


@pytest.mark.parametrize("kind", ["bot", "provider_key", "member", "team"])
def test_what_is_not_the_teams_cannot_be_a_scope(either: Front, kind: str) -> None:
    theirs, me = either.registered(), either.someone()
    them = either.bearer(theirs)
    foreign = {
        "bot": lambda: a_bot(either, them)["bot"]["id"],
        "provider_key": lambda: added(either, them)["id"],
        "member": lambda: theirs["user"]["id"],
        "team": lambda: theirs["team"]["id"],
    }[kind]()
    for scope_id in (foreign, str(uuid4())):
        new = NEW | {"scope": {"kind": kind, "id": scope_id}}
        answer = either.client.post("/api/quota", json=new, headers=me)
        assert refused(answer, "scope.id") == ["not-found"]


def test_what_is_gone_cannot_be_a_scope(front: Front) -> None:
    me = front.someone()
    bot, key = a_bot(front, me)["bot"], added(front, me)
    front.client.delete("/api/bot/ada-1", headers=me)
    front.client.delete(f"/api/provider-key/{key['id']}", headers=me)
    for kind, gone in (("bot", bot), ("provider_key", key)):
        new = NEW | {"scope": {"kind": kind, "id": gone["id"]}}
        answer = front.client.post("/api/quota", json=new, headers=me)
        assert refused(answer, "scope.id") == ["not-found"]


def test_the_same_quota_is_not_set_twice_until_it_is_removed(either: Front) -> None:
    me, other = either.someone(), either.someone()
    first = created(either, me)
    again = either.client.post("/api/quota", json=NEW | {"limit": 7}, headers=me)
    assert (again.status_code, again.json()["code"]) == (409, "quota-is-set-already")
    created(either, other)
    for other_kind in (
        {"window": "hour"},
        {"metric": "requests"},
        {"time_zone": "Asia/Tokyo"},
        {"mode": "notify"},
    ):
        created(either, me, **other_kind)
    url = f"/api/quota/{first['id']}"
    assert either.client.delete(url, headers=me).status_code == 204
    for method in ("GET", "DELETE"):
        assert either.client.request(method, url, headers=me).status_code == 404
    assert either.client.get(f"{url}/balance", headers=me).status_code == 404
    assert created(either, me)["id"] != first["id"]


def test_a_change_of_the_mode_is_refused_where_another_quota_has_it(either: Front) -> None:
    me = either.someone()
    blocks, notifies = created(either, me), created(either, me, mode="notify", limit=500)

    def turned(quota: dict[str, Any], mode: str) -> Any:
        url = f"/api/quota/{quota['id']}"
        return either.client.patch(url, json={"mode": mode, "limit": 7}, headers=me)

    def shown(quota: dict[str, Any]) -> Any:
        return either.client.get(f"/api/quota/{quota['id']}", headers=me).json()

    for quota, mode in ((blocks, "notify"), (notifies, "block")):
        answer = turned(quota, mode)
        assert (answer.status_code, answer.json()["code"]) == (409, "quota-is-set-already")
        assert shown(quota) == quota
    url = f"/api/quota/{blocks['id']}"
    assert either.client.delete(url, headers=me).status_code == 204
    moved = turned(notifies, "block")
    assert (moved.status_code, moved.json()["mode"]) == (200, "block")
    again = either.client.post("/api/quota", json=NEW, headers=me)
    assert again.status_code == 409
    created(either, me, mode="notify")  # the name that it had is free
    assert turned(notifies, "notify").status_code == 409
    assert turned(notifies, "block").status_code == 200


def test_a_quota_is_edited_in_part(either: Front) -> None:
    me = either.someone()
    url = f"/api/quota/{created(either, me)['id']}"

    def edited(**change: object) -> dict[str, Any]:
        answer = either.client.patch(url, json=change, headers=me)
        assert answer.status_code == 200, answer.text
        assert answer.headers["etag"] == f'"{answer.json()["version"]}"'
        body: dict[str, Any] = answer.json()
        return body

    assert edited()["version"] == 1
    assert edited(limit=5)["limit"] == 5
    assert edited(warn_at=None, mode="notify")["warn_at"] is None
    now = edited(limit=None, mode=None)
    assert (now["limit"], now["mode"], now["version"]) == (5, "notify", 3)
    late = either.client.patch(url, json={"limit": 9}, headers=me | {"If-Match": '"1"'})
    assert late.status_code == 412
    fresh = either.client.patch(url, json={"limit": 9}, headers=me | {"If-Match": '"3"'})
    assert fresh.json()["limit"] == 9
    gone = either.client.delete(url, headers=me | {"If-Match": '"3"'})
    assert gone.status_code == 412


def test_a_limit_is_raised_for_a_time(either: Front) -> None:
    me = either.someone()
    url = f"/api/quota/{created(either, me)['id']}"

    def limit() -> int:
        found: int = either.client.get(f"{url}/balance", headers=me).json()["limit"]
        return found

    def changed(change: dict[str, Any]) -> Any:
        return either.client.patch(url, json=change, headers=me)

    until = SOON.isoformat().replace("+00:00", "Z")
    both = changed({"limit": 100, "raise": {"by": 50, "until": until}})
    assert both.json()["raise"] == {"by": 50, "until": until}
    assert (both.json()["limit"], limit()) == (100, 150)
    changed({"raise": {"by": 7, "until": until}})
    assert limit() == 107
    assert changed({"limit": 100}).json()["raise"]["by"] == 7  # not named: it stays
    assert changed({"raise": None}).json()["raise"] is None
    assert limit() == 100
    changed({"raise": {"by": 7, "until": until}})
    assert changed({"raise": {"by": 0, "until": until}}).json()["raise"] is None


def test_a_change_that_cannot_be_changes_nothing_at_all(either: Front) -> None:
    me = either.someone()
    url = f"/api/quota/{created(either, me)['id']}"
    over = {"by": 1, "until": "2020-01-01T00:00:00Z"}
    for change, field, code in (
        ({"limit": 5, "raise": over}, "raise.until", "in-the-past"),
        ({"limit": 5, "raise": {"by": 1}}, "raise.until", "missing"),
        (
            {"limit": 5, "raise": {"by": 2**53 - 1, "until": "2999-01-01T00:00:00Z"}},
            "raise.by",
            "out-of-range",
        ),
    ):
        assert refused(either.client.patch(url, json=change, headers=me), field) == [code]
    assert either.client.get(url, headers=me).json()["limit"] == 1000
    balance = either.client.get(f"{url}/balance", headers=me).json()
    assert balance["limit"] == 1000


def test_a_team_has_so_many_quotas_and_no_more(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.quotas.MOST_QUOTAS", 2)
    me = front.someone()
    for window in ("day", "hour"):
        created(front, me, window=window)
    answer = front.client.post("/api/quota", json=NEW | {"window": "month"}, headers=me)
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-quotas")
    created(front, front.someone())


def test_a_quota_is_set_once_for_each_idempotency_key(front: Front) -> None:
    me = front.someone() | {"Idempotency-Key": "a"}
    first = created(front, me)
    assert created(front, me) == first


def test_a_quota_is_shown_as_it_was(either: Front) -> None:
    me = either.someone()
    before = datetime.now(UTC)
    made = either.client.post("/api/quota", json=NEW, headers=me)
    url, then = f"/api/quota/{made.json()['id']}", made.headers["x-log-position"]
    between = datetime.now(UTC)
    either.client.patch(url, json={"limit": 5}, headers=me)

    def shown(at: object) -> Any:
        return either.client.get(url, params={"at": str(at)}, headers=me)

    assert shown(then).json()["limit"] == 1000
    assert shown(then).headers["etag"] == '"1"'
    assert shown(between.isoformat()).json()["limit"] == 1000
    assert shown(datetime.now(UTC).isoformat()).json()["limit"] == 5
    assert shown(f"fleet={either.system.fleet.head()}").json()["limit"] == 5
    assert shown(before.isoformat()).status_code == 404
    assert shown("fleet=0").status_code == 404
    for wrong, code in (
        ("yesterday", "time"),
        ("fleet=x", "not-a-position"),
        ("fleet=1,fleet=1", "not-a-position"),
        ("fleet=100000", "not-reached"),
        ("calls=1", "not-reached"),
    ):
        assert refused(shown(wrong), "at") == [code]


def test_quotas_and_their_streams_are_in_the_audit(front: Front) -> None:
    signed_in = front.registered()
    me = front.bearer(signed_in)
    quota = created(front, me)
    stream = front.client.get(f"/api/audit/stream/quota/{quota['id']}", headers=me).json()
    assert [one["type"] for one in stream["items"]] == ["quota.set"]
    assert stream["items"][0]["actor"] == f"user:{signed_in['user']['id']}"
    assert UUID(stream["items"][0]["event"]["team_id"])
