"""Where messages wait for a worker: RabbitMQ by RABBITMQ_URL, else the database itself.

Brokers are doorbells: a message carries an id, whoever takes it reads the truth from the
log, and what is not done is rung for again. So it may be lost, and may come twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import dramatiq
import psycopg
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.encoder import JSONEncoder
from dramatiq.message import Message
from dramatiq.middleware import Middleware, Retries, TimeLimit
from dramatiq_postgres import PostgresBroker
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from adapters.postgres.database import GET_CONNECTION_SECONDS, connection_info
from adapters.settings import Settings
from domain.errors import BadSetup

QUEUE = "clawbot"
TIME_LIMIT_MS = 120_000
MIN_BACKOFF_MS = 500
MAX_BACKOFF_MS = 60_000
BLOCKED_SECONDS = 10  # how long a RabbitMQ short of memory may hold us up
CONNECTIONS = 10

# What a killed worker had in hand is free after TTL, and is looked for every 2 s or so.
HEARTBEAT_SECONDS = 1.5
HEARTBEAT_TTL_SECONDS = 5
MAINTENANCE_SECONDS = 2


class IdOnly(Middleware):
    """A message that is tried again carries no traceback: an id goes out, and no more."""

    def before_enqueue(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002 - as the library calls it
        message: Message[Any],
        delay: int | None,  # noqa: ARG002
    ) -> None:
        message.options.pop("traceback", None)

    def before_nack(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002
        message: dramatiq.MessageProxy,
    ) -> None:
        message.options.pop("traceback", None)


class PatientPool(ConnectionPool[psycopg.Connection[tuple[Any, ...]]]):
    """Looks for a server that is away every 1.5 s, until `over` is set.

    The library that uses it would wait longer and longer by itself, and go on long after
    the server is back.
    """

    def __init__(self, conninfo: str, *, over: threading.Event) -> None:
        self._over = over
        super().__init__(
            conninfo,
            kwargs={"autocommit": True},
            min_size=0,
            max_size=CONNECTIONS,
            timeout=GET_CONNECTION_SECONDS,
            reconnect_timeout=2,
            check=ConnectionPool.check_connection,
            open=True,
        )

    def getconn(self, timeout: float | None = None) -> psycopg.Connection[tuple[Any, ...]]:
        while True:
            try:
                return super().getconn(timeout)
            except PoolTimeout as error:
                if self._over.is_set():
                    msg = "the database is away and we are stopping"
                    raise PoolClosed(msg) from error  # the library tries no more


@contextmanager
def broker_of(
    settings: Settings, url: str, *, role: str, over: threading.Event
) -> Iterator[dramatiq.Broker]:
    """The broker of the settings, closed at the end; set `over` before that.

    Raises `BadSetup` if RABBITMQ_URL is none. Nothing is connected yet.
    """
    dramatiq.set_encoder(JSONEncoder())
    if settings.rabbitmq_url:
        broker = _rabbitmq(settings.rabbitmq_url)
        try:
            yield broker
        finally:
            broker.close()
        return
    pool = PatientPool(connection_info(url, role=role), over=over)
    try:
        broker = _postgres(pool)
        yield broker
        broker.close()
    finally:
        pool.close()


def _middleware() -> list[Middleware]:
    """Without the library's pipelines and callbacks: a message leads to no other job."""
    return [
        TimeLimit(time_limit=TIME_LIMIT_MS),
        Retries(min_backoff=MIN_BACKOFF_MS, max_backoff=MAX_BACKOFF_MS),
        IdOnly(),
    ]


def _postgres(pool: PatientPool) -> dramatiq.Broker:
    broker: dramatiq.Broker = PostgresBroker(
        pool=pool,
        results=False,
        listen=True,
        heartbeat_interval=HEARTBEAT_SECONDS,
        heartbeat_ttl=HEARTBEAT_TTL_SECONDS,
        maintenance_interval=MAINTENANCE_SECONDS,
        purge_maxage="7 days",
        middleware=_middleware(),
    )
    return broker


def _rabbitmq(url: str) -> dramatiq.Broker:
    if urlsplit(url).scheme not in {"amqp", "amqps"}:
        msg = "RABBITMQ_URL must begin with amqp:// or amqps://"
        raise BadSetup(msg)
    try:
        broker = RabbitmqBroker(url=url, confirm_delivery=True, middleware=_middleware())
    except (ValueError, TypeError):
        # Without its cause, which quotes what it could not read, password and all.
        msg = "RABBITMQ_URL cannot be read: amqp://user:password@host:5672/vhost"
        raise BadSetup(msg) from None
    # One for each of the addresses in the URL, or the only one by itself.
    parameters = broker.parameters
    for address in parameters if isinstance(parameters, list) else [parameters]:
        address.blocked_connection_timeout = BLOCKED_SECONDS
    return broker
