"""How quotas stand is noticed as calls move them, and each thing is said once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from adapters.bootstrap.quota_commands import register_notes, register_quotas
from adapters.event_store import EventMapper
from adapters.memory import MemoryRecorder, no_unit_of_work
from adapters.memory_quotas import MemoryQuotaBalances, MemoryQuotaTable
from application.bus import Bus
from application.event_log import EventLog
from application.quota_notices import WarnOfQuotas
from application.quotas import EditQuota, Raise, RemoveQuota, SetQuota
from domain.events import Event
from domain.ids import QuotaId
from domain.log import CALLS, FLEET
from domain.quota_windows import QuotaExhausted, QuotaWarned, quota_window_id
from domain.quotas import Window
from domain.windows import window_of
from tests.application.fleet import ALICE, TEAM
from tests.held_calls import HeldCalls, quota_of

WARNED, EXHAUSTED = QuotaWarned.TOPIC, QuotaExhausted.TOPIC


class Watched:
    """A quota with calls under it, and the policy that watches them."""

    def __init__(self, *, limit: int = 100, window: Window = Window.TOTAL) -> None:
        self.fleet = EventLog(FLEET, MemoryRecorder(), EventMapper())
        self.log = EventLog(CALLS, MemoryRecorder(), EventMapper())
        self.bus, table = Bus(no_unit_of_work), MemoryQuotaTable()
        register_quotas(self.bus, self.fleet, table=table)
        register_notes(self.bus, self.fleet)
        quota = quota_of(TEAM, window, limit)
        self.quota_id = QuotaId(uuid4())
        self.bus.handle(SetQuota(quota_id=self.quota_id, quota=quota), by=ALICE)
        self.calls = HeldCalls(self.log, self.quota_id, quota)
        self._balances = MemoryQuotaBalances(table, fleet=self.fleet, calls=self.log)
        self._policy = WarnOfQuotas(self.bus, self._balances)

    def after(self, *, forgetful: bool = True, page: int = 1000) -> list[Event]:
        """What was said of the window once the policy has seen all calls, twice."""
        for _ in range(2):
            if forgetful:  # as after a crash
                self._policy = WarnOfQuotas(self.bus, self._balances)
            for after in range(0, self.log.head(), page):
                upto = min(after + page, self.log.head())
                self._policy.react(self.log.page(after=after, limit=page, upto=upto))
        window = quota_window_id(self.quota_id, self.calls.window[0])
        return [one.event for one in self.fleet.history(window)]

    def last(self) -> list[Event]:
        """What was said of the window once the policy has seen the last event."""
        self._policy.react(self.log.page(after=self.log.head() - 1, limit=1))
        window = quota_window_id(self.quota_id, self.calls.window[0])
        return [one.event for one in self.fleet.history(window)]

    def topics(self, **how: int) -> list[str]:
        return [one.TOPIC for one in self.after(**how)]  # type: ignore[arg-type]

    def edit(self, limit: int | None = None, raised: Raise | None = None) -> None:
        command = EditQuota(
            quota_id=self.quota_id,
            team_id=TEAM,
            limit=limit,
            warn=False,
            warn_at_permille=None,
            mode=None,
            raised=raised,
            expected_version=None,
            now=datetime.now(UTC),
        )
        self.bus.handle(command, by=ALICE)


def test_nothing_is_said_of_a_quota_that_is_hardly_used() -> None:
    watched = Watched()
    watched.calls.used(79)
    watched.calls.admitted(21)  # held is not used
    assert watched.after() == []


def test_a_quota_warns_once_and_is_exhausted_once() -> None:
    watched = Watched()
    watched.calls.used(80)
    assert watched.topics() == [WARNED]
    watched.calls.used(10)
    assert watched.topics(page=1) == [WARNED]
    watched.calls.used(10)
    assert watched.topics(page=1) == [WARNED, EXHAUSTED]
    warned, exhausted = watched.after(forgetful=False)
    assert isinstance(warned, QuotaWarned)
    assert isinstance(exhausted, QuotaExhausted)
    assert (warned.settled, warned.limit, warned.warn_at_permille) == (80, 100, 800)
    assert (exhausted.settled, exhausted.held, exhausted.limit) == (100, 0, 100)
    assert (warned.quota_id, warned.window_start) == (
        watched.quota_id,
        watched.calls.window[0],
    )


def test_both_thresholds_can_be_passed_by_one_call() -> None:
    watched = Watched(window=Window.MONTH)
    watched.calls.used(130)
    assert watched.topics() == [WARNED, EXHAUSTED]
    assert watched.after()[0].window_end == watched.calls.window[1]  # type: ignore[attr-defined]


def test_a_refused_call_says_that_its_quota_is_exhausted() -> None:
    watched = Watched()
    watched.calls.admitted(60)
    watched.calls.refused(50)
    watched.calls.refused(50)
    (exhausted,) = watched.after()
    assert isinstance(exhausted, QuotaExhausted)
    assert (exhausted.settled, exhausted.held) == (0, 60)


def test_a_call_that_is_more_than_the_whole_limit_exhausts_nothing() -> None:
    watched = Watched()
    watched.calls.refused(101)
    assert watched.after() == []
    watched.calls.used(100)
    assert watched.topics() == [WARNED, EXHAUSTED]


def test_a_limit_of_nothing_is_exhausted_with_its_first_refusal() -> None:
    watched = Watched(limit=0)
    watched.calls.refused(1)
    assert watched.topics() == [EXHAUSTED]


def test_a_call_that_nobody_can_price_exhausts_nothing() -> None:
    watched = Watched()
    watched.calls.refused(0, code="unpriced-call")
    assert watched.after() == []


def test_what_was_abandoned_counts_and_what_is_corrected_is_not_unsaid() -> None:
    watched = Watched()
    call = watched.calls.admitted(85)
    watched.calls.abandoned(call)
    assert watched.topics() == [WARNED]
    watched.calls.corrected(call, 20)
    assert watched.calls.balance.settled == 20
    assert watched.topics() == [WARNED]


def test_a_limit_that_was_changed_has_thresholds_of_its_own() -> None:
    watched = Watched()
    watched.calls.used(100)
    assert watched.topics() == [WARNED, EXHAUSTED]
    watched.edit(raised=Raise(by=50, until=datetime.now(UTC) + timedelta(hours=1)))
    watched.calls.used(10)
    assert watched.topics() == [WARNED, EXHAUSTED]
    watched.calls.used(10)
    assert watched.topics() == [WARNED, EXHAUSTED, WARNED]
    watched.edit(raised=Raise(by=0, until=datetime.now(UTC)))
    watched.calls.used(1)
    assert watched.topics() == [WARNED, EXHAUSTED, WARNED]


def test_a_quota_that_is_gone_is_not_talked_of() -> None:
    watched = Watched()
    watched.calls.used(100)
    command = RemoveQuota(quota_id=watched.quota_id, team_id=TEAM, expected_version=None)
    watched.bus.handle(command, by=ALICE)
    assert watched.after() == []


def test_what_is_said_tells_by_which_call_and_in_which_team() -> None:
    watched = Watched()
    call = watched.calls.used(90)
    watched.after()
    window = quota_window_id(watched.quota_id, watched.calls.window[0])
    (said,) = watched.fleet.history(window)
    assert (said.actor, said.team_id) == ("system:projector", TEAM)
    assert (said.correlation_id, said.causation_id) == ("request-8", f"call:{call}:2")
    assert isinstance(call, UUID)


def test_a_correction_of_a_window_that_is_over_is_not_judged_by_the_limit_of_now() -> None:
    watched = Watched(window=Window.DAY)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    watched.calls.window = window_of(Window.DAY, "UTC", yesterday)
    call_id = watched.calls.admitted(50)
    watched.calls.abandoned(call_id)
    assert watched.after() == []
    watched.edit(limit=40)
    watched.calls.corrected(call_id, 45)
    assert watched.last() == []
