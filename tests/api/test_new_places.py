"""Signing in from a new place: the person is told, and nobody else of the team."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from fastapi.testclient import TestClient

from adapters.memory import MemoryJobQueue
from adapters.memory_webhooks import MemoryDeliveries
from api.app import create_app
from application.webhooks import PostToWebhooks
from tests.api.front import PASSWORD, Front
from tests.api.rehearsal import REHEARSAL
from tests.api.test_notifications import listed, read, unread

ADA = "ada@example.com"
HOME, CAFE = "203.0.113.7", "198.51.100.23"


@contextmanager
def at(front: Front, address: str) -> Iterator[Front]:
    """The same system, as somebody at that address reaches it."""
    app = create_app(front.system, REHEARSAL)
    with TestClient(app, client=(address, 50_000)) as client:
        yield Front(front.system, client)


def login(front: Front, address: str) -> dict[str, str]:
    with at(front, address) as there:
        given = {"email": ADA, "password": PASSWORD}
        answer = there.client.post("/api/auth/login", json=given)
        assert answer.status_code == 200, answer.text
        front.system.pump()
        return front.bearer(answer.json())


def kinds(front: Front, headers: dict[str, str]) -> list[str]:
    return [one["kind"] for one in listed(front, headers)]


def test_a_new_place_is_told_to_the_person_alone(either: Front) -> None:
    with at(either, HOME) as home:
        ada = home.registered(ADA)
    headers = login(either, "203.0.113.99")
    assert kinds(either, headers) == [], "the first place, and the same network"
    login(either, CAFE)
    (notice,) = listed(either, headers)
    assert (notice["kind"], notice["read"]) == ("user.new_place", False)
    assert notice["subject"] == {"kind": "user", "id": ada["user"]["id"], "name": None}
    assert "a place that you never signed in from" in notice["text"]
    assert "从未登录过的地点" in listed(either, headers, locale="zh-CN")[0]["text"]
    login(either, HOME)
    login(either, CAFE)
    assert len(listed(either, headers)) == 1, "both are known now"
    bob = either.someone()
    team = {"X-Team-Id": ada["team"]["id"]}
    bobs_id = either.client.get("/api/auth/me", headers=bob).json()["user"]["id"]
    path = f"/api/team/{ada['team']['id']}/member"
    new = {"user_id": bobs_id, "role": "owner"}
    assert either.client.post(path, json=new, headers=headers).status_code == 201
    either.system.pump()
    assert (listed(either, bob | team), unread(either, bob | team)) == ([], 0)
    assert read(either, bob | team, ids=[notice["id"]]) == 404
    assert unread(either, headers) == 1
    assert read(either, headers, ids=[notice["id"]]) == 204
    assert unread(either, headers) == 0


def test_who_does_not_care_is_not_told(front: Front) -> None:
    with at(front, HOME) as home:
        headers = home.someone(ADA)
    path = "/api/notification/preferences"
    muted = {"muted": ["user.new_place"]}
    assert front.client.put(path, json=muted, headers=headers).status_code == 200
    login(front, CAFE)
    assert kinds(front, headers) == []


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ("2001:db8:1::1", "2001:db8:1:ffff::2", False),
        ("2001:db8:1::1", "2001:db8:2::1", True),
        ("::ffff:203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "203.0.114.7", True),
        ("203.0.113.7", "127.0.0.1", False),
        ("127.0.0.1", "203.0.113.7", False),
        ("203.0.113.7", "192.0.2.80", False),
        ("nowhere", "203.0.113.7", False),
    ],
)
def test_a_place_is_a_network_and_a_crowd_is_none(
    front: Front, first: str, then: str, *, told: bool
) -> None:
    crowd = (ip_network("192.0.2.80/32"),)
    front.system.request_limits = replace(front.system.request_limits, shared_peers=crowd)
    with at(front, first) as there:
        headers = there.someone(ADA)
    login(front, then)
    assert bool(kinds(front, headers)) is told


def test_no_address_is_recorded_and_no_webhook_is_told(front: Front) -> None:
    with at(front, HOME) as home:
        headers = home.someone(ADA)
    hook = {"url": "https://hooks.example.com/ours"}
    assert front.client.post("/api/webhook", json=hook, headers=headers).is_success
    answer = front.client.post(
        "/api/webhook", json=hook | {"types": ["user.new_place"]}, headers=headers
    )
    assert answer.status_code == 422
    login(front, CAFE)
    plan, fleet = MemoryDeliveries(), front.system.fleet
    page = fleet.page(after=0, limit=1000)
    PostToWebhooks(fleet, plan, jobs := MemoryJobQueue()).react(page)
    assert jobs.jobs == []
    recorded = repr([one.recorded for one in page.events])
    assert "user.place_seen" in {one.recorded.event.TOPIC for one in page.events}
    for told in (HOME, CAFE, "203.0.113", "198.51.100"):
        assert told not in recorded


def test_the_live_stream_tells_it_to_the_person_alone(front: Front) -> None:
    with at(front, HOME) as home:
        ada = home.registered(ADA)
    headers = login(front, CAFE)
    bob = front.registered()
    path = f"/api/team/{ada['team']['id']}/member"
    new = {"user_id": bob["user"]["id"], "role": "viewer"}
    front.client.post(path, json=new, headers=headers)

    def heard(who: dict[str, str]) -> Any:
        named = {"X-Team-Id": ada["team"]["id"], "Last-Event-ID": "0"}
        query = {"follow": "false"}
        url = "/api/events/stream"
        return front.client.get(url, params=query, headers=who | named).text

    assert "user.new_place" in heard(headers)
    assert "user.new_place" not in heard(front.bearer(bob))
