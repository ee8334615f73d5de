"""What is set aside here: few ask others, and the count stays right."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from adapters.rates.keeper import Keeper
from adapters.rates.leased import LEASES, LeasedRates
from adapters.rates.wiring import counted_by, redis_keeper
from application.rates import TooOften
from tests.adapters.rates.given import ROLE, Watched, a_rate, let_through, passes


def nothing() -> None:
    return


@contextmanager
def watched(*, seconds: float = 0.0) -> Iterator[tuple[LeasedRates, Watched]]:
    storage = Watched(seconds=seconds)
    keeper = Keeper("watched", storage, patience=5.0, threads=8, close=nothing)
    try:
        yield LeasedRates([keeper]), storage
    finally:
        keeper.close()


@contextmanager
def processes(
    count: int, url: str, redis_url: str | None = None
) -> Iterator[list[LeasedRates]]:
    """As so many api processes have them."""
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                counted_by(
                    url, role=ROLE, redis=redis_keeper(redis_url) if redis_url else None
                )
            )
            for _ in range(count)
        ]


@pytest.mark.parametrize("most", [1, 99, 200, 601, 3000])
def test_one_process_alone_lets_all_of_a_rate_through_and_no_more(most: int) -> None:
    assert let_through(LeasedRates(), a_rate(most), tries=most + 50) == most


def test_one_request_in_a_hundredth_of_the_rate_asks_others() -> None:
    with watched() as (rates, storage):
        assert let_through(rates, a_rate(3000), tries=3000) == 3000
        assert storage.asked == LEASES


def test_who_was_refused_is_refused_here_until_the_time_they_were_told() -> None:
    with watched() as (rates, storage):
        rate = a_rate(1)
        assert passes(rates, rate)
        with pytest.raises(TooOften) as refused:
            rates.count(rate, "ada")
        assert refused.value.retry_after_seconds is not None
        assert refused.value.retry_after_seconds >= 1
        asked = storage.asked
        assert let_through(rates, rate, tries=100) == 0
        with pytest.raises(TooOften):
            rates.take(rate, "ada")
        assert storage.asked == asked
        assert passes(rates, rate, "eve")


def test_nothing_is_taken_that_was_not_set_aside() -> None:
    rates, rate = LeasedRates(), a_rate(200)
    assert not rates.take(rate, "ada")
    rates.count(rate, "ada")  # it and one more
    assert rates.take(rate, "ada")
    assert not rates.take(rate, "ada")
    assert not rates.take(rate, "eve")


def test_many_threads_get_no_more_than_the_rate() -> None:
    rates, rate = LeasedRates(), a_rate(1000)
    with ThreadPoolExecutor(8) as threads:
        let = threads.map(lambda _: let_through(rates, rate, tries=200), range(8))
        assert sum(let) == 1000


def test_those_who_ask_at_once_set_no_more_aside_than_one_does() -> None:
    with watched(seconds=0.2) as (rates, storage), ThreadPoolExecutor(8) as threads:
        rate = a_rate(3000)
        assert sum(threads.map(lambda _: passes(rates, rate), range(8))) == 8
        assert storage.asked == 8
        aside = 3000 // LEASES - 1
        assert [rates.take(rate, "ada") for _ in range(aside)] == [True] * aside
        assert not rates.take(rate, "ada")


@pytest.mark.parametrize("with_redis", [True, False])
def test_two_processes_share_a_count_to_a_hundredth_each(
    database_url: str, request: pytest.FixtureRequest, *, with_redis: bool
) -> None:
    redis_url = request.getfixturevalue("redis_url") if with_redis else None
    with processes(2, database_url, redis_url) as (one, other):
        rate = a_rate(600)
        let = sum(passes(rates, rate) for _ in range(400) for rates in (one, other))
        assert 600 - 6 <= let <= 600
        exact = a_rate(10, exact=True)
        tries = [passes(rates, exact) for _ in range(10) for rates in (one, other)]
        assert tries == [True] * 10 + [False] * 10
