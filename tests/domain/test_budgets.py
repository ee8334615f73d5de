"""Calls under several quotas: decided one after the other, never beyond a limit."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.budgets import LEAST_OUTPUT, Budget, Denied, Granted, Need, decide, take
from domain.holds import Balances, Booking, Hold, bookings_of
from domain.quotas import Metric, Mode, ScopeKind
from tests.domain.outcomes import outcome

START = datetime(2026, 11, 22, tzinfo=UTC)


def budget(number: int = 1, **changes: object) -> Budget:
    """A blocking quota of 1,000 tokens a day with nothing used."""
    values: dict[str, object] = {
        "quota_id": UUID(int=number),
        "version": 1,
        "scope": ScopeKind.TEAM,
        "scope_id": "t",
        "metric": Metric.TOKENS,
        "mode": Mode.BLOCK,
        "limit": 1000,
        "window_start": START,
        "window_end": START + timedelta(days=1),
        "settled": 0,
        "held": 0,
    }
    return Budget(**(values | changes))  # type: ignore[arg-type]


def dollars(input_tokens: int, output_tokens: int) -> int:
    """Two micro-dollars a token in, ten a token out."""
    return 2 * input_tokens + 10 * output_tokens


def need(into: int = 100, most: int = 200, least: int | None = None) -> Need:
    smallest = min(most, LEAST_OUTPUT) if least is None else least
    return Need(input_tokens=into, least_output=smallest, most_output=most, cost=dollars)


def test_a_call_with_room_is_granted_all_that_it_asks_for() -> None:
    granted = decide([budget()], need())
    assert isinstance(granted, Granted)
    assert granted.output_tokens == 200
    [hold] = granted.holds
    assert (hold.amount, hold.settled, hold.held, hold.limit) == (300, 0, 0, 1000)


def test_a_hold_and_a_booking_have_all_their_fields_in_their_order() -> None:
    hold = budget().hold(300)
    [booking] = bookings_of([hold], outcome(40, 60))
    for one, kind in ((hold, Hold), (booking, Booking)):
        assert list(vars(one)) == [field.name for field in fields(kind)]
    assert replace(hold) == hold == Hold(**vars(hold))


def test_a_hold_keeps_the_balance_that_it_was_decided_on() -> None:
    one = budget(settled=5)
    before = one.hold(300)
    take([one], Granted(output_tokens=200, holds=(before,)))
    after = one.hold(1)
    assert (before.amount, before.settled, before.held) == (300, 5, 0)
    assert (after.amount, after.settled, after.held) == (1, 5, 300)


def test_a_call_with_less_room_is_granted_what_is_left() -> None:
    granted = decide([budget(settled=500, held=250)], need())
    assert isinstance(granted, Granted)
    assert granted.output_tokens == 150
    assert granted.holds[0].amount == 250


def test_a_call_whose_answer_would_be_of_no_use_is_denied() -> None:
    full = budget(settled=1000 - 100 - LEAST_OUTPUT + 1)
    denied = decide([full], need())
    assert isinstance(denied, Denied)
    assert denied.hold.amount == 100 + LEAST_OUTPUT
    assert denied.hold.settled == full.settled


def test_a_quota_of_money_grants_as_much_output_as_the_money_buys() -> None:
    money = budget(metric=Metric.COST_MICRO_USD, limit=1205)
    granted = decide([money], need())
    assert isinstance(granted, Granted)
    assert granted.output_tokens == 100  # (1205 - 200) / 10, whole
    assert granted.holds[0].amount == 1200


def test_a_call_without_a_price_is_denied_under_a_quota_of_money_only() -> None:
    unknown = replace(need(), cost=lambda _i, _o: None)
    denied = decide([budget(metric=Metric.COST_MICRO_USD)], unknown)
    assert isinstance(denied, Denied)
    assert denied.unpriced
    assert isinstance(decide([budget()], unknown), Granted)


def test_a_quota_that_only_notifies_denies_nothing_and_holds_all_the_same() -> None:
    used_up = budget(mode=Mode.NOTIFY, settled=5000)
    granted = decide([used_up], need())
    assert isinstance(granted, Granted)
    assert granted.holds[0].amount == 300


def test_the_tightest_of_several_quotas_decides_for_all() -> None:
    team, bot = budget(1), budget(2, limit=250)
    granted = decide([team, bot], need())
    assert isinstance(granted, Granted)
    assert [hold.amount for hold in granted.holds] == [250, 250]


def test_what_denies_longest_is_told() -> None:
    minute = budget(1, limit=0, window_end=START + timedelta(minutes=1))
    day = budget(2, limit=0)
    total = budget(3, limit=0, window_end=None)
    for denying, longest in (([minute, day], day), ([day, total, minute], total)):
        denied = decide(denying, need())
        assert isinstance(denied, Denied)
        assert denied.hold.quota_id == longest.quota_id


def test_a_call_that_will_ask_for_more_hears_how_much_there_is() -> None:
    """So that its vendor can be told, and it need not be cut."""
    growing = replace(need(most=200), most_ever=5_000)
    wide, tight = budget(1, limit=9_000), budget(2, limit=1_300)
    for budgets, room in (([wide], 5_000), ([wide, tight], 1_200), ([tight], 1_200)):
        granted = decide(budgets, growing)
        assert isinstance(granted, Granted)
        assert (granted.output_tokens, granted.room) == (200, room)
    plain = decide([tight], need())
    assert isinstance(plain, Granted)
    assert plain.room is None


@pytest.mark.parametrize("room", [0, 1, 2])
def test_requests_are_counted_one_by_one(room: int) -> None:
    left = budget(metric=Metric.REQUESTS, limit=room)
    granted = 0
    for _ in range(3):
        decision = decide([left], need())
        if isinstance(decision, Granted):
            take([left], decision)
            granted += 1
    assert granted == room


def test_a_stream_goes_on_under_a_quota_of_requests_that_was_lowered_meanwhile() -> None:
    """It asks for no further request, and a new call does."""
    lowered = budget(metric=Metric.REQUESTS, limit=3, settled=5)
    wide, further = budget(2, limit=10_000), replace(need(0), requests=0)
    granted = decide([lowered, wide], further)
    assert isinstance(granted, Granted)
    assert (granted.output_tokens, [one.amount for one in granted.holds]) == (200, [0, 200])
    assert isinstance(decide([lowered, wide], need(0)), Denied)
    assert isinstance(decide([budget(limit=3, settled=5)], further), Denied)


KINDS = st.sampled_from(list(Metric))
BUDGETS = st.lists(
    st.builds(
        lambda number, metric, limit, settled, mode: budget(
            number, metric=metric, limit=limit, settled=settled, mode=mode
        ),
        st.integers(1, 9),
        KINDS,
        st.integers(0, 5000),
        st.integers(0, 2000),
        st.sampled_from(list(Mode)),
    ),
    max_size=4,
    unique_by=lambda one: one.quota_id,
)
CALLS = st.lists(
    st.tuples(
        st.integers(0, 300), st.integers(0, 600), st.integers(0, 100), st.integers(0, 100)
    ),
    max_size=30,
)


@given(BUDGETS, CALLS)
def test_no_order_of_calls_and_ends_goes_beyond_a_limit(
    budgets: list[Budget], calls: list[tuple[int, int, int, int]]
) -> None:
    """However calls come and end: settled + held stays within, and the fold is the same."""
    folded, open_holds = Balances(), []
    began = {one.window: one.settled for one in budgets}
    for into, most, share_in, share_out in calls:
        decision = decide(budgets, need(into, most))
        if isinstance(decision, Granted):
            take(budgets, decision)
            folded.hold(decision.holds)
            used = into * share_in // 100, (decision.output_tokens or 0) * share_out // 100
            open_holds.append((decision.holds, used))
        else:
            assert decision.hold.mode is Mode.BLOCK
        if len(open_holds) > share_in % 5:
            holds, (read, written) = open_holds.pop(0)
            ended = bookings_of(holds, outcome(read, written, cost=dollars(read, written)))
            _book(budgets, ended)
            folded.book(ended)
        for one in budgets:
            fold = folded.of(one.window)
            assert (fold.settled + began[one.window], fold.held) == (one.settled, one.held)
            if one.mode is Mode.BLOCK and began[one.window] <= one.limit:
                assert one.settled + one.held <= one.limit
    for holds, _ in open_holds:
        _book(budgets, bookings_of(holds, outcome(0, 0, cost=0)))
    assert all(one.held == 0 for one in budgets)


def _book(budgets: list[Budget], bookings: tuple[Booking, ...]) -> None:
    by_window = {one.window: one for one in budgets}
    for booking in bookings:
        by_window[booking.window].book(booking)


@given(BUDGETS, st.integers(0, 300), st.integers(0, 600))
def test_what_is_granted_could_not_have_been_more(
    budgets: list[Budget], into: int, most: int
) -> None:
    """One token more would not have fitted, and a denied call would not with the least."""
    asked = need(into, most)
    decision = decide(budgets, asked)
    blocking = [one for one in budgets if one.mode is Mode.BLOCK]

    def fits(output: int) -> bool:
        return all((asked.amount(b.metric, output) or 0) <= b.room for b in blocking)

    if isinstance(decision, Denied):
        assert not fits(asked.least_output)
        return
    assert decision.output_tokens is not None
    assert fits(decision.output_tokens)
    assert decision.output_tokens == most or not fits(decision.output_tokens + 1)
