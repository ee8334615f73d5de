"""A keeper that is away costs little and refuses nobody; once it is back, it counts."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
from redis import Redis

from adapters.rates.keeper import Keeper, KeeperAway
from adapters.rates.leased import LeasedRates
from adapters.rates.wiring import (
    POSTGRES_PATIENCE_SECONDS,
    REDIS_PATIENCE_SECONDS,
    counted_by,
    redis_keeper,
)
from domain.errors import BadSetup
from tests.adapters.rates.given import ROLE, a_rate, let_through, passes
from tests.servers import redis_on

NO_DATABASE = "postgresql://clawbot:secret@127.0.0.1:1/clawbot"
SOON = 10.0


def within(seconds: float, is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.05)


@contextmanager
def silent_server() -> Iterator[int]:
    """The port of a server that takes connections and never says anything."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@contextmanager
def redis_that_hangs() -> Iterator[Keeper]:
    with silent_server() as port:
        keeper = redis_keeper(f"redis://127.0.0.1:{port}/0")
        try:
            yield keeper
        finally:
            keeper.close()


def rows(url: str) -> int:
    with psycopg.connect(url) as connection:
        ((count,),) = connection.execute("SELECT count(*) FROM request_count").fetchall()
    return int(count)


def test_without_redis_the_database_counts_until_redis_is_back(
    database_url: str, free_port: int
) -> None:
    keeper = redis_keeper(f"redis://127.0.0.1:{free_port}/0")
    rate = a_rate(5, exact=True)
    with counted_by(database_url, role=ROLE, redis=keeper) as rates:
        with redis_on(free_port):
            assert let_through(rates, rate, tries=6) == 5
            assert keeper.look().ready
            assert rows(database_url) == 0
        assert let_through(rates, rate, tries=6) == 0, "what was told here stands"
        assert let_through(rates, a_rate(5, exact=True), tries=6) == 5
        assert rows(database_url) == 1
        look = keeper.look()
        assert (look.name, look.ready, look.needed) == ("redis", False, False)
        with redis_on(free_port) as url, Redis.from_url(url) as redis:

            def counts_again() -> bool:
                assert passes(rates, a_rate(5, exact=True))
                return bool(redis.dbsize())

            within(SOON, counts_again)
            assert keeper.look().ready


def test_a_redis_that_hangs_is_waited_for_once_and_not_for_long(database_url: str) -> None:
    with redis_that_hangs() as keeper:
        begun = time.monotonic()
        with pytest.raises(KeeperAway):
            keeper.hit(a_rate(5), "ada", 1)
        first = time.monotonic() - begun
        begun = time.monotonic()
        for _ in range(100):
            with pytest.raises(KeeperAway):
                keeper.hit(a_rate(5), "ada", 1)
        rest = time.monotonic() - begun
    assert REDIS_PATIENCE_SECONDS * 0.9 <= first < 1.0
    assert rest < 1.0, "none of the hundred waited"
    with (
        redis_that_hangs() as keeper,
        counted_by(database_url, role=ROLE, redis=keeper) as rates,
    ):
        assert let_through(rates, a_rate(50, exact=True), tries=60) == 50


def test_with_nothing_to_share_each_process_counts_alone() -> None:
    keeper = redis_keeper("redis://127.0.0.1:1/0")
    with counted_by(NO_DATABASE, role=ROLE, redis=keeper) as rates:
        assert let_through(rates, a_rate(600), tries=700) == 600
        assert let_through(rates, a_rate(5, exact=True), tries=6) == 5


def test_a_database_that_hangs_lets_go_of_whoever_waits_for_it(database_url: str) -> None:
    rate = a_rate(5, exact=True)
    with counted_by(database_url, role=ROLE, redis=None) as rates:
        assert passes(rates, rate)
        with psycopg.connect(database_url) as other:
            other.execute("SELECT FROM request_count FOR UPDATE")
            begun = time.monotonic()
            assert passes(rates, rate)
            first = time.monotonic() - begun
            assert POSTGRES_PATIENCE_SECONDS * 0.9 <= first < 2.0
            begun = time.monotonic()
            assert let_through(rates, rate, tries=10) == 4, "this process counts alone"
            assert time.monotonic() - begun < 5 * POSTGRES_PATIENCE_SECONDS
            within(SOON, lambda: passes(rates, a_rate(5)) and rows(database_url) > 1)


def test_a_process_ends_although_its_database_hangs() -> None:
    with silent_server() as port:
        begun = time.monotonic()
        url = f"postgresql://clawbot@127.0.0.1:{port}/clawbot"
        with counted_by(url, role=ROLE, redis=None) as rates:
            assert passes(rates, a_rate(5))
        assert time.monotonic() - begun < SOON


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1", "nonsense", "redis://:secret@host:x/0"]
)
def test_what_is_no_address_of_a_redis_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(BadSetup) as refused:
        redis_keeper(url)
    assert "REDIS_URL" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_process_alone_needs_nobody() -> None:
    assert let_through(LeasedRates(), a_rate(5, exact=True), tries=9) == 5
