"""Who could reach a key, a plugin, a skill or a token, and what it was used for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from api.tokens import token_hash
from projections.bot_tokens import token_id
from tests.api.calls import Calls, admitted, settled
from tests.api.front import Front, a_bot

KEY = {"vendor": "openai", "label": "main", "secret": "sk-" + "a" * 40, "tags": ["prod"]}


def a_key(front: Front, me: dict[str, str], **fields: object) -> str:
    made = front.client.post("/api/provider-key", json=KEY | fields, headers=me)
    key_id: str = made.json()["id"]
    return key_id


def a_settled_call(
    front: Front,
    me: dict[str, str],
    *,
    token: str | None = None,
    **facts: object,
) -> None:
    """A call of ada-1 that has just ended."""
    team = front.client.get("/api/auth/me", headers=me).json()["team"]["id"]
    calls = Calls(front, team)
    made = calls.facts(datetime.now(UTC), **facts)
    calls.record(replace(admitted(made), token_id=token), settled(made, 10))


def radius(front: Front, me: dict[str, str], **query: str) -> Any:
    front.system.pump()
    return front.client.get("/api/audit/blast-radius", params=query, headers=me)


def test_a_key_is_reached_by_the_bots_whose_links_name_it(either: Front) -> None:
    me = either.someone()
    key = a_key(either, me)
    for hostname, link in (
        ("by-id", {"provider_key_id": key}),
        ("by-vendor", {"vendor": "openai"}),
        ("by-tag", {"tag": "prod"}),
        ("other-vendor", {"vendor": "anthropic"}),
        ("other-tag", {"tag": "test"}),
    ):
        a_bot(either, me, hostname=hostname, providers=[link])
    a_bot(either, me, hostname="draft")
    found = radius(either, me, key=key).json()
    assert {one["hostname"] for one in found["bots"]} == {"by-id", "by-vendor", "by-tag"}
    assert found["used"]["calls"] == 0


def test_a_deleted_bot_is_still_told_of(either: Front) -> None:
    me = either.someone()
    key = a_key(either, me)
    a_bot(either, me, providers=[{"vendor": "openai"}])
    assert either.client.delete("/api/bot/ada-1", headers=me).status_code == 204
    (bot,) = radius(either, me, key=key).json()["bots"]
    assert bot["hostname"] == "ada-1"
    assert bot["spans"][0]["to"] is not None


def test_what_a_key_was_used_for_is_what_the_call_log_says(either: Front) -> None:
    me = either.someone()
    key = a_key(either, me)
    a_bot(either, me, providers=[{"vendor": "openai"}])
    a_settled_call(either, me, provider_key_id=UUID(key))
    a_settled_call(either, me, provider_key_id=uuid4())
    found = radius(either, me, key=key).json()
    assert found["used"]["calls"] == 1
    assert found["used"] == found["bots"][0]["used"]


def test_a_token_is_told_by_its_id_with_its_own_calls(either: Front) -> None:
    me = either.someone()
    made = a_bot(either, me, providers=[{"vendor": "openai"}])
    kept = token_hash(either.system.instance_keys.get("token"), made["bot_token"])
    mine = token_id(kept)
    a_settled_call(either, me, token=mine)
    a_settled_call(either, me, token="f" * 16)
    found = radius(either, me, token=mine).json()
    assert [bot["hostname"] for bot in found["bots"]] == ["ada-1"]
    assert found["used"]["calls"] == 1
    assert radius(either, me, token="0" * 16).status_code == 404


def test_a_plugin_reaches_as_long_as_it_is_installed(front: Front) -> None:
    me = front.someone()
    a_bot(front, me, plugins=[{"plugin_id": "fetch"}])
    (bot,) = radius(front, me, plugin="fetch").json()["bots"]
    assert bot["spans"][0]["to"] is None
    (install,) = front.client.get("/api/bot/ada-1/plugins", headers=me).json()["items"]
    front.client.delete(f"/api/bot/ada-1/plugins/{install['id']}", headers=me)
    (bot,) = radius(front, me, plugin="fetch").json()["bots"]
    assert bot["spans"][0]["to"] is not None
    assert radius(front, me, plugin="github").json()["bots"] == []


@pytest.mark.parametrize("query", [{}, {"plugin": "a", "skill": "b"}, {"key": "x"}])
def test_one_thing_is_asked_about(front: Front, query: dict[str, str]) -> None:
    assert radius(front, front.someone(), **query).status_code == 422


def test_another_teams_key_is_not_there(front: Front) -> None:
    key = a_key(front, front.someone())
    assert radius(front, front.someone(), key=key).status_code == 404
