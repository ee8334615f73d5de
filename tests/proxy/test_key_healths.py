"""Which keys a call may try, by what this process and everybody knows of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.key_health import OVERLOADED_IN_A_ROW, KeyHealth
from domain.keys import KeyStatus
from domain.verdicts import Verdict
from projections.route_table import KeyRoute
from proxy.key_healths import (
    BUDGET_PER_SECOND,
    BUDGET_RESERVE,
    MOST_REMEMBERED,
    AllKeysCooling,
    KeyHealths,
    KeyRests,
    RetryBudget,
)


def a_key(status: KeyStatus = KeyStatus.ACTIVE, seconds: float | None = None) -> KeyRoute:
    """A key that cools for so many seconds more, if any."""
    now = datetime.now(UTC)
    return KeyRoute(
        key_id=uuid4(),
        team_id=uuid4(),
        vendor="openai",
        base_url=None,
        origin="https://api.openai.com:443",
        tags=(),
        models=(),
        allow_paths="inference",
        secret_version=1,
        status=status,
        cooling_until=None if seconds is None else now + timedelta(seconds=seconds),
        good_version=1,
    )


def test_keys_of_which_nothing_is_known_are_all_ready_in_their_order() -> None:
    keys = [a_key() for _ in range(3)]
    assert KeyHealths().ready(keys) == keys


def test_a_throttled_key_rests_and_the_others_serve() -> None:
    healths, first, second = KeyHealths(), a_key(), a_key()
    until = healths.learned(first, Verdict.THROTTLED, 30)
    assert until is not None
    assert 29 < (until - datetime.now(UTC)).total_seconds() < 34
    assert healths.ready([first, second]) == [second]


def test_what_everybody_knows_of_a_cooling_counts_until_it_is_over() -> None:
    healths, well = KeyHealths(), a_key()
    cooling, cool = a_key(KeyStatus.COOLING, 9), a_key(KeyStatus.COOLING, -1)
    assert healths.ready([cooling, cool, well]) == [cool, well]


def test_the_shortest_wait_is_told_when_all_cool() -> None:
    healths, here, there = KeyHealths(), a_key(), a_key(KeyStatus.COOLING, 8.5)
    healths.learned(here, Verdict.THROTTLED, 20)
    with pytest.raises(AllKeysCooling) as refused:
        healths.ready([here, there])
    assert refused.value.retry_after_seconds == 9


@pytest.mark.parametrize("verdict", [Verdict.DEAD, Verdict.NO_FUNDS])
def test_a_key_that_no_waiting_helps_is_as_none(verdict: Verdict) -> None:
    healths, key = KeyHealths(), a_key()
    healths.learned(key, verdict, None)
    assert healths.ready([key]) == []


@pytest.mark.parametrize("verdict", [Verdict.DEAD, Verdict.THROTTLED])
def test_what_was_learned_is_void_once_the_key_was_found_good_again(
    verdict: Verdict,
) -> None:
    healths, key = KeyHealths(), a_key()
    healths.learned(key, verdict, 60)
    renewed = replace(key, good_version=2)
    assert healths.ready([renewed]) == [renewed]
    healths.learned(key, verdict, 60)  # of a call that had begun before
    assert healths.ready([renewed]) == [renewed]


def test_a_key_of_an_overloaded_vendor_comes_last_but_comes() -> None:
    healths, busy, well = KeyHealths(), a_key(), a_key()
    for _ in range(OVERLOADED_IN_A_ROW):
        assert healths.ready([busy, well]) == [busy, well]
        assert healths.learned(busy, Verdict.OVERLOADED, None) is None
    assert healths.ready([busy, well]) == [well, busy]
    assert healths.ready([busy]) == [busy]
    healths.fine(busy)
    assert healths.ready([busy, well]) == [busy, well]


def test_of_keys_whose_vendors_are_overloaded_the_one_that_is_back_first_comes_first() -> (
    None
):
    healths, worst, better = KeyHealths(), a_key(), a_key()
    for _ in range(OVERLOADED_IN_A_ROW):
        healths.learned(better, Verdict.OVERLOADED, None)
    first = healths.ready([better])
    for _ in range(OVERLOADED_IN_A_ROW):
        healths.learned(worst, Verdict.DEAD, None)
    assert healths.ready([worst, better]) == first
    half_open = a_key()  # on trial by another call: it comes before what is open still
    health = KeyHealth(failures=5, verdict=Verdict.OVERLOADED, open_until=0)
    healths._known[half_open.key_id] = (1, health)  # noqa: SLF001
    healths.trying(half_open)
    assert healths.ready([better, half_open]) == [half_open, better]


def test_a_key_that_may_be_tried_again_is_tried_by_one_call_at_a_time() -> None:
    healths, key, well = KeyHealths(), a_key(), a_key()
    rested = KeyHealth(failures=1, verdict=Verdict.THROTTLED, open_until=0)
    healths._known[key.key_id] = (1, rested)  # noqa: SLF001
    assert healths.ready([key, well]) == [key, well]
    healths.trying(key)
    assert healths.on_trial(key)
    assert not healths.on_trial(well)
    assert healths.ready([key, well]) == [well]
    with pytest.raises(AllKeysCooling) as refused:
        healths.ready([key])
    assert refused.value.retry_after_seconds == 1
    with pytest.raises(KeyRests):  # who had chosen it before
        healths.trying(key)
    healths.trying(key, always=True)
    healths.let_in(key)
    assert healths.ready([key, well]) == [key, well]
    healths.trying(key)
    healths.fine(key)
    assert healths.ready([key, well]) == [key, well]


def test_memory_is_bounded() -> None:
    healths, key = KeyHealths(), a_key()
    for _ in range(MOST_REMEMBERED + 100):
        healths.learned(replace(key, key_id=uuid4()), Verdict.DEAD, None)
    assert len(healths._known) == MOST_REMEMBERED  # noqa: SLF001


def test_a_fifth_of_the_calls_may_be_tried_again_and_some_at_any_time() -> None:
    budget, reserve = RetryBudget(100.0), int(BUDGET_RESERVE)
    spent = [budget.spend(100.0) for _ in range(reserve + 2)]
    assert spent == [True] * reserve + [False] * 2
    for _ in range(50):
        budget.earn()
    assert sum(budget.spend(100.0) for _ in range(reserve)) in {9, 10}
    assert not budget.spend(100.0)
    later = 100.0 + 3 / BUDGET_PER_SECOND + 0.01
    assert [budget.spend(later) for _ in range(4)][:3] == [True] * 3
    assert sum(budget.spend(9999.0) for _ in range(2 * reserve)) == reserve
