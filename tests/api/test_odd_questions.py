"""Questions that nobody asks in good faith: cursors that are not ours, patterns, giants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.paging import Cursors
from tests.api.calls import DAY, Calls
from tests.api.front import Front, a_bot
from tests.api.test_every_route import DOCUMENT

PATTERNS = ("%", "_", "bot.%", "%a%", "*", ".*", "' OR 1=1 --", "\\")


def asked_of(parameter: str) -> Iterator[str]:
    """The reads without an id in their path that take the parameter."""
    for path, item in DOCUMENT["paths"].items():
        names = {one.get("name") for one in item.get("get", {}).get("parameters", [])}
        if parameter in names and "{" not in path:
            yield path


def fields_refused(answer: Any) -> list[str]:
    assert answer.status_code == 422, answer.text
    return [one["field"] for one in answer.json()["errors"]]


def test_a_cursor_is_good_for_one_team_and_one_list_as_it_was_given(front: Front) -> None:
    me = front.registered()
    headers, ours = front.bearer(me), UUID(me["team"]["id"])
    key = front.system.instance_keys.get("cursor")
    lists = [path for path in asked_of("cursor") if "/admin/" not in path]
    assert len(lists) > 15
    for path in lists:
        elsewhere = Cursors(key, team_id=ours, listed="another list").write(["x"])
        anothers = Cursors(key, team_id=uuid4(), listed=path).write(["x"])
        forged = Cursors(bytes(32), team_id=ours, listed=path).write(["x"])
        for cursor in (elsewhere, anothers, forged, "A" * 4000, "=", "\0"):
            query = {"cursor": cursor} | (
                {"group_by": "bot"} if "breakdown" in path else {}
            )
            answer = front.client.get(path, params=query, headers=headers)
            assert fields_refused(answer) == ["cursor"], (path, cursor)


def test_no_filter_is_a_pattern(either: Front) -> None:
    signed_in = either.registered()
    me = either.bearer(signed_in)
    a_bot(either, me)
    Calls(either, signed_in["team"]["id"]).settled(DAY)
    either.system.pump()
    for pattern in PATTERNS:
        for name in ("actor", "kind", "type", "correlation_id"):
            found = either.client.get(
                "/api/audit/events", params={name: pattern}, headers=me
            )
            assert found.json()["items"] == [], (name, pattern)
    for name in ("vendor", "model"):
        asked = {name: "%"}
        found = either.client.get("/api/usage/calls", params=asked, headers=me)
        assert found.json()["items"] == []


@pytest.mark.parametrize("path", ["/api/audit/events", "/api/usage/calls", "/api/quota"])
def test_a_giant_is_refused_or_finds_nothing(front: Front, path: str) -> None:
    me = front.someone()
    parameters = DOCUMENT["paths"][path]["get"]["parameters"]
    for name in (one["name"] for one in parameters if one.get("in") == "query"):
        answer = front.client.get(path, params={name: "9" * 6000}, headers=me)
        assert answer.status_code == 422 or answer.json()["items"] == [], name


def test_a_body_that_names_something_of_another_kind_names_nothing(front: Front) -> None:
    signed_in = front.registered()
    me, team = front.bearer(signed_in), signed_in["team"]["id"]
    bot = a_bot(front, me)["bot"]["id"]
    quota = {"metric": "tokens", "window": "day", "limit": 1}
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("/api/quota", quota | {"scope": {"kind": "bot", "id": team}}, "scope.id"),
        ("/api/quota", quota | {"scope": {"kind": "provider_key", "id": bot}}, "scope.id"),
        ("/api/bot/ada-1/providers", {"provider_key_id": bot}, "provider_key_id"),
    ]
    for path, body, field in asked:
        answer = front.client.post(path, json=body, headers=me)
        assert fields_refused(answer) == [field], path
    member = {"user_id": bot, "role": "member"}
    answer = front.client.post(f"/api/team/{team}/member", json=member, headers=me)
    assert answer.status_code == 404
    usage = front.client.get("/api/usage/summary", params={"bot": team}, headers=me)
    assert usage.json()["calls"] == 0


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("skill", {"name": "a", "kind": "markdown", "definition": 5}, ["definition"] * 2),
        (
            "invoice",
            {"vendor": "openai", "format": "generic", "content": []},
            ["content"] * 2,
        ),
        ("invoice", {"format": "generic", "content": "x"}, ["vendor"]),
        ("invoice", {"vendor": "openai", "x": {"y": 1}}, ["format", "content", "x"]),
        ("bot", {"name": "a", "hostname": "abc", "providers": [{}, 5]}, ["providers.1"]),
    ],
)
def test_a_field_is_called_as_in_the_body(
    front: Front, path: str, body: dict[str, Any], fields: list[str]
) -> None:
    answer = front.client.post(f"/api/{path}", json=body, headers=front.someone())
    assert fields_refused(answer) == fields


def test_what_is_wrong_of_a_field_is_said_once(front: Front) -> None:
    query = {"locale": "__"}
    answer = front.client.get("/api/channel", params=query, headers=front.someone())
    assert fields_refused(answer) == ["locale"]


def test_no_text_of_a_question_holds_nul(front: Front) -> None:
    me, asked = front.someone(), 0
    for name in ("bot", "vendor", "model", "actor", "kind", "type", "scope_id", "q"):
        for path in asked_of(name):
            query = {name: "a\0b"} | ({"group_by": "bot"} if "breakdown" in path else {})
            answer = front.client.get(path, params=query, headers=me)
            assert fields_refused(answer) == [name], path
            asked += 1
    assert asked > 20


@pytest.mark.parametrize(
    "path",
    [
        "bot",
        "quota",
        "provider-key",
        "usage/summary",
        "routing/model-prices",
        "routing/statistics",
    ],
)
def test_at_the_beginning_of_the_calendar_there_was_nothing_of_a_team(
    front: Front, path: str
) -> None:
    me = front.someone()
    front.system.pump()
    query = {"at": "0001-01-01T00:00:00Z"}
    answer = front.client.get(f"/api/{path}", params=query, headers=me)
    assert answer.status_code == 200, answer.text
    assert (
        front.client.get(f"/api/{path}", headers=me).json().keys() == answer.json().keys()
    )
