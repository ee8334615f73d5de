"""Posts what a webhook is owed, in order, until it fails or a turn of 10 s is over.

A message that fails is tried again later and later, and those behind it wait for it. After
the last attempt the webhook is disabled, and people are told. A turn that is cut short is
rung for again by `ring_due`.
"""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from adapters.webhook_post import WebhookPost
from application.bus import Bus
from application.event_log import Caller, EventLog
from application.ports import JobQueue, Secret, SecretRef
from application.webhook_deliveries import (
    Delivery,
    DeliveryPlan,
    DeliveryQueue,
    PostAttempt,
)
from application.webhooks import DELIVER_WEBHOOK, DisableWebhook, webhook_secret
from domain.happenings import happenings_of
from domain.ids import TeamId
from domain.webhook_messages import body_of, signed_headers
from domain.webhooks import Webhook, WebhookShelf, next_attempt, webhook_shelf

TURN_SECONDS = 10.0
KEPT_ATTEMPTS = 20
GONE = 410
ASLEEP = timedelta(days=1)  # until somebody enables it

log = logging.getLogger(__name__)


class OpensSecrets(Protocol):
    """The worker's side of the vault."""

    def open(self, ref: SecretRef) -> Secret: ...


class WebhookSender:
    """Carries out the job `deliver_webhook`; may be used by several threads at once."""

    def __init__(
        self,
        *,
        event_log: EventLog,
        queue: DeliveryQueue,
        secrets: OpensSecrets,
        bus: Bus,
        post: WebhookPost,
    ) -> None:
        self._event_log = event_log
        self._queue = queue
        self._secrets = secrets
        self._bus = bus
        self._post = post

    def deliver(self, webhook_id: UUID) -> None:
        """What is due is posted, as far as a turn goes."""
        until = time.monotonic() + TURN_SECONDS
        while time.monotonic() < until:
            claimed = self._queue.claim(webhook_id)
            if claimed is None or not self._deliver(claimed):
                return

    def _deliver(self, claimed: Delivery) -> bool:
        """Whether the next one may follow."""
        shelf = self._event_log.look(WebhookShelf(), webhook_shelf(claimed.team_id)).state
        webhook = shelf.webhooks.get(claimed.webhook_id)
        if webhook is None or webhook.disabled is not None:
            self._settle(claimed, claimed.state, claimed.failures, _now() + ASLEEP)
            return False
        attempt = self._attempt(claimed, webhook)
        if attempt.took_it:
            self._settle(claimed, "delivered", 0, _now(), attempt)
            return True
        failures = claimed.failures + 1
        again = None if attempt.http_status == GONE else next_attempt(failures, _now())
        if again is not None:
            self._settle(claimed, "pending", failures, again, attempt)
            return False
        self._disable(claimed, "gone" if attempt.http_status == GONE else "failing")
        self._settle(claimed, "failed", failures, _now(), attempt)
        return False

    def _attempt(self, claimed: Delivery, webhook: Webhook) -> PostAttempt:
        place = claimed.position
        page = self._event_log.page(after=place - 1, limit=1, upto=place)
        recorded = page.events[0].recorded
        told = next(h for h in happenings_of(recorded) if h.id == claimed.message_id)
        body = body_of(told, recorded, place)
        secret = self._secrets.open(webhook_secret(webhook.added))
        headers = signed_headers(
            secret.reveal().decode("ascii"),
            claimed.message_id,
            timestamp=int(time.time()),
            body=body,
        )
        secret.wipe()
        attempt = self._post.post(webhook.added.url, headers, body)
        facts = {"webhook_id": claimed.webhook_id, "http_status": attempt.http_status}
        log.info("webhook.posted", extra={**facts, "error": attempt.error})
        return attempt

    def _settle(
        self,
        claimed: Delivery,
        state: str,
        failures: int,
        next_at: datetime,
        *attempts: PostAttempt,
    ) -> None:
        self._queue.settle(
            claimed,
            state=state,
            failures=failures,
            next_at=next_at,
            attempts=(*claimed.attempts, *attempts)[-KEPT_ATTEMPTS:],
        )

    def _disable(self, claimed: Delivery, reason: str) -> None:
        team_id = TeamId(claimed.team_id)
        command = DisableWebhook(
            team_id=team_id, webhook_id=claimed.webhook_id, reason=reason
        )
        self._bus.handle(command, by=Caller(actor="system:worker", team_id=team_id))


def ring_due(plan: DeliveryPlan, jobs: JobQueue) -> None:
    """Every webhook of which something is due is rung for; what is old is forgotten."""
    plan.prune()
    for webhook_id in plan.due():
        jobs.enqueue(DELIVER_WEBHOOK, webhook_id=str(webhook_id))


def _now() -> datetime:
    return datetime.now(UTC)
