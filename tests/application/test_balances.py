"""Balances are what the calls log says, now, then, and for every window alike."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from adapters.event_store import EventMapper
from adapters.memory import MemoryRecorder
from adapters.memory_quotas import MemoryQuotaBalances, MemoryQuotaTable
from application.balances import Verified, balance_at, fold, verify
from application.event_log import EventLog
from domain.holds import Balance, Balances, WindowId
from domain.log import CALLS, FLEET, Placed
from domain.quotas import Window
from tests.held_calls import HeldCalls, quota_of

TEAM = uuid4()


class Scene:
    """A calls log with two quotas, and a table that is what it should be."""

    def __init__(self) -> None:
        self.log = EventLog(CALLS, MemoryRecorder(), EventMapper())
        self.one = HeldCalls(self.log, uuid4(), quota_of(TEAM))
        self.other = HeldCalls(self.log, uuid4(), quota_of(TEAM, Window.MONTH))

    def balances(self) -> MemoryQuotaBalances:
        return self.spoilt({})

    def spoilt(self, otherwise: dict[WindowId, Balance]) -> MemoryQuotaBalances:
        """A table in which these balances are otherwise."""
        fleet = EventLog(FLEET, MemoryRecorder(), EventMapper())
        right = self.one.by_window | self.other.by_window
        return MemoryQuotaBalances(
            MemoryQuotaTable(), fleet=fleet, calls=self.log, by_window=right | otherwise
        )


STEPS = st.lists(
    st.tuples(st.sampled_from(["extended", "settled", "abandoned"]), st.integers(0, 50)),
    max_size=6,
)


CALLS_MADE = st.lists(st.tuples(st.booleans(), st.integers(0, 50), STEPS), max_size=8)
Made = list[tuple[bool, int, list[tuple[str, int]]]]


def scene_of(calls: Made) -> Scene:
    scene = Scene()
    for first, amount, steps in calls:
        under = scene.one if first else scene.other
        call_id = under.admitted(amount)
        for step, number in steps:
            if step == "extended":
                under.extended(call_id, number)
                continue
            if step == "settled":
                under.settled(call_id, number)
            else:
                under.abandoned(call_id)
                under.corrected(call_id, number)
            break
    return scene


@given(calls=CALLS_MADE)
def test_the_table_is_what_the_log_says_whatever_happened(calls: Made) -> None:
    scene = scene_of(calls)
    found = verify(scene.log, scene.balances())
    assert (found.position, found.differing) == (scene.log.head(), ())
    assert all(one.held >= 0 for one in scene.one.by_window.values())


def test_a_table_that_says_something_else_is_found_out() -> None:
    scene = Scene()
    scene.one.used(30)
    scene.other.admitted(10)
    window = next(iter(scene.other.by_window))
    stray = (uuid4(), datetime(2026, 1, 1, tzinfo=UTC))
    spoilt = scene.spoilt({window: Balance(held=9), stray: Balance(settled=1)})
    told: list[tuple[int, int]] = []
    found = verify(scene.log, spoilt, lambda done, total: told.append((done, total)))
    assert found.windows == 3
    differing = {(one.quota_id, one.window_start): one for one in found.differing}
    assert set(differing) == {window, stray}
    assert (differing[window].in_table.held, differing[window].in_log.held) == (9, 10)
    assert differing[stray].in_log == Balance()
    assert told[-1] == (3, 3)


def test_nothing_differs_where_nothing_was_called() -> None:
    scene = Scene()
    assert verify(scene.log, scene.balances()) == Verified(
        position=0, windows=0, differing=()
    )


def test_a_balance_is_told_at_every_position_and_time() -> None:
    scene = Scene()
    first = scene.one.admitted(40)
    scene.other.used(5)
    between = datetime.now(UTC)
    scene.one.settled(first, 25)
    balances, window = scene.balances(), next(iter(scene.one.by_window))

    def at(position: int | None, time: datetime) -> Balance:
        return balance_at(scene.log, balances, window, at=time, position=position)

    now = datetime.now(UTC)
    told = [at(position, now) for position in range(5)]
    held, settled = Balance(held=40), Balance(settled=25)
    assert told == [Balance(), held, held, held, settled]
    assert at(None, between) == held
    assert at(None, now) == settled
    assert at(None, scene.one.facts.admitted_at) == Balance()


@given(calls=CALLS_MADE)
def test_a_balance_is_that_of_the_whole_log_up_to_there(calls: Made) -> None:
    scene, folded = scene_of(calls), Balances()
    balances, now = scene.balances(), datetime.now(UTC)
    for placed in scene.log.page(after=0, limit=1000).events:
        fold(folded, placed.recorded.event)
        for window, balance in folded.by_window.items():
            position = placed.position
            there = balance_at(scene.log, balances, window, at=now, position=position)
            assert there == balance


def test_what_stands_before_the_last_hold_is_not_read() -> None:
    scene = Scene()
    for _ in range(5):
        scene.one.used(3)
    read: list[int] = []

    class Counting(MemoryQuotaBalances):
        def mentions(self, quota_id: UUID, *, after: int, upto: int) -> Iterator[Placed]:
            read.append(upto - after)
            return super().mentions(quota_id, after=after, upto=upto)

        def holds_back(self, quota_id: UUID, *, after: int, upto: int) -> Iterator[Placed]:
            return reversed(list(super().mentions(quota_id, after=after, upto=upto)))

    fleet = EventLog(FLEET, MemoryRecorder(), EventMapper())
    balances = Counting(MemoryQuotaTable(), fleet=fleet, calls=scene.log)
    window = next(iter(scene.one.by_window))
    now = datetime.now(UTC)
    assert balance_at(scene.log, balances, window, at=now, position=10) == Balance(
        settled=15
    )
    assert read == [1]
