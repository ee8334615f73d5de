"""Holds end as bookings: released whole, settled by what was really used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.holds import Booking, Hold, abandoned, bookings_of, corrected
from domain.quotas import Metric, Mode, ScopeKind
from domain.usage import UsageSource
from tests.domain.outcomes import KEY, outcome

START = datetime(2026, 11, 1, tzinfo=UTC)


def hold(
    amount: int,
    metric: Metric = Metric.TOKENS,
    *,
    number: int = 1,
    scope: ScopeKind = ScopeKind.TEAM,
    scope_id: str = "t",
) -> Hold:
    return Hold(
        quota_id=UUID(int=number),
        version=1,
        scope=scope,
        scope_id=scope_id,
        metric=metric,
        mode=Mode.BLOCK,
        limit=1000,
        window_start=START,
        window_end=None,
        amount=amount,
        settled=0,
        held=0,
    )


def booking(released: int, settled: int, number: int = 1) -> Booking:
    return Booking(
        quota_id=UUID(int=number), window_start=START, released=released, settled=settled
    )


def test_all_holds_of_one_window_are_released_together() -> None:
    holds = (hold(300), hold(200), hold(1, Metric.REQUESTS, number=2))
    assert bookings_of(holds, outcome(40, 60)) == (booking(500, 100), booking(1, 1, 2))


def test_two_windows_of_one_quota_are_released_apart() -> None:
    first, next_day = hold(300), START + timedelta(days=1)
    second = replace(first, window_start=next_day, amount=200)
    later = replace(booking(200, 100), window_start=next_day)
    assert bookings_of((first, second), outcome(40, 60)) == (booking(300, 100), later)


@pytest.mark.parametrize(
    ("metric", "read", "written", "cost", "settled"),
    [
        (Metric.TOKENS, 40, None, None, 40),
        (Metric.TOKENS, None, None, 7, 300),
        (Metric.COST_MICRO_USD, 40, 60, 7, 7),
        (Metric.COST_MICRO_USD, 40, 60, None, 300),
    ],
)
def test_what_a_successful_answer_does_not_tell_counts_as_held(
    metric: Metric, read: int | None, written: int | None, cost: int | None, settled: int
) -> None:
    ended = bookings_of([hold(300, metric)], outcome(read, written, cost=cost))
    assert ended == (booking(300, settled),)


@pytest.mark.parametrize("metric", [Metric.TOKENS, Metric.COST_MICRO_USD])
@pytest.mark.parametrize("answered", [True, False])
def test_an_estimate_that_knows_nothing_of_what_was_written_counts_as_held(
    metric: Metric, *, answered: bool
) -> None:
    asked = outcome(40, None, answered=answered, source=UsageSource.ESTIMATED)
    assert bookings_of([hold(300, metric)], asked) == (booking(300, 300),)


@pytest.mark.parametrize(("mode", "settled"), [(Mode.BLOCK, 300), (Mode.NOTIFY, 5_040)])
def test_an_estimate_beyond_the_hold_counts_where_nothing_is_blocked(
    mode: Mode, settled: int
) -> None:
    """There a stream holds its first slice and no more, however long it gets."""
    seen = outcome(40, 5_000, source=UsageSource.ESTIMATED)
    held = replace(hold(300), mode=mode)
    assert bookings_of([held], seen) == (booking(300, settled),)


def test_an_answer_that_is_an_error_used_nothing_but_a_request() -> None:
    failed = outcome(None, None, answered=False)
    holds = (hold(300), hold(1, Metric.REQUESTS, number=2))
    assert bookings_of(holds, failed) == (booking(300, 0), booking(1, 1, 2))


@pytest.mark.parametrize(
    ("scope", "scope_id", "settled"),
    [
        (ScopeKind.PROVIDER_KEY, str(KEY), 100),
        (ScopeKind.PROVIDER_KEY, str(UUID(int=5)), 0),
        (ScopeKind.MODEL, "gpt-4o-mini", 100),
        (ScopeKind.MODEL, "another", 0),
    ],
)
def test_what_did_not_serve_the_call_is_not_charged(
    scope: ScopeKind, scope_id: str, settled: int
) -> None:
    held = hold(300, scope=scope, scope_id=scope_id)
    assert bookings_of([held], outcome(40, 60)) == (booking(300, settled),)


def test_a_call_whose_end_nobody_saw_used_all_that_it_held() -> None:
    holds = (hold(300), hold(50, Metric.COST_MICRO_USD, number=2), hold(200))
    assert abandoned(holds) == (booking(500, 500), booking(50, 50, 2))


def test_a_correction_moves_by_the_difference_and_releases_nothing() -> None:
    holds = (hold(500), hold(1, Metric.REQUESTS, number=2))
    before = {one.window: one.settled for one in abandoned(holds)}
    assert corrected(before, holds, outcome(40, 60)) == (booking(0, -400),)
    assert corrected({**before, holds[0].window: 100}, holds, outcome(40, 60)) == ()
