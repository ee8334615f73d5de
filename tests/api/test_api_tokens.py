"""Tokens for programs: a role and an end, shown once, good no longer than their maker."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api import believed
from domain.log import FLEET
from domain.roles import Role, included
from projections.route_projectors import BotRoutesProjector
from projections.view import row_of
from tests.api.front import Front, a_bot

PATH = "/api/api-token"


def issue(front: Front, headers: dict[str, str], role: str = "owner", **more: Any) -> Any:
    answer = front.client.post(
        PATH, json={"name": "CI", "role": role} | more, headers=headers
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


def bearer(token: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token['token']}"}


def joined(front: Front, owner: dict[str, Any], role: str) -> dict[str, Any]:
    """Somebody who is in the owner's team with that role."""
    person = front.registered()
    member = {"user_id": person["user"]["id"], "role": role}
    path = f"/api/team/{owner['team']['id']}/member"
    answer = front.client.post(path, json=member, headers=front.bearer(owner))
    assert answer.status_code == 201
    return person


def test_a_program_acts_in_the_team_with_the_tokens_role(either: Front) -> None:
    ada = either.registered()
    token = issue(either, either.bearer(ada), "member")
    assert token["token"].startswith("cat_")
    assert len(token["token"]) == 90
    new = {"name": "Ada", "hostname": "ada-1"}
    created = either.client.post("/api/bot", json=new, headers=bearer(token))
    assert created.status_code == 201
    either.system.pump()
    listed = either.client.get("/api/bot", headers=bearer(token)).json()["items"]
    assert [one["hostname"] for one in listed] == ["ada-1"]
    events = either.client.get("/api/bot/ada-1/events", headers=bearer(token)).json()
    assert {one["actor"] for one in events["items"]} == {f"api-token:{token['id']}"}
    quota = {"scope": {"kind": "team"}, "metric": "tokens", "window": "day", "limit": 1}
    refused = either.client.post("/api/quota", json=quota, headers=bearer(token))
    assert refused.status_code == 403


def test_a_token_is_shown_once_and_kept_as_a_hash(front: Front) -> None:
    ada = front.someone()
    token = issue(front, ada, "viewer", expires_at="2099-01-01T00:00:00Z")
    (listed,) = front.client.get(PATH, headers=ada).json()["items"]
    assert listed == {name: value for name, value in token.items() if name != "token"}
    page = front.system.fleet.page(after=0, limit=100)
    assert token["token"] not in repr([one.recorded for one in page.events])


def test_a_program_is_no_person(front: Front) -> None:
    token = bearer(issue(front, front.someone()))
    for method, path in (
        ("GET", "/api/auth/me"),
        ("POST", "/api/auth/logout"),
        ("GET", "/api/team"),
        ("POST", PATH),
        ("GET", PATH),
    ):
        body = {"name": "More", "role": "viewer"} if method == "POST" else None
        answer = front.client.request(method, path, json=body, headers=token)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path


def test_a_program_is_in_one_team_whatever_its_maker_is_in(front: Front) -> None:
    ada = front.registered()
    second = front.client.post(
        "/api/team", json={"name": "Second"}, headers=front.bearer(ada)
    )
    token = bearer(issue(front, front.bearer(ada)))
    for team, status in ((ada["team"]["id"], 200), (second.json()["id"], 404)):
        headers = token | {"X-Team-Id": team}
        assert front.client.get("/api/bot", headers=headers).status_code == status
        path = f"/api/team/{team}/member"
        assert front.client.get(path, headers=token).status_code == status


