"""Wires the worker: the broker and its jobs, what looks after bots, and the door."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from dramatiq import Broker

from adapters.bootstrap.door import worker_door
from adapters.bootstrap.fleet_worker import FleetWorker, fleet_worker
from adapters.bootstrap.instance import Opened, open_instance
from adapters.bootstrap.reconciling import register_reconciling
from adapters.catalog.loader import load_catalog
from adapters.event_store import EventMapper
from adapters.jobs.actors import KeyChecks, declare
from adapters.jobs.broker import broker_of
from adapters.jobs.webhook_sender import WebhookSender
from adapters.jobs.webhook_turns import webhook_turns
from adapters.key_check import KeyCheckClient
from adapters.postgres.opened_secrets import PostgresOpenedSecrets
from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.webhooks import PostgresDeliveryQueue
from adapters.settings import Settings
from adapters.webhook_post import WebhookPost
from application import keys, webhooks
from application.bus import Bus
from application.event_log import EventLog
from domain.log import FLEET

ROLE = "clawbot_worker"
CONNECTIONS = 12


@dataclass(frozen=True, kw_only=True)
class WorkerParts:
    """What a worker runs."""

    broker: Broker  # knows every job
    fleet: FleetWorker


@contextmanager
def worker_parts(
    settings: Settings, url: str, *, over: threading.Event
) -> Iterator[WorkerParts]:
    """The parts; set `over` before the end, where all is closed.

    `BadSetup`: the database is not migrated, or the master key does not fit.
    """
    with ExitStack() as stack:
        opened = open_instance(settings, url, role=ROLE, size=CONNECTIONS)
        stack.callback(opened.database.close)
        fleet = EventLog(FLEET, PostgresRecorder(opened.database, FLEET), EventMapper())
        bus = Bus(opened.database.unit_of_work)
        bus.register(keys.RecordKeyCheck, partial(keys.record_key_check, event_log=fleet))
        register_reconciling(bus, fleet)
        sender = _sender(settings, opened, fleet, bus)
        pass_key = opened.instance_keys.get("key-check")
        proxy = KeyCheckClient(settings.bots_proxy_url, pass_key)
        stack.callback(proxy.close)
        bots = stack.enter_context(fleet_worker(settings, opened, fleet, bus, over=over))
        turns = stack.enter_context(webhook_turns(sender.deliver))
        broker = stack.enter_context(broker_of(settings, url, role=ROLE, over=over))
        key_checks = KeyChecks(
            event_log=fleet, bus=bus, catalog=load_catalog(), proxy=proxy
        )
        declare(
            broker,
            key_checks=key_checks,
            look_after=bots.loop.ask,
            post_to=turns.ask,
        )
        stack.enter_context(worker_door(settings, opened, fleet, bots))
        yield WorkerParts(broker=broker, fleet=bots)


def _sender(settings: Settings, opened: Opened, fleet: EventLog, bus: Bus) -> WebhookSender:
    disable = partial(webhooks.disable_webhook, event_log=fleet)
    bus.register(webhooks.DisableWebhook, disable)
    return WebhookSender(
        event_log=fleet,
        queue=PostgresDeliveryQueue(opened.database),
        secrets=PostgresOpenedSecrets(opened.database, opened.envelope),
        bus=bus,
        post=WebhookPost(egress_allow=settings.egress_allow),
    )
