"""Calls of a time are charged again: which ones, by which price, and only once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from adapters.memory import no_unit_of_work
from application import reprice
from application.event_log import EventLog
from application.reprice import Repriced, Repricing, first_position
from domain.calls import (
    Call,
    CallAbandoned,
    CallCorrected,
    CallEvent,
    CallFacts,
    CallSettled,
)
from domain.events import Recorded
from domain.holds import Booking
from domain.log import CALLS
from domain.usage import Usage
from tests.projections.given import (
    NOON,
    OTHER_TEAM,
    TEAM,
    Happened,
    admitted,
    calls,
    facts,
    settled,
    tokens,
)
from tests.projections.given_logs import memory_logs, record

HOUR = timedelta(hours=1)
USED = tokens(7, 3)


@dataclass
class Moved:
    """Plays `MovesBalances`: keeps what it is told."""

    bookings: list[Booking] = field(default_factory=list)

    def move(self, bookings: Iterable[Booking]) -> None:
        self.bookings += bookings


@dataclass
class FlatPrices:
    """Each model costs the same, however much it was used for."""

    costs: dict[str | None, int | None]
    asked_at: list[datetime] = field(default_factory=list)

    def priced(self, usage: Usage, facts: CallFacts) -> tuple[int | None, str | None]:
        assert usage.source != "none"
        assert facts.vendor
        self.asked_at.append(facts.admitted_at)
        cost = self.costs.get(facts.model or facts.requested_model)
        return cost, None if cost is None else "flat:1"


@pytest.fixture(autouse=True)
def _just_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The histories here are of a time to come: everything was recorded long before it."""
    monkeypatch.setattr(reprice, "SLACK", timedelta(days=36_500))


def a_log(*happened: Happened) -> EventLog:
    log = memory_logs()[CALLS]
    record(log, happened)
    return log


def repricing(log: EventLog, prices: FlatPrices) -> Repricing:
    return Repricing(
        calls=log, prices=prices, unit_of_work=no_unit_of_work, balances=Moved()
    )


def run(
    log: EventLog, costs: dict[str | None, int | None], *, dry: bool = False
) -> Repriced:
    return repricing(log, FlatPrices(costs)).run(NOON, NOON + HOUR, dry=dry)


def events(log: EventLog) -> Sequence[Recorded[CallEvent]]:
    page = log.page(after=0, limit=100_000)
    return [one.recorded for one in page.events]  # type: ignore[misc]


def corrections(log: EventLog) -> list[CallCorrected]:
    found = [one.event for one in events(log)]
    return [one for one in found if isinstance(one, CallCorrected)]


def a_call(minutes: float = 0, cost: int | None = 5, **other: str | UUID) -> Happened:
    of = facts(minutes, **other)  # type: ignore[arg-type]
    return uuid4(), [admitted(of), settled(of, USED, cost)]


def test_a_call_that_costs_something_else_today_is_corrected() -> None:
    call_id, (opened, end) = a_call()
    log = a_log((call_id, [opened, end]))
    assert run(log, {"gpt-5": 8}) == Repriced(
        calls=1, repriced=1, before_micro_usd=5, now_micro_usd=8
    )
    *_, last = events(log)
    assert isinstance(end, CallSettled)
    assert last.event == CallCorrected(
        facts=end.facts,
        ended_as=last.event.ended_as,  # type: ignore[union-attr]
        before=USED,
        now=USED,
        before_cost_micro_usd=5,
        cost_micro_usd=8,
        http_status=200,
        reason="repriced",
        price_source="flat:1",
        model="gpt-5",
    )
    assert (last.originator_id, last.actor, last.team_id) == (
        call_id,
        "system:reprice",
        TEAM,
    )


def test_a_second_run_records_nothing() -> None:
    log = a_log(a_call(), a_call(1, None), a_call(2, 8))
    assert run(log, {"gpt-5": 8}).repriced == 2
    head = log.head()
    assert run(log, {"gpt-5": 8}) == Repriced(calls=3)
    assert log.head() == head