def test_a_token_ends_by_time_and_by_hand(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = front.someone()
    monkeypatch.setattr(believed, "BELIEVED_SECONDS", 3600.0)
    soon = datetime.now(UTC) + timedelta(seconds=0.4)
    short = issue(front, ada, expires_at=soon.isoformat())
    long = issue(front, ada)
    assert front.client.get("/api/bot", headers=bearer(short)).status_code == 200
    time.sleep(0.5)
    assert front.client.get("/api/bot", headers=bearer(short)).status_code == 401
    assert front.client.get("/api/bot", headers=bearer(long)).status_code == 200
    gone = front.client.delete(f"{PATH}/{long['id']}", headers=ada)
    assert gone.status_code == 204
    assert front.client.get("/api/bot", headers=bearer(long)).status_code == 401
    assert front.client.delete(f"{PATH}/{long['id']}", headers=ada).status_code == 404
    late = {"name": "Late", "role": "viewer", "expires_at": "2020-01-01T00:00:00Z"}
    refused = front.client.post(PATH, json=late, headers=ada)
    assert refused.json()["errors"] == [
        {"field": "expires_at", "code": "not-in-the-future"}
    ]


@pytest.mark.parametrize("mine", Role)
def test_nobody_gives_a_token_more_than_they_have(front: Front, mine: Role) -> None:
    owner = front.registered()
    person = joined(front, owner, mine)
    headers = front.bearer(person) | {"X-Team-Id": owner["team"]["id"]}
    for role in Role:
        answer = front.client.post(PATH, json={"name": "x", "role": role}, headers=headers)
        assert answer.status_code == (201 if role in included(mine) else 403), role


def test_a_token_falls_and_ends_with_its_maker(front: Front) -> None:
    owner = front.registered()
    person = joined(front, owner, "admin")
    team = owner["team"]["id"]
    token = issue(front, front.bearer(person) | {"X-Team-Id": team}, "admin")
    quota = {"scope": {"kind": "team"}, "metric": "tokens", "window": "day", "limit": 1}
    made = front.client.post("/api/quota", json=quota, headers=bearer(token))
    assert made.status_code == 201
    path = f"/api/team/{team}/member/{person['user']['id']}"
    for role in (Role.MEMBER, Role.AUDITOR):
        change = {"role": role}
        front.client.patch(path, json=change, headers=front.bearer(owner))
        again = front.client.post("/api/quota", json=quota, headers=bearer(token))
        assert again.status_code == 403
        audit = front.client.get("/api/audit/events", headers=bearer(token))
        assert audit.status_code == (200 if role is Role.AUDITOR else 403)
    front.client.delete(path, headers=front.bearer(owner))
    assert front.client.get("/api/bot", headers=bearer(token)).status_code == 401
    back = {"user_id": person["user"]["id"], "role": "admin"}
    front.client.post(f"/api/team/{team}/member", json=back, headers=front.bearer(owner))
    assert front.client.get("/api/bot", headers=bearer(token)).status_code == 401
    assert front.client.get(PATH, headers=front.bearer(owner)).json()["items"] == []


def test_one_sees_ones_own_tokens_and_admins_see_all(front: Front) -> None:
    owner = front.registered()
    team = {"X-Team-Id": owner["team"]["id"]}
    person = front.bearer(joined(front, owner, "member")) | team
    theirs = issue(front, front.bearer(owner))
    mine = issue(front, person, "viewer")
    seen = front.client.get(PATH, headers=person).json()["items"]
    assert [one["id"] for one in seen] == [mine["id"]]
    first = front.client.get(f"{PATH}?limit=1", headers=front.bearer(owner)).json()
    cursor = first["next_cursor"]
    rest = front.client.get(f"{PATH}?cursor={cursor}", headers=front.bearer(owner)).json()
    shown = [one["id"] for one in first["items"] + rest["items"]]
    assert shown == [theirs["id"], mine["id"]]
    assert front.client.delete(f"{PATH}/{theirs['id']}", headers=person).status_code == 404
    gone = front.client.delete(f"{PATH}/{mine['id']}", headers=front.bearer(owner))
    assert gone.status_code == 204


def test_a_bot_made_by_a_program_is_its_makers(front: Front) -> None:
    me = front.registered()
    made = a_bot(front, bearer(issue(front, front.bearer(me))))["bot"]
    history = front.system.fleet.history(UUID(made["id"]))
    row = row_of(BotRoutesProjector(), FLEET, history)
    assert row is not None
    assert str(row.owner_id) == me["user"]["id"]  # so that quotas of members hold for it


def test_no_other_text_is_a_token(front: Front) -> None:
    token = issue(front, front.someone())["token"]
    last = "A" if token[-1] != "A" else "Q"
    for text in (
        "cat_",
        "cat_" + "a" * 86,
        token[:-1] + last,
        token[:40] + token[41:],
        token.upper(),
        token + "=",
    ):
        headers = {"Authorization": f"Bearer {text}"}
        assert front.client.get("/api/bot", headers=headers).status_code == 401, text


def test_a_programs_writes_are_answered_once_only_to_itself(real: Front) -> None:
    ada = real.someone()
    first, second = issue(real, ada), issue(real, ada)
    key = {"Idempotency-Key": "k1"}
    new = {"name": "Ada", "hostname": "ada-1"}
    answers = [
        real.client.post("/api/bot", json=new, headers=bearer(token) | key)
        for token in (first, first, second)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 409]
    assert answers[1].headers["idempotency-replayed"] == "true"
