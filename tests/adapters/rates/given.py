"""Storages and rates for these tests; every name is new, so that no count is met again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from uuid import uuid4

from limits.storage import MemoryStorage, RedisStorage

from adapters.rates.leased import LeasedRates
from adapters.rates.postgres import PostgresStorage
from application.rates import Rate, TooOften

ROLE = "clawbot_api"


@contextmanager
def postgres_storage(url: str) -> Iterator[PostgresStorage]:
    with closing(PostgresStorage(url, role=ROLE)) as storage:
        yield storage


@contextmanager
def redis_storage(url: str) -> Iterator[RedisStorage]:
    storage = RedisStorage(url, key_prefix=uuid4().hex)
    try:
        yield storage
    finally:
        storage.storage.close()


class Watched(MemoryStorage):
    """Counts here, and how often it was asked to."""

    def __init__(self, *, seconds: float = 0.0) -> None:
        """Each answer takes so long."""
        super().__init__()
        self.asked = 0
        self._seconds = seconds

    def acquire_sliding_window_entry(self, *given: Any, **named: Any) -> bool:
        self.asked += 1
        time.sleep(self._seconds)
        return super().acquire_sliding_window_entry(*given, **named)


def a_rate(most: int, *, seconds: int = 3600, exact: bool = False) -> Rate:
    return Rate(name=uuid4().hex, most=most, seconds=seconds, exact=exact)


def passes(rates: LeasedRates, rate: Rate, who: str = "ada") -> bool:
    """Whether one more is let through."""
    try:
        rates.count(rate, who)
    except TooOften:
        return False
    return True


def let_through(rates: LeasedRates, rate: Rate, *, tries: int) -> int:
    return sum(passes(rates, rate) for _ in range(tries))
