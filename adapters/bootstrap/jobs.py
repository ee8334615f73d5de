"""Wires the worker: the broker, and what its jobs are done with."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from dramatiq import Broker

from adapters.bootstrap.instance import open_instance
from adapters.catalog.loader import load_catalog
from adapters.event_store import EventMapper
from adapters.jobs.actors import KeyChecks, declare
from adapters.jobs.broker import broker_of
from adapters.key_check import KeyCheckClient
from adapters.postgres.recorder import PostgresRecorder
from adapters.settings import Settings
from application import keys
from application.bus import Bus
from application.event_log import EventLog
from domain.log import FLEET

ROLE = "clawbot_worker"


@contextmanager
def job_broker(settings: Settings, url: str, *, over: threading.Event) -> Iterator[Broker]:
    """A broker that knows every job; set `over` before the end, where all is closed.

    `BadSetup`: the database is not migrated, or the master key does not fit.
    """
    opened = open_instance(settings, url, role=ROLE)
    try:
        fleet = EventLog(FLEET, PostgresRecorder(opened.database, FLEET), EventMapper())
        bus = Bus(opened.database.unit_of_work)
        bus.register(keys.RecordKeyCheck, partial(keys.record_key_check, event_log=fleet))
        pass_key = opened.instance_keys.get("key-check")
        proxy = KeyCheckClient(settings.bots_proxy_url, pass_key)
        try:
            with broker_of(settings, url, role=ROLE, over=over) as broker:
                key_checks = KeyChecks(
                    event_log=fleet, bus=bus, catalog=load_catalog(), proxy=proxy
                )
                declare(broker, key_checks=key_checks)
                yield broker
        finally:
            proxy.close()
    finally:
        opened.database.close()
