"""The circuit of a key: what opens it, for how long, and what closes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.key_health import (
    GATE_SECONDS,
    HEALTHY,
    JITTER,
    LONGEST_BACKOFF,
    LONGEST_WAIT,
    OVERLOADED_IN_A_ROW,
    PARKED_SECONDS,
    TRIAL_SECONDS,
    Circuit,
    KeyHealth,
)
from domain.verdicts import Verdict

History = list[tuple[Verdict, float, float | None, float]]  # with seconds since before

BAD = [Verdict.THROTTLED, Verdict.NO_FUNDS, Verdict.DEAD]
steps = st.lists(
    st.tuples(
        st.sampled_from(Verdict),
        st.floats(0, 100),  # seconds that pass before
        st.none() | st.floats(0, 10 * LONGEST_WAIT),
        st.floats(0, 1),
    ),
    max_size=30,
)


def walked(history: History) -> list[tuple[KeyHealth, Verdict, float, KeyHealth]]:
    """Each step: the health before, the verdict, the moment, the health after."""
    health, now, walk = HEALTHY, 1000.0, []
    for verdict, passed, wait, dice in history:
        now += passed
        after = health.after(verdict, now, wait=wait, dice=dice)
        walk.append((health, verdict, now, after))
        health = after
    return walk


@given(steps)
def test_every_circuit_closes_in_the_end_and_no_wait_is_too_long(
    history: History,
) -> None:
    for _, _, now, health in walked(history):
        longest = LONGEST_WAIT * (1 + JITTER)
        assert health.open_until is None or health.open_until <= now + longest + 1e-6
        later = now + longest + 1
        assert health.circuit(later) is not Circuit.OPEN
        assert health.after(Verdict.OK, later, wait=None, dice=0) == HEALTHY


@given(steps)
def test_a_key_that_must_rest_is_never_used_and_what_passes_never_rests(
    history: History,
) -> None:
    for _, _, now, health in walked(history):
        assert not (health.lets_pass(now) and health.must_rest(now))
        if health.circuit(now) is Circuit.OPEN:
            assert not health.lets_pass(now)
        if health.verdict is Verdict.OVERLOADED:
            assert not health.must_rest(now)


@given(steps)
def test_what_is_open_is_not_shortened_but_by_an_answer_of_the_overloaded(
    history: History,
) -> None:
    for before, verdict, now, after in walked(history):
        if before.must_rest(now) and after.verdict is before.verdict:
            assert after.open_until is not None
            assert before.open_until is not None
            assert after.open_until >= before.open_until
            assert after.failures == before.failures
        if before.must_rest(now) and verdict in {Verdict.OK, Verdict.CLIENT_ERROR}:
            assert after is before


@pytest.mark.parametrize("verdict", BAD)
def test_a_clear_word_opens_the_circuit_at_once(verdict: Verdict) -> None:
    health = HEALTHY.after(verdict, 100, wait=None, dice=0.5)
    assert health.circuit(100) is Circuit.OPEN
    assert health.must_rest(100)


def test_a_vendor_is_waited_for_as_long_as_it_asks_and_a_little_longer() -> None:
    health = HEALTHY.after(Verdict.THROTTLED, 100, wait=20, dice=1)
    assert health.open_until == pytest.approx(100 + 20 * (1 + JITTER))
    assert HEALTHY.after(Verdict.THROTTLED, 100, wait=20, dice=0).open_until == 120


def test_without_a_word_each_wait_is_twice_the_one_before_up_to_a_minute() -> None:
    health, now, waits = HEALTHY, 0.0, []
    for _ in range(10):
        health = health.after(Verdict.THROTTLED, now, wait=None, dice=1)
        assert health.open_until is not None
        waits.append(health.open_until - now)
        now = health.open_until
    assert waits[:4] == pytest.approx([1, 2, 4, 8])
    assert waits[-1] == LONGEST_BACKOFF


def test_a_burst_of_refusals_counts_once() -> None:
    first = HEALTHY.after(Verdict.THROTTLED, 100, wait=None, dice=1)
    burst = first
    for _ in range(50):
        burst = burst.after(Verdict.THROTTLED, 100.1, wait=None, dice=1)
    assert burst == first


def test_an_overloaded_vendor_opens_the_circuit_only_after_several_in_a_row() -> None:
    health = HEALTHY
    for _ in range(OVERLOADED_IN_A_ROW - 1):
        health = health.after(Verdict.OVERLOADED, 100, wait=None, dice=1)
        assert health.circuit(100) is Circuit.CLOSED
    recovered = health.after(Verdict.OK, 100, wait=None, dice=1)
    assert recovered == HEALTHY
    opened = health.after(Verdict.OVERLOADED, 100, wait=None, dice=1)
    assert opened.circuit(100) is Circuit.OPEN
    assert not opened.must_rest(100)  # better than no key at all
    assert opened.after(Verdict.OK, 100.5, wait=None, dice=1) == HEALTHY


def test_half_open_one_call_tries_and_the_others_go_elsewhere() -> None:
    opened = HEALTHY.after(Verdict.DEAD, 100, wait=None, dice=0)
    later = 100 + PARKED_SECONDS
    assert opened.circuit(later) is Circuit.HALF_OPEN
    assert opened.lets_pass(later)
    tried = opened.tried(later)
    assert not tried.lets_pass(later + 1)
    assert tried.must_rest(later + 1)
    assert tried.after(Verdict.CLIENT_ERROR, later + 1, wait=None, dice=0) == HEALTHY
    assert tried.after(Verdict.DEAD, later + 1, wait=None, dice=0).must_rest(later + 2)


def test_what_a_gate_has_not_refused_in_time_it_has_let_in_and_everybody_with_it() -> None:
    opened = HEALTHY.after(Verdict.THROTTLED, 100, wait=1, dice=0)
    tried = opened.tried(101)
    let_in = [tried.let_in(101.2), tried.tried(101 + GATE_SECONDS)]
    assert tried.must_rest(101.2)
    for health, now in zip(let_in, (101.2, 101 + GATE_SECONDS), strict=True):
        assert health.lets_pass(now)
        assert health.tried(now).lets_pass(now)  # nobody has to try it again
        again = health.after(Verdict.THROTTLED, now, wait=None, dice=1)
        assert (again.failures, again.open_until) == (2, now + 2)
        assert again.tried(now + 2).on_trial(now + 2)


def test_an_overloaded_vendor_is_tried_by_one_at_a_time_and_serves_who_has_no_other() -> (
    None
):
    health = HEALTHY
    for _ in range(OVERLOADED_IN_A_ROW):
        health = health.after(Verdict.OVERLOADED, 100, wait=None, dice=1)
    tried = health.tried(200).let_in(201)
    assert not tried.lets_pass(201)
    assert not tried.must_rest(201)
    again = tried.tried(200 + TRIAL_SECONDS)
    assert not again.lets_pass(201 + TRIAL_SECONDS)


def test_worse_news_are_heard_while_it_is_open() -> None:
    throttled = HEALTHY.after(Verdict.THROTTLED, 100, wait=5, dice=0)
    dead = throttled.after(Verdict.DEAD, 101, wait=None, dice=0)
    assert dead.verdict is Verdict.DEAD
    assert dead.open_until == 101 + PARKED_SECONDS


def test_whom_the_vendor_asks_to_come_at_once_all_may() -> None:
    health = HEALTHY.after(Verdict.THROTTLED, 1000.0, wait=0.0, dice=1.0)
    assert health.circuit(1000.0) is Circuit.HALF_OPEN
    assert not health.tried(1000.0).on_trial(1000.0)
    assert not health.tried(1000.0).must_rest(1000.0)
