"""The storages count alike: the library's in memory and in Redis, ours in PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from limits.storage import MemoryStorage, RedisStorage

from adapters.rates.postgres import SWEEP_SECONDS, PostgresStorage
from adapters.rates.window import Window
from tests.adapters.rates.given import a_rate, postgres_storage, redis_storage

Counting = MemoryStorage | RedisStorage | PostgresStorage


@pytest.fixture
def postgres(database_url: str) -> Iterator[PostgresStorage]:
    with postgres_storage(database_url) as storage:
        yield storage


@pytest.fixture
def redis(redis_url: str) -> Iterator[RedisStorage]:
    with redis_storage(redis_url) as storage:
        yield storage


@pytest.fixture
def memory() -> MemoryStorage:
    return MemoryStorage()


@pytest.fixture(params=["memory", "redis", "postgres"])
def storage(request: pytest.FixtureRequest) -> Counting:
    storage: Counting = request.getfixturevalue(request.param)
    return storage


def test_an_exact_rate_lets_so_many_through_in_any_window(storage: Counting) -> None:
    window, rate = Window(storage), a_rate(3, seconds=2, exact=True)
    begun = time.time()
    assert [window.hit(rate, "ada", 1) for _ in range(3)] == [None] * 3
    wait = window.hit(rate, "ada", 1)
    assert wait is not None
    assert begun + 1.99 - time.time() <= wait <= 2.01
    assert window.hit(rate, "eve", 1) is None
    time.sleep(wait + 0.05)
    assert window.hit(rate, "ada", 1) is None


def test_another_rate_lets_so_many_through_and_then_more_by_and_by(
    storage: Counting,
) -> None:
    window, rate = Window(storage), a_rate(100, seconds=1)
    assert [window.hit(rate, "ada", 10) for _ in range(10)] == [None] * 10
    wait = window.hit(rate, "ada", 60)  # on a slow machine a part of the window is over
    assert wait is not None
    assert 0 <= wait <= 1
    time.sleep(1.5)
    assert window.hit(rate, "ada", 20) is None, "a part of the window is over"
    time.sleep(2.05)
    assert window.hit(rate, "ada", 100) is None, "all of it is"


def test_more_than_a_rate_is_never_let_through_at_once(storage: Counting) -> None:
    window = Window(storage)
    for exact in (True, False):
        rate = a_rate(5, exact=exact)
        assert window.hit(rate, "ada", 6) is not None
        assert window.hit(rate, "ada", 5) is None


def test_a_fixed_window_counts_until_it_ends(storage: Counting) -> None:
    assert storage.check()
    assert [storage.incr("a", 2), storage.incr("a", 2, amount=2)] == [1, 3]
    assert storage.get("a") == 3
    assert 0 <= storage.get_expiry("a") - time.time() <= 2.01
    assert storage.get("b") == 0
    time.sleep(2.1)
    assert (storage.get("a"), storage.incr("a", 60)) == (0, 1)
    storage.clear("a")
    assert storage.get("a") == 0
    storage.incr("a", 60)
    storage.reset()
    assert storage.get("a") == 0


def test_what_a_window_came_to_weighs_less_and_less_in_the_next(
    postgres: PostgresStorage, database_url: str
) -> None:
    window, rate = Window(postgres), a_rate(100, seconds=100_000)
    assert window.hit(rate, "ada", 100) is None
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE request_count SET at = at - 1")
        ((passed,),) = connection.execute(
            "SELECT extract(epoch FROM now()) / 100000 % 1"
        ).fetchall()
    key = next(iter(_keys(database_url)))
    assert postgres.get_sliding_window(key, 100_000)[0] == 100
    room = 100 - int(100 * (1 - float(passed)))
    assert window.hit(rate, "ada", room + 1) is not None
    assert window.hit(rate, "ada", room) is None
    assert window.hit(rate, "ada", 1) is not None
    postgres.clear_sliding_window(key, 100_000)
    assert window.hit(rate, "ada", 100) is None


def test_a_clock_that_is_read_late_begins_no_window_again(
    postgres: PostgresStorage, database_url: str
) -> None:
    window, rate = Window(postgres), a_rate(100, seconds=100_000)
    assert window.hit(rate, "ada", 60) is None
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE request_count SET at = at + 1")
        assert window.hit(rate, "ada", 30) is None
        found = connection.execute("SELECT count, at FROM request_count").fetchone()
    assert found is not None
    assert found[0] == 90
    assert found[1] > time.time() / 100_000 + 0.9, "the window stays the later one"


@pytest.mark.parametrize("exact", [True, False])
def test_those_who_count_at_once_never_count_too_many(
    database_url: str, *, exact: bool
) -> None:
    rate = a_rate(50, exact=exact)

    def tries(_: int) -> int:
        with postgres_storage(database_url) as storage:
            window = Window(storage)
            return sum(window.hit(rate, "ada", 1) is None for _ in range(20))

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(tries, range(4))) == 50


def test_what_counts_no_more_is_deleted_now_and_then(
    postgres: PostgresStorage, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.incr("old", 0)
    later = time.monotonic() + SWEEP_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert Window(postgres).hit(a_rate(5), "ada", 1) is None
    assert "old" not in _keys(database_url)


def _keys(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {key for (key,) in connection.execute("SELECT key FROM request_count")}
