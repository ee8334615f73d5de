"""Logs, numbers and diagnoses of bots, over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from api import lasting, live_feed
from api.diagnosis_texts import ADVICE, TEXTS
from application.engines import ContainerStats, LogLine
from application.fleet_watch import EngineStatus, RunFacts
from domain.bot_events import Runtime
from domain.containers import ContainerState, SeenContainer
from tests.api.front import Front, a_bot

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = {"vendor": "openai", "label": "main", "secret": "sk-" + "a" * 40}


@pytest.fixture
def me(front: Front) -> dict[str, str]:
    front.system.runtimes.engines = {Runtime.DOCKER}
    return front.someone()


def made(front: Front, me: dict[str, str], **fields: object) -> UUID:
    links = {"providers": [{"vendor": "openai"}]}
    return UUID(a_bot(front, me, **(links | fields))["bot"]["id"])


def numbers(bot_id: UUID) -> ContainerStats:
    return ContainerStats(
        bot_id=bot_id,
        container_id="c1",
        cpu_percent=1250,
        memory_bytes=5,
        memory_limit_bytes=10,
        network_rx_bytes=1,
        network_tx_bytes=2,
        disk_read_bytes=3,
        disk_write_bytes=4,
        pids=7,
    )


def seen(bot_id: UUID, **container: Any) -> RunFacts:
    there: dict[str, Any] = {"container_id": "c1", "bot_id": bot_id, "generation": 1}
    there |= container
    return RunFacts(
        engine=EngineStatus(name="docker", version="29", reachable=True),
        container=SeenContainer(**there),
        proxy_ms=3,
        workspace_in_step=True,
    )


def test_the_last_lines_of_a_log_come_oldest_first(
    front: Front, me: dict[str, str]
) -> None:
    lines = [LogLine(at=AT, stream="stdout", text=f"line {n}") for n in range(5)]
    front.system.fleet_watch.lines[made(front, me)] = lines
    got = front.client.get("/api/bot/ada-1/logs?tail=2", headers=me).json()["items"]
    assert [line["text"] for line in got] == ["line 3", "line 4"]


def test_who_reads_what_is_sensitive_is_on_record(front: Front, me: dict[str, str]) -> None:
    front.system.fleet_watch.lines[made(front, me)] = []
    for path in ("/api/bot/ada-1/logs", "/api/audit/export", "/api/bot/ada-1"):
        for _ in range(2):
            assert front.client.get(path, headers=me).is_success
    assert front.client.get("/api/bot/bob-1/logs", headers=me).status_code == 404
    front.system.pump()
    found = front.client.get("/api/audit/events?type=access.read", headers=me)
    assert [one["event"] for one in found.json()["items"]] == [
        {"action": "GET /api/audit/export", "subject": ""},
        {"action": "GET /api/bot/{hostname}/logs", "subject": "ada-1"},
    ]


def test_a_followed_log_is_a_stream_of_events(front: Front, me: dict[str, str]) -> None:
    line = LogLine(at=None, stream="stderr", text="data: x\nevent: forged")
    front.system.fleet_watch.lines[made(front, me)] = [line]
    got = front.client.get("/api/bot/ada-1/logs?follow=true", headers=me)
    assert got.headers["content-type"].startswith("text/event-stream")
    first, beat, last, rest = got.text.split("\n\n")
    assert beat == ": "  # so that who has left is noticed though nothing is written
    assert first.startswith('event: line\ndata: {"at":null,"stream":"stderr","text":"data:')
    assert first.count("\n") == 1  # a line's own breaks are escaped
    assert (last, rest) == ("event: end\ndata: {}", "")


def test_a_followed_log_ends_with_the_access_of_who_follows_it(
    front: Front, me: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = LogLine(at=None, stream="stdout", text="before")
    front.system.fleet_watch.lines[made(front, me)] = [line]

    async def following(*_: object, **__: object) -> AsyncGenerator[LogLine, None]:
        yield line
        left = await asyncio.to_thread(front.client.post, "/api/auth/logout", headers=me)
        assert left.is_success
        yield LogLine(at=None, stream="stdout", text="after")

    monkeypatch.setattr(front.system.fleet_watch, "following", following)
    monkeypatch.setattr(lasting, "SESSION_SECONDS", 0.0)
    got = front.client.get("/api/bot/ada-1/logs?follow=true", headers=me).text
    assert "before" in got
    assert "after" not in got
    assert got.endswith("event: end\ndata: {}\n\n")


def test_nobody_follows_more_than_ten_streams(
    front: Front, me: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    front.system.fleet_watch.lines[made(front, me)] = []
    path = "/api/bot/ada-1/logs?follow=true"
    for _ in range(2):
        assert front.client.get(path, headers=me).is_success
    monkeypatch.setattr(live_feed, "MOST_STREAMS", 0)
    crowd = front.client.get(path, headers=me)
    assert (crowd.status_code, crowd.json()["code"]) == (429, "too-many-streams")


def test_a_log_that_cannot_be_followed_is_refused_before_it_begins(
    front: Front, me: dict[str, str]
) -> None:
    made(front, me)
    got = front.client.get("/api/bot/ada-1/logs?follow=true", headers=me)
    assert (got.status_code, got.json()["code"]) == (404, "not-found")
    front.system.fleet_watch.engine = None
    got = front.client.get("/api/bot/ada-1/logs?follow=true", headers=me)
    assert (got.status_code, got.json()["code"]) == (503, "unavailable")


def test_numbers_are_those_of_the_teams_own_bots(front: Front, me: dict[str, str]) -> None:
    mine = made(front, me)
    theirs = UUID(a_bot(front, front.someone(), hostname="other")["bot"]["id"])
    for bot_id in (mine, theirs):
        front.system.fleet_watch.taken[bot_id] = numbers(bot_id)
    front.system.pump()
    all_of_them = front.client.get("/api/bot/stats", headers=me).json()["items"]
    assert [one["hostname"] for one in all_of_them] == ["ada-1"]
    assert all_of_them == [front.client.get("/api/bot/ada-1/stats", headers=me).json()]
    assert all_of_them[0]["cpu_percent"] == 12.5


def test_a_bot_that_does_not_run_has_no_numbers(front: Front, me: dict[str, str]) -> None:
    made(front, me)
    assert front.client.get("/api/bot/ada-1/stats", headers=me).status_code == 404
    assert front.client.get("/api/bot/ada-1/logs", headers=me).status_code == 404


def test_without_a_worker_it_is_503(front: Front, me: dict[str, str]) -> None:
    made(front, me)
    front.system.fleet_watch.engine = None
    for path in ("logs", "stats"):
        refused = front.client.get(f"/api/bot/ada-1/{path}", headers=me)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize("query", ["tail=-1", "tail=10001", "since=yesterday", "x=1"])
def test_a_log_is_asked_for_plainly(front: Front, me: dict[str, str], query: str) -> None:
    made(front, me)
    assert front.client.get(f"/api/bot/ada-1/logs?{query}", headers=me).status_code == 422


def test_a_bot_with_all_it_needs_is_well(front: Front, me: dict[str, str]) -> None:
    bot_id = made(front, me)
    front.client.post("/api/provider-key", json=KEY, headers=me)
    front.client.post("/api/bot/ada-1/start", headers=me)
    front.system.pump()
    running = seen(bot_id, state=ContainerState.RUNNING)
    front.system.fleet_watch.seen[bot_id] = running
    found = front.client.post("/api/bot/ada-1/diagnose", headers=me).json()
    codes = {one["name"]: (one["status"], one["code"]) for one in found["checks"]}
    assert codes == {
        "key": ("ok", "key-works"),
        "model": ("ok", "model-any"),
        "channel": ("skipped", "channel-none"),
        "container": ("ok", "container-runs"),
        "network": ("ok", "network-isolated"),
        "proxy": ("ok", "proxy-answers"),
        "workspace": ("ok", "workspace-in-step"),
    }
    assert (found["overall"], found["recommendations"]) == ("ok", [])


def test_what_is_wrong_comes_with_advice_in_the_readers_language(
    front: Front, me: dict[str, str]
) -> None:
    made(front, me, providers=[])
    front.system.fleet_watch.engine = None
    chinese = {**me, "Accept-Language": "zh-CN"}
    found = front.client.post("/api/bot/ada-1/diagnose", headers=chinese).json()
    assert found["overall"] == "failed"
    failed = {one["code"] for one in found["checks"] if one["status"] == "failed"}
    assert failed == {"key-none", "model-draft", "engine-away"}
    assert ADVICE["model-draft"]["zh"] in found["recommendations"]
    said = {one["code"]: one["message"] for one in found["checks"]}
    assert said["engine-away"] == TEXTS["engine-away"]["zh"]


def test_every_text_is_there_in_both_languages() -> None:
    for texts in (TEXTS, ADVICE):
        for code, said in texts.items():
            assert set(said) == {"en", "zh"}, code
            assert all(said.values()), code
    assert set(ADVICE) <= set(TEXTS)
