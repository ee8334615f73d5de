"""Balances are what the calls log says, now, then, and for every window alike."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from adapters.event_store import EventMapper
from adapters.memory import MemoryRecorder
from adapters.memory_quotas import MemoryQuotaBalances, MemoryQuotaTable
from application.balances import Verified, balance_at, verify
from application.event_log import EventLog
from domain.holds import Balance, WindowId
from domain.log import CALLS, FLEET
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


@given(calls=st.lists(st.tuples(st.booleans(), st.integers(0, 50), STEPS), max_size=8))
def test_the_table_is_what_the_log_says_whatever_happened(
    calls: list[tuple[bool, int, list[tuple[str, int]]]],
) -> None:
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
