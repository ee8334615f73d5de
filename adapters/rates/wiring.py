"""Redis if there is one, then PostgreSQL, then this process alone: who counts requests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from adapters.rates.keeper import Keeper
from adapters.rates.leased import LeasedRates
from adapters.rates.postgres import PostgresStorage
from adapters.settings import Settings
from application.rates import Rates, RequestLimits
from domain.errors import BadSetup

REDIS_PATIENCE_SECONDS = 0.05  # nobody waits longer because Redis is away
POSTGRES_PATIENCE_SECONDS = 0.25  # without it the request is not served anyway
REDIS_THREADS = 4
PREFIX = "clawbot"


def redis_keeper(url: str) -> Keeper:
    """Counts in Redis, which is not asked yet; `BadSetup` if that is no address of one."""
    # Only where there is a Redis: they take a tenth of a second of every start.
    from limits.storage import RedisStorage  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    try:
        storage = RedisStorage(
            url,
            key_prefix=PREFIX,
            wrap_exceptions=True,
            socket_timeout=REDIS_PATIENCE_SECONDS,
            socket_connect_timeout=REDIS_PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),  # type: ignore[arg-type]  # handed on to redis-py
        )
    except ValueError as error:
        msg = "REDIS_URL is not the address of a Redis: write redis://host:6379/0."
        raise BadSetup(msg) from error
    return Keeper(
        "redis",
        storage,
        patience=REDIS_PATIENCE_SECONDS,
        threads=REDIS_THREADS,
        close=storage.storage.close,
    )


def request_limits(settings: Settings, rates: Rates) -> RequestLimits:
    """The limits as they are set."""
    limits = RequestLimits(rates=rates, shared_peers=settings.clawbot_http_shared_peers)
    return replace(
        limits,
        sign_ins=replace(limits.sign_ins, most=settings.clawbot_rate_sign_ins),
        writes=replace(limits.writes, most=settings.clawbot_rate_writes),
        reads=replace(limits.reads, most=settings.clawbot_rate_reads),
        requests=replace(limits.requests, most=settings.clawbot_rate_requests_per_peer),
    )


@contextmanager
def counted_by(url: str, *, role: str, redis: Keeper | None) -> Iterator[LeasedRates]:
    """Counts shared by all processes with the same Redis, or else the same database."""
    storage = PostgresStorage(url, role=role)
    postgres = Keeper(
        "postgres",
        storage,
        patience=POSTGRES_PATIENCE_SECONDS,
        threads=1,
        close=storage.close,
        interrupt=storage.interrupt,
    )
    keepers = [postgres] if redis is None else [redis, postgres]
    try:
        yield LeasedRates(keepers)
    finally:
        for keeper in keepers:
            keeper.close()