def test_prices_that_change_back_are_followed_back() -> None:
    log = a_log(a_call())
    run(log, {"gpt-5": 8})
    back = Repriced(calls=1, repriced=1, before_micro_usd=8, now_micro_usd=5)
    assert run(log, {"gpt-5": 5}, dry=True) == back
    assert run(log, {"gpt-5": 5}) == back
    assert [one.cost_micro_usd for one in corrections(log)] == [8, 5]
    for cost in (8, 5, 9):
        run(log, {"gpt-5": cost})
    assert run(log, {"gpt-5": 8}, dry=True).repriced == 1
    assert [one.cost_micro_usd for one in corrections(log)] == [8, 5, 8, 5, 9]


def test_a_dry_run_counts_the_same_and_records_nothing() -> None:
    log = a_log(a_call(), a_call(1, 8))
    head = log.head()
    counted = run(log, {"gpt-5": 8}, dry=True)
    assert log.head() == head
    assert counted == run(log, {"gpt-5": 8})


def test_only_calls_admitted_in_that_time_are_charged_again() -> None:
    log = a_log(a_call(-1), a_call(0), a_call(59), a_call(60))
    assert run(log, {"gpt-5": 8}).calls == 2
    minutes = [one.facts.admitted_at for one in corrections(log)]
    assert minutes == [NOON, NOON + timedelta(minutes=59)]


def test_the_price_is_that_of_the_time_of_the_call() -> None:
    prices = FlatPrices({"gpt-5": 8})
    repricing(a_log(a_call(17)), prices).run(NOON, NOON + HOUR)
    assert set(prices.asked_at) == {NOON + timedelta(minutes=17)}


def test_what_was_not_known_is_priced_and_what_is_known_stays_known() -> None:
    log = a_log(a_call(0, None), a_call(1, 5, model="gone"), a_call(2, None, model="new"))
    assert run(log, {"gpt-5": 8}) == Repriced(
        calls=3, repriced=1, unknown=2, now_micro_usd=8
    )


def test_a_call_whose_usage_nobody_knows_is_never_priced() -> None:
    of = facts()
    log = a_log((uuid4(), [admitted(of), settled(of)]))
    assert run(log, {"gpt-5": 8}) == Repriced(calls=1, unknown=1)


def test_a_late_settlement_is_charged_for_the_model_that_answered() -> None:
    of = replace(facts(), model=None)
    abandoned = CallAbandoned(facts=of, usage=tokens(25, None))
    [late] = Call().evolve(abandoned).settle(settled(facts(), USED, 5))
    log = a_log((uuid4(), [admitted(of), abandoned, late]))
    costs: dict[str | None, int | None] = {"gpt-5": 8, "asked-for": 100}
    assert run(log, costs).now_micro_usd == 8
    assert run(log, costs).repriced == 0


def test_each_teams_corrections_are_recorded_in_its_name_under_one_run() -> None:
    log = a_log(a_call(), a_call(team=OTHER_TEAM), a_call())
    run(log, {"gpt-5": 8})
    *_, one, two, three = events(log)
    assert {one.team_id, two.team_id, three.team_id} == {TEAM, OTHER_TEAM}
    for recorded in (one, two, three):
        assert recorded.team_id == recorded.event.facts.team_id
    assert len({one.correlation_id, two.correlation_id, three.correlation_id}) == 1


def test_progress_ends_where_the_log_ended_when_it_began() -> None:
    told: list[tuple[int, int]] = []
    log = a_log(*calls(600))
    head = log.head()
    prices = repricing(log, FlatPrices({"gpt-5": 8}))
    prices.run(NOON, NOON + HOUR, progress=lambda done, total: told.append((done, total)))
    assert len(told) > 1
    assert told[-1] == (head, head)
    assert log.head() > head


@examples(seed=st.integers(0, 1000))
def test_whatever_happened_a_second_run_finds_nothing(seed: int) -> None:
    log = a_log(*calls(30, seed))
    costs: dict[str | None, int | None] = {"gpt-5": 8, "asked-for": 3}
    run(log, costs)
    head = log.head()
    assert run(log, costs).repriced == 0
    assert log.head() == head


@examples(count=st.integers(0, 30), at=st.integers(0, 31))
def test_a_log_is_read_from_behind_what_is_too_old(count: int, at: int) -> None:
    log = a_log(*(a_call(n) for n in range(count)))
    recorded = [one.at for one in events(log)]
    moment = recorded[at] if at < len(recorded) else NOON.replace(year=2100)
    older = sum(one < moment for one in recorded)
    assert first_position(log, moment) == older
