"""What calls see of keys becomes known to everybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

from adapters.event_store import EventMapper
from adapters.memory import MemoryRecorder, no_unit_of_work
from application.bus import Bus
from application.event_log import Caller, EventLog, acting
from application.key_states import ReportKey, report_key
from application.policies import FollowVerdicts
from domain.attempts import Attempt
from domain.calls import Call, CallFacts, CallSettled
from domain.events import Event
from domain.keys import ProviderKeyCooled, ProviderKeyDied, ProviderKeyParked
from domain.log import CALLS
from domain.usage import UNKNOWN
from domain.verdicts import Verdict
from tests.application.fleet import TEAM, Fleet

BOT = uuid4()


def attempt(
    key_id: UUID, verdict: Verdict, *, until: datetime | None = None, version: int = 1
) -> Attempt:
    return Attempt(
        provider_key_id=key_id,
        good_version=version,
        http_status=429,
        verdict=verdict,
        error="vendor:x",
        ms=5,
        cooling_until=until,
    )


class Reported:
    """A fleet with one key, and a policy that hears of calls."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        self.key_id = self.fleet.add_key()
        self.calls = EventLog(CALLS, MemoryRecorder(), EventMapper())
        bus = Bus(no_unit_of_work)
        report = partial(report_key, event_log=self.fleet.log)
        bus.register(ReportKey, report)
        self._policy = FollowVerdicts(bus)

    def after(self, *attempts: Attempt, bot_id: UUID | None = BOT) -> list[Event]:
        """What stands of the key, once the policy has heard of a call of these attempts."""
        facts = CallFacts(
            team_id=TEAM,
            bot_id=bot_id,
            hostname="ada",
            vendor="openai",
            model="m",
            requested_model="m",
            provider_key_id=self.key_id,
            admitted_at=datetime.now(UTC),
        )
        settled = CallSettled(
            facts=facts,
            http_status=429,
            usage=UNKNOWN,
            cost_micro_usd=None,
            price_source=None,
            attempts=len(attempts),
            first_byte_ms=None,
            duration_ms=1,
            client_left=False,
            error=None,
            attempt_log=attempts,
        )
        with acting(Caller("bot:ada", team_id=facts.team_id, correlation_id="call-1")):
            self.calls.append(self.calls.begin(Call(), uuid4()), [settled])
        for _ in range(2):  # as after a crash
            self._policy.react(self.calls.page(after=0, limit=100))
        history = self.fleet.log.history(self.key_id)
        return [one.event for one in history[1:]]


LATER = datetime.now(UTC) + timedelta(hours=1)


def test_what_calls_saw_of_a_key_is_recorded_once_and_says_by_which_call() -> None:
    fleet = Reported()
    throttled = attempt(fleet.key_id, Verdict.THROTTLED, until=LATER)
    cooled = ProviderKeyCooled(until=LATER, verdict=Verdict.THROTTLED)
    assert fleet.after(throttled, throttled) == [cooled]
    last = fleet.fleet.log.history(fleet.key_id)[-1]
    assert (last.actor, last.correlation_id) == ("system:projector", "call-1")
    assert last.causation_id.startswith("call:")
    assert last.team_id == TEAM


def test_dead_and_empty_keys_are_told_of_and_busy_vendors_are_not() -> None:
    for verdict, kinds in (
        (Verdict.DEAD, [ProviderKeyDied]),
        (Verdict.NO_FUNDS, [ProviderKeyParked]),
        (Verdict.OVERLOADED, []),
        (Verdict.CLIENT_ERROR, []),
        (Verdict.OK, []),
    ):
        fleet = Reported()
        told = fleet.after(attempt(fleet.key_id, verdict))
        assert [type(event) for event in told] == kinds


def test_a_check_and_a_key_of_another_fleet_tell_nothing() -> None:
    fleet = Reported()
    assert fleet.after(attempt(fleet.key_id, Verdict.DEAD), bot_id=None) == []
    assert fleet.after(attempt(uuid4(), Verdict.DEAD)) == []


def test_what_was_seen_of_an_older_state_of_the_key_is_history() -> None:
    fleet = Reported()
    assert fleet.after(attempt(fleet.key_id, Verdict.DEAD, version=0)) == []
