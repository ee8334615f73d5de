"""Audit over HTTP: who did what, in the course of what, and what it led to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from application.event_log import Caller, acting
from domain.claims import Claim, ClaimReleased, ClaimTaken, host_port_claim
from tests.api.front import Front


def with_a_bot(front: Front) -> tuple[dict[str, Any], dict[str, str]]:
    me = front.registered()
    headers = front.bearer(me)
    new = {"name": "Ada", "hostname": "ada-1"}
    created = front.client.post(
        "/api/bot", json=new, headers=headers | {"X-Request-Id": "making-ada"}
    )
    front.client.patch("/api/bot/ada-1", json={"name": "Eve"}, headers=headers)
    front.system.pump()
    return created.json()["bot"], headers


def types(front: Front, headers: dict[str, str], **query: str) -> list[str]:
    answer = front.client.get("/api/audit/events", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return [one["type"] for one in answer.json()["items"]]


def test_everything_a_team_did_is_listed_newest_first(either: Front) -> None:
    bot, headers = with_a_bot(either)
    with_a_bot(either)  # another team's
    assert types(either, headers) == [
        "bot.renamed",
        "bot.token_issued",
        "bot.created",
        "claim.taken",
        "claim.taken",
        "session.started",
        "team.member_added",
        "team.created",
        "user.registered",
        "claim.taken",
    ]
    answer = either.client.get("/api/audit/events?limit=1", headers=headers)
    one = answer.json()["items"][0]
    assert one["stream_id"] == bot["id"]
    assert one["event"] == {"name": "Eve"}
    assert (one["log"], one["kind"], one["version"]) == ("fleet", "bot", 3)
    assert answer.headers["x-log-position"] == (
        f"fleet={either.system.fleet.head()},calls=0"
    )


def test_events_are_found_by_what_is_true_of_them(either: Front) -> None:
    bot, headers = with_a_bot(either)
    me = either.client.get("/api/auth/me", headers=headers).json()["user"]["id"]
    assert types(either, headers, kind="team") == ["team.member_added", "team.created"]
    assert types(either, headers, type="bot.created") == ["bot.created"]
    assert len(types(either, headers, stream_id=bot["id"])) == 3
    assert len(types(either, headers, correlation_id="making-ada")) == 4
    assert len(types(either, headers, actor=f"user:{me}")) == 10
    assert len(types(either, headers, actor=me)) == 10
    assert types(either, headers, actor=f"user:{uuid4()}") == []
    now = datetime.now(UTC).isoformat()
    assert types(either, headers, **{"from": now}) == []
    assert len(types(either, headers, to=now)) == 10


def test_events_are_paged_without_a_gap(either: Front) -> None:
    _, headers = with_a_bot(either)
    seen: list[int] = []
    url = "/api/audit/events?limit=4"
    while url:
        page = either.client.get(url, headers=headers).json()
        seen += [one["position"] for one in page["items"]]
        cursor = page["next_cursor"]
        url = f"/api/audit/events?limit=4&cursor={cursor}" if cursor else ""
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 10


def test_a_stream_is_replayed_with_the_state_after_each_event(either: Front) -> None:
    bot, headers = with_a_bot(either)
    url = f"/api/audit/stream/bot/{bot['id']}"
    steps = either.client.get(url, headers=headers).json()["items"]
    assert [step["type"] for step in steps] == [
        "bot.created",
        "bot.token_issued",
        "bot.renamed",
    ]
    assert [step["state"]["name"] for step in steps] == ["Ada", "Ada", "Eve"]
    at = {"at": steps[1]["at"]}
    assert len(either.client.get(url, params=at, headers=headers).json()["items"]) == 2
    first = either.client.get(f"{url}?limit=2", headers=headers).json()
    assert first["items"] == steps[:2]
    rest = either.client.get(f"{url}?cursor={first['next_cursor']}", headers=headers).json()
    assert rest == {"items": steps[2:], "next_cursor": None}


def test_what_changed_between_two_moments_is_told_place_by_place(either: Front) -> None:
    bot, headers = with_a_bot(either)
    url = f"/api/audit/stream/bot/{bot['id']}"
    steps = either.client.get(url, headers=headers).json()["items"]
    rows = either.client.get(f"/api/audit/events?stream_id={bot['id']}", headers=headers)
    created = rows.json()["items"][-1]["position"]
    asked = {"from": f"fleet={created}"}
    found = either.client.get(f"{url}/diff", params=asked, headers=headers).json()
    assert (found["from_version"], found["to_version"]) == (1, 3)
    assert {"path": "/name", "before": "Ada", "after": "Eve"} in found["changes"]
    assert found["events"] == steps[1:]
    until = asked | {"to": steps[1]["at"]}
    found = either.client.get(f"{url}/diff", params=until, headers=headers).json()
    assert found["events"] == steps[1:2]
    assert "/name" not in {one["path"] for one in found["changes"]}
    whole = either.client.get(f"{url}/diff", headers=headers).json()
    assert (whole["from_version"], whole["events"]) == (0, steps)
    backwards = {"from": steps[2]["at"], "to": f"fleet={created}"}
    answer = either.client.get(f"{url}/diff", params=backwards, headers=headers)
    assert answer.json()["errors"] == [{"field": "from", "code": "beyond-to"}]
    odd = either.client.get(f"{url}/diff?to=fleet=9999999", headers=headers)
    assert odd.json()["errors"] == [{"field": "to", "code": "not-reached"}]
    stranger = either.someone()
    assert either.client.get(f"{url}/diff", headers=stranger).status_code == 404


def test_a_stream_is_replayed_up_to_a_position(either: Front) -> None:
    bot, headers = with_a_bot(either)
    rows = either.client.get(f"/api/audit/events?stream_id={bot['id']}", headers=headers)
    for row in rows.json()["items"]:
        at = {"at": f"fleet={row['position']}"}
        for url in (f"/api/audit/stream/bot/{bot['id']}", "/api/bot/ada-1/events"):
            answer = either.client.get(url, params=at, headers=headers)
            assert answer.json()["items"][-1]["version"] == row["version"]
            assert answer.headers["x-log-position"] == at["at"]


def test_what_another_team_did_in_a_shared_stream_is_not_shown(either: Front) -> None:
    mine, other = either.registered(), either.registered()
    fleet, claim = either.system.fleet, host_port_claim(9200)
    for account in (mine, other):
        team_id = UUID(account["team"]["id"])
        with acting(Caller(f"user:{account['user']['id']}", team_id, "request-1")):
            there = fleet.look(Claim(), claim)
            fleet.append(there, [ClaimTaken(holder=team_id), ClaimReleased()])
    url = f"/api/audit/stream/claim/{claim}"
    headers = either.bearer(mine)
    steps = either.client.get(url, headers=headers).json()["items"]
    assert [one["version"] for one in steps] == [1, 2]
    whole = either.client.get(f"{url}/diff", headers=headers).json()
    assert whole["events"] == steps
    assert (whole["from_version"], whole["to_version"]) == (0, 2)


def test_a_stranger_learns_nothing_of_a_streams_times(either: Front) -> None:
    bot, headers = with_a_bot(either)
    url = f"/api/audit/stream/bot/{bot['id']}/diff"
    steps = either.client.get(url.removesuffix("/diff"), headers=headers).json()["items"]
    backwards = {"from": steps[2]["at"], "to": steps[0]["at"]}
    assert either.client.get(url, params=backwards, headers=headers).status_code == 422
    answer = either.client.get(url, params=backwards, headers=either.someone())
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_the_streams_of_a_sign_in_can_be_replayed(front: Front) -> None:
    me = front.registered()
    for kind, stream_id in (("team", me["team"]["id"]), ("user", me["user"]["id"])):
        answer = front.client.get(
            f"/api/audit/stream/{kind}/{stream_id}", headers=front.bearer(me)
        )
        assert answer.status_code == 200
        assert me["user"]["email"] not in answer.text


@pytest.mark.parametrize("kind", ["team", "quota", "call", "claim"])
def test_a_stream_of_another_kind_is_not_there(front: Front, kind: str) -> None:
    bot, headers = with_a_bot(front)
    answer = front.client.get(f"/api/audit/stream/{kind}/{bot['id']}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
