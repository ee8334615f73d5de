"""Those who take part where webhooks are posted, and what may happen to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg

from adapters.follower import PolicyFollower, Reader, catch_up
from adapters.jobs.webhook_sender import WebhookSender, ring_due
from adapters.memory import MemoryJobQueue
from adapters.postgres.webhooks import PostgresDeliveryPlan
from application.event_log import Caller, Stream, acting
from domain.events import Event
from tests.api.front import Front

URL = "/api/webhook"


@dataclass(kw_only=True)
class Scene:
    """An api, a projector's policy and a worker's sender on one database."""

    url: str
    front: Front
    me: dict[str, str]
    team: UUID
    sender: WebhookSender
    policy: PolicyFollower
    plan: PostgresDeliveryPlan
    jobs: MemoryJobQueue

    def add(self, url: str, *types: str) -> dict[str, Any]:
        new = {"url": url, "types": list(types)}
        answer = self.front.client.post(URL, json=new, headers=self.me)
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def happens(self, *events: Event) -> None:
        with acting(Caller("system:worker", team_id=self.team)):
            self.front.system.fleet.append(Stream(uuid4(), 0, None), events)

    def turn(self) -> None:
        """The projector plans, and the worker does every job once."""
        catch_up(self.policy, Reader(self.front.system.fleet))
        ring_due(self.plan, self.jobs)
        for arguments in {job[1]["webhook_id"] for job in self.jobs.jobs}:
            self.sender.deliver(UUID(arguments))
        self.jobs.jobs.clear()

    def later(self) -> None:
        """All pauses are over."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("UPDATE webhook_delivery SET next_at = now()")

    def log(self, hook: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"{URL}/{hook['id']}/delivery"
        items: list[dict[str, Any]] = self.front.client.get(path, headers=self.me).json()[
            "items"
        ]
        return items
