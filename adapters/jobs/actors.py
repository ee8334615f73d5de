"""What each job does. A job is harmless to run twice and tried again until it is done.

`check_provider_key` fetches a vendor's verdict on a key and records it. `reconcile_bot` has
a bot's container looked at soon: whoever is rung ten times looks once. `deliver_webhook`
has what one webhook is owed posted soon, by another thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from uuid import UUID

from dramatiq import Broker, actor
from dramatiq.errors import Retry

from adapters.jobs.broker import QUEUE
from adapters.key_check import KeyCheckClient
from application.bus import Bus
from application.event_log import Caller, EventLog
from application.keys import RecordKeyCheck
from application.looking_after import RECONCILE_BOT
from application.policies import CHECK_PROVIDER_KEY
from application.ports import Found
from application.webhooks import DELIVER_WEBHOOK
from domain.catalog import Catalog, UnknownVendor
from domain.errors import ConcurrentChange, Unavailable
from domain.events import Event, Recorded
from domain.ids import ProviderKeyId
from domain.keys import CheckIsOver, ProviderKey, ProviderKeyCheckRequested
from domain.verdicts import Verdict

MAX_RETRIES = 20

log = logging.getLogger(__name__)


class KeyChecks:
    """Fetches and records verdicts on provider keys."""

    def __init__(
        self, *, event_log: EventLog, bus: Bus, catalog: Catalog, proxy: KeyCheckClient
    ) -> None:
        self._event_log = event_log
        self._bus = bus
        self._catalog = catalog
        self._proxy = proxy

    def carry_out(self, key_id: UUID) -> None:
        """The check that is awaited has its verdict; `Unavailable`: not yet."""
        key = self._event_log.look(ProviderKey(), key_id).state
        if key.open_check is None or key.removed:
            return
        request = _request_of(self._event_log.history(key_id), key.open_check)
        found = self._ask(key_id, key.vendor)
        command = RecordKeyCheck(
            key_id=ProviderKeyId(key_id),
            check_id=key.open_check,
            verdict=found.verdict,
            http_status=found.http_status,
            error=found.error,
        )
        caller = Caller(
            actor="system:worker",
            team_id=key.team_id,
            correlation_id=request.correlation_id,
            causation_id=f"provider_key:{key_id}:{request.originator_version}",
        )
        try:
            self._bus.handle(command, by=caller)
        except CheckIsOver:
            log.info("key.checked_already", extra={"key_id": key_id})
            return
        log.info("key.checked", extra={"key_id": key_id, "verdict": found.verdict})

    def _ask(self, key_id: UUID, vendor_id: str) -> Found:
        try:
            vendor = self._catalog.get(vendor_id)
        except UnknownVendor as error:  # it was in the catalog of an older version
            return Found(verdict=Verdict.CLIENT_ERROR, error=error.code)
        return self._proxy.ask(key_id, vendor)


def _request_of(history: list[Recorded[Event]], check_id: UUID) -> Recorded[Event]:
    for recorded in reversed(history):
        event = recorded.event
        if isinstance(event, ProviderKeyCheckRequested) and event.check_id == check_id:
            return recorded
    raise LookupError(check_id)


def declare(
    broker: Broker,
    *,
    key_checks: KeyChecks,
    look_after: Callable[[UUID], None],
    post_to: Callable[[UUID], None],
) -> None:
    """From now on the broker's worker knows how to do each job."""

    @actor(broker=broker, actor_name=RECONCILE_BOT, queue_name=QUEUE)
    def reconcile_bot(bot_id: str) -> None:
        look_after(UUID(bot_id))

    @actor(broker=broker, actor_name=DELIVER_WEBHOOK, queue_name=QUEUE)
    def deliver_webhook(webhook_id: str) -> None:
        post_to(UUID(webhook_id))

    @actor(
        broker=broker,
        actor_name=CHECK_PROVIDER_KEY,
        queue_name=QUEUE,
        max_retries=MAX_RETRIES,
    )
    def check_provider_key(key_id: str) -> None:
        try:
            key_checks.carry_out(UUID(key_id))
        except (Unavailable, ConcurrentChange) as error:
            log.warning("job.waits", extra={"key_id": key_id, "error": str(error)})
            raise Retry(str(error)) from error
