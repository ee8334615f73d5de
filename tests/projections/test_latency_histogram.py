"""Latencies by steps: added up exactly, and told to within five per cent."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.latency_histogram import NONE, merged, one, quantile

MILLISECONDS = st.lists(st.integers(20, 600_000), min_size=1, max_size=200)


@given(MILLISECONDS, st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_off_by_less_than_five_per_cent(
    times: list[int], share: float
) -> None:
    counts = merged(map(one, times))
    told = quantile(counts, share)
    assert told is not None
    within = sorted(times)[max(-(-len(times) * share // 1), 1).__int__() - 1]
    assert abs(told - within) <= 0.05 * within + 1


@given(MILLISECONDS, MILLISECONDS)
def test_it_makes_no_difference_in_which_order_they_are_added(
    some: list[int], more: list[int]
) -> None:
    apart = merged([merged(map(one, some)), merged(map(one, more))])
    assert apart == merged(map(one, [*more, *some]))
    assert sum(count for _, count in apart) == len(some) + len(more)


def test_what_was_not_measured_counts_nowhere() -> None:
    assert one(None) == NONE == merged([])
    assert quantile(NONE, 0.5) is None


@pytest.mark.parametrize("milliseconds", [0, 1, 10**12])
def test_the_ends_are_counted_too(milliseconds: int) -> None:
    assert quantile(one(milliseconds), 1.0) is not None


def test_a_thousand_times_of_one_kind_are_one_step() -> None:
    dice = random.Random(1)
    times = [round(dice.gauss(500, 5)) for _ in range(1000)]
    assert len(merged(map(one, times))) <= 3
