"""Webhooks on PostgreSQL: signed, in order, tried again, given up, enabled and replayed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from standardwebhooks.webhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from adapters.event_store import EventMapper
from adapters.follower import PolicyFollower, Reader, catch_up
from adapters.jobs.webhook_sender import WebhookSender
from adapters.master_key import check
from adapters.memory import MemoryJobQueue
from adapters.postgres.database import Database
from adapters.postgres.opened_secrets import PostgresOpenedSecrets
from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.view_positions import PostgresPositions
from adapters.postgres.webhooks import PostgresDeliveryPlan, PostgresDeliveryQueue
from adapters.vault import Envelope
from adapters.webhook_post import WebhookPost
from application.bus import Bus
from application.event_log import EventLog
from application.webhooks import DisableWebhook, PostToWebhooks, disable_webhook
from domain.key_events import ProviderKeyDied
from domain.log import FLEET
from domain.webhooks import PAUSES, WebhookShelf, webhook_shelf
from tests.adapters.jobs.webhook_scene import URL, Scene
from tests.api.front import front_of
from tests.api.system import KEYRING, on_postgres
from tests.hook_server import Hooks, hooks

DIED = ProviderKeyDied(http_status=401, error=None)


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    with ExitStack() as stack:
        system = stack.enter_context(on_postgres(database_url))
        front = stack.enter_context(front_of(system))
        databases = {}
        for role in ("worker", "projector"):
            databases[role] = Database(database_url, role=f"clawbot_{role}", size=3)
            databases[role].open()
            stack.callback(databases[role].close)
        worker, projector = databases["worker"], databases["projector"]
        with worker.connection() as connection:
            envelope = Envelope(KEYRING, check(connection, KEYRING))
        fleet = EventLog(FLEET, PostgresRecorder(worker, FLEET), EventMapper())
        bus = Bus(worker.unit_of_work)
        bus.register(DisableWebhook, partial(disable_webhook, event_log=fleet))
        me, jobs = front.someone(), MemoryJobQueue()
        own = front.client.get("/api/auth/me", headers=me).json()
        plan = PostgresDeliveryPlan(projector)
        projected = EventLog(FLEET, PostgresRecorder(projector, FLEET), EventMapper())
        yield Scene(
            url=database_url,
            front=front,
            me=me,
            team=UUID(own["team"]["id"]),
            plan=plan,
            jobs=jobs,
            policy=PolicyFollower(
                PostToWebhooks(projected, plan, jobs), PostgresPositions(projector)
            ),
            sender=WebhookSender(
                event_log=fleet,
                queue=PostgresDeliveryQueue(worker),
                secrets=PostgresOpenedSecrets(worker, envelope),
                bus=bus,
                post=WebhookPost(egress_allow=system.egress_allow, seconds=1.0),
            ),
        )


@pytest.fixture
def server(scene: Scene) -> Iterator[Hooks]:
    """An address that the operator lets be posted to."""
    with hooks() as one:
        scene.front.system.egress_allow = (one.url,)
        scene.sender._post = WebhookPost(egress_allow=(one.url,), seconds=1.0)  # noqa: SLF001
        yield one


def received(server: Hooks, secret: str) -> list[dict[str, Any]]:
    """What came, as the published library verifies it."""
    receiver = Receiver(secret)
    return [receiver.verify(body, headers) for _, headers, body in server.posted]


def test_what_happens_is_posted_signed_and_in_order(scene: Scene, server: Hooks) -> None:
    hook = scene.add(f"{server.url}/hook", "key.dead")
    assert len(base64.b64decode(hook["secret"].removeprefix("whsec_"))) == 32
    scene.happens(DIED, DIED)
    scene.happens(DIED)
    scene.turn()
    messages = received(server, hook["secret"])
    assert [one["type"] for one in messages] == ["key.dead"] * 3
    positions = [one["data"]["position"] for one in messages]
    assert positions == sorted(positions)
    assert messages[0]["data"]["team_id"] == str(scene.team)
    assert [one["state"] for one in scene.log(hook)] == ["delivered"] * 3
    scene.turn()
    assert len(server.posted) == 3, "each once"
    with pytest.raises(WebhookVerificationError):
        received(server, "whsec_" + base64.b64encode(b"x" * 32).decode())


def test_what_fails_is_tried_again_and_those_behind_it_wait(
    scene: Scene, server: Hooks
) -> None:
    hook = scene.add(server.url, "key.dead")
    scene.happens(DIED, DIED)
    server.status = 500
    scene.turn()
    scene.turn()  # it is not time yet
    assert len(server.posted) == 1
    second, first = scene.log(hook)
    assert (first["state"], second["state"]) == ("pending", "pending")
    assert [one["http_status"] for one in first["attempts"]] == [500]
    assert second["attempts"] == []
    server.status = 200
    scene.later()
    scene.turn()
    first_id, again, second_id = (h["webhook-id"] for _, h, _ in server.posted)
    assert first_id == again != second_id
    assert {one["state"] for one in scene.log(hook)} == {"delivered"}


def test_one_address_that_fails_holds_up_no_other(scene: Scene, server: Hooks) -> None:
    scene.front.system.egress_allow = (server.url, "http://127.0.0.1:9")
    dead, alive = scene.add("http://127.0.0.1:9/x"), scene.add(server.url)
    scene.happens(DIED)
    scene.turn()
    assert {one["state"] for one in scene.log(dead)} == {"pending"}
    assert {one["state"] for one in scene.log(alive)} == {"delivered"}


def test_an_address_that_keeps_failing_is_disabled_and_people_are_told(
    scene: Scene, server: Hooks
) -> None:
    hook = scene.add(server.url, "key.dead")
    scene.happens(DIED)
    server.status = 500
    for _ in range(len(PAUSES) + 1):
        scene.later()
        scene.turn()
    assert len(server.posted) == len(PAUSES) + 1
    (shown,) = scene.front.client.get(URL, headers=scene.me).json()["items"]
    assert shown["disabled"] == "failing"
    scene.front.system.pump()
    notices = scene.front.client.get("/api/notification", headers=scene.me).json()["items"]
    assert [one["kind"] for one in notices] == ["webhook.disabled", "key.dead"]
    scene.happens(DIED)
    scene.turn()
    assert len(scene.log(hook)) == 1, "nothing is planned for it any more"
    (failed,) = scene.log(hook)
    path = f"{URL}/{hook['id']}/delivery/{failed['id']}/replay"
    refused = scene.front.client.post(path, headers=scene.me)
    assert (refused.status_code, refused.json()["code"]) == (409, "webhook-is-disabled")
    server.status = 200
    enabled = scene.front.client.post(f"{URL}/{hook['id']}/enable", headers=scene.me)
    assert enabled.json()["disabled"] is None
    assert scene.front.client.post(path, headers=scene.me).status_code == 202
    scene.turn()
    assert server.posted[-1][1]["webhook-id"] == failed["message_id"]
    assert [one["state"] for one in scene.log(hook)] == ["delivered"]


def test_an_address_that_is_gone_is_disabled_at_once(scene: Scene, server: Hooks) -> None:
    scene.add(server.url)
    server.status = 410
    scene.happens(DIED)
    scene.turn()
    shelf = scene.front.system.fleet.look(WebhookShelf(), webhook_shelf(scene.team))
    assert [one.disabled for one in shelf.state.webhooks.values()] == ["gone"]
    assert len(server.posted) == 1


def test_what_is_enabled_while_a_worker_finds_it_disabled_is_posted_at_once(
    scene: Scene, server: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook = scene.add(server.url, "key.dead")
    server.status = 410
    scene.happens(DIED)
    scene.happens(DIED)  # is still to be posted when the first is told to be gone
    scene.turn()
    server.status = 200
    settle = PostgresDeliveryQueue.settle

    def enabled_before(*given: Any, **more: Any) -> None:
        monkeypatch.undo()
        scene.front.client.post(f"{URL}/{hook['id']}/enable", headers=scene.me)
        catch_up(scene.policy, Reader(scene.front.system.fleet))
        settle(*given, **more)

    monkeypatch.setattr(PostgresDeliveryQueue, "settle", enabled_before)
    scene.turn()
    assert len(server.posted) == 1, "it was disabled"
    scene.turn()
    assert [one["state"] for one in scene.log(hook)] == ["delivered", "failed"]


def test_a_worker_that_was_killed_holds_a_message_up_for_a_minute(
    scene: Scene, server: Hooks
) -> None:
    hook = scene.add(server.url)
    scene.happens(DIED)
    catch_up(scene.policy, Reader(scene.front.system.fleet))
    webhook_id = UUID(hook["id"])
    claimed = scene.sender._queue.claim(webhook_id)  # noqa: SLF001  # and dies
    assert claimed is not None
    assert scene.sender._queue.claim(webhook_id) is None  # noqa: SLF001
    scene.turn()
    assert server.posted == []
    with psycopg.connect(scene.url, autocommit=True) as connection:
        connection.execute("UPDATE webhook_delivery SET leased_until = now()")
    scene.turn()
    assert len(server.posted) == 2  # key.dead and key.state
    scene.sender._queue.settle(  # noqa: SLF001  # the dead one speaks: too late
        claimed, state="failed", failures=1, next_at=datetime.now(UTC), attempts=()
    )
    assert {one["state"] for one in scene.log(hook)} == {"delivered"}


def test_what_is_removed_is_posted_to_no_more_and_its_secret_is_gone(
    scene: Scene, server: Hooks
) -> None:
    hook = scene.add(server.url)
    scene.happens(DIED)
    catch_up(scene.policy, Reader(scene.front.system.fleet))
    removed = scene.front.client.delete(f"{URL}/{hook['id']}", headers=scene.me)
    assert removed.status_code == 204
    scene.turn()
    assert server.posted == []
    with psycopg.connect(scene.url) as connection:
        for table in ("webhook_delivery", "vault.secret"):
            row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert row == (0,), table


def test_what_happened_before_is_not_posted(scene: Scene, server: Hooks) -> None:
    scene.happens(DIED)
    scene.add(server.url, "key.dead")
    scene.turn()
    assert server.posted == []


def test_the_body_tells_no_secret(scene: Scene, server: Hooks) -> None:
    key = {"vendor": "openai", "label": "Main", "secret": "sk-0123456789abcdef"}
    scene.add(server.url)
    scene.front.client.post("/api/provider-key", json=key, headers=scene.me)
    scene.turn()
    ((_, _, body),) = server.posted
    assert json.loads(body)["type"] == "key.state"
    assert b"sk-0123" not in body
