"""Which event it is that a projection cannot take, and what is done about it."""

from __future__ import annotations

import threading
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent

from adapters import parking
from adapters.bootstrap.followers import VIEWS
from adapters.event_store import EventMapper
from adapters.follower import Reader, ViewFollower
from adapters.memory import MemoryRecorder
from adapters.memory_calls import MemoryAuditTrail
from adapters.parking import EventIsPoison, parking_in, take_or_name_the_poison
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.rebuild import rebuild
from adapters.renewal import renew
from application.event_log import EventLog
from domain.bot_events import BotRenamed
from domain.errors import Unavailable
from domain.log import FLEET, Placed
from domain.parking import ProjectionParked
from projections.audit_trail import AuditRow, AuditTrailProjector
from projections.view import Key
from tests.adapters.test_rebuild import catch_up_with
from tests.projections.given import FLEET_HISTORY
from tests.projections.given_logs import database, record, recorded

BOT = UUID(int=1)


class Stumbles(AuditTrailProjector):
    """Cannot take the event at one position, so many times."""

    at, times = 0, 10**9

    def project(self, row: AuditRow | None, placed: Placed) -> AuditRow | None:
        if placed.position == self.at and self.times:
            self.times -= 1
            raise ZeroDivisionError
        return super().project(row, placed)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "TRY_SECONDS", 0.0)


def a_log(events: int) -> tuple[EventLog, MemoryRecorder]:
    recorder = MemoryRecorder()
    log = EventLog(FLEET, recorder, EventMapper())
    record(log, [(BOT, [BotRenamed(name=str(n)) for n in range(events)])])
    return log, recorder


def taken(log: EventLog, projector: AuditTrailProjector) -> MemoryAuditTrail:
    view = MemoryAuditTrail()
    follower = ViewFollower(projector, view)
    take_or_name_the_poison(follower, Reader(log), name="trail", stop=threading.Event())
    return view


@pytest.mark.parametrize("at", [1, 2, 777, 1001, 2500])
def test_everything_before_the_event_is_taken_and_its_position_named(at: int) -> None:
    log, _ = a_log(2500)
    projector, view = Stumbles(), MemoryAuditTrail()
    projector.at = at
    with pytest.raises(EventIsPoison) as poison:
        take_or_name_the_poison(
            ViewFollower(projector, view), Reader(log), name="x", stop=threading.Event()
        )
    assert (poison.value.parked.position, view.position(FLEET)) == (at, at - 1)
    assert poison.value.parked.error.startswith("ZeroDivisionError in project, adapters/")
    assert len(view.rows) == at - 1


def test_an_event_that_cannot_be_read_is_poison_too() -> None:
    log, recorder = a_log(30)
    recorder.insert_events(
        [StoredEvent(uuid4(), 1, topic="bot.from_the_future", state=b"{}")]
    )
    with pytest.raises(EventIsPoison) as poison:
        taken(log, AuditTrailProjector())
    assert poison.value.parked.position == 31


def test_what_fails_twice_and_then_goes_is_no_poison() -> None:
    log, _ = a_log(1200)
    projector = Stumbles()
    projector.at, projector.times = 7, 5  # in pages of 1,000, 100 and 10, and twice alone
    assert taken(log, projector).position(FLEET) == 1200


def test_what_is_away_parks_nobody() -> None:
    log, _ = a_log(3)

    class Away(AuditTrailProjector):
        def key(self, placed: Placed) -> Key | None:
            raise Unavailable(placed)

    with pytest.raises(Unavailable):
        taken(log, Away())


def test_a_rebuild_resumes_a_parked_view_and_refuses_while_it_cannot_take_the_event(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Poisoned(Stumbles):
        at = 5

    def parked() -> ProjectionParked | None:
        with database(database_url) as opened:
            return parking_in(opened).standing("audit_trail")

    with recorded(database_url, fleet=FLEET_HISTORY) as logs, database(database_url) as at:
        park = ProjectionParked(projection="audit_trail", log=FLEET, position=1, error="x")
        parking_in(at).park(park)
        monkeypatch.setitem(VIEWS, "audit_trail", (Poisoned, PostgresAuditTrail))
        with pytest.raises(EventIsPoison, match="audit_trail cannot take fleet=5"):
            rebuild(database_url, "audit_trail", check=False)
        assert parked() == park
        monkeypatch.setitem(VIEWS, "audit_trail", (AuditTrailProjector, PostgresAuditTrail))
        assert rebuild(database_url, "audit_trail", check=False)
        assert parked() is None
        catch_up_with(at, "audit_trail")
        head = logs[FLEET].head()
    with psycopg.connect(database_url) as connection:
        (count,) = connection.execute("SELECT count(*) FROM audit_trail").fetchone() or ()
    assert count == head


def test_a_new_version_that_cannot_take_an_event_is_parked_and_the_old_rows_stand(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NextRelease(Stumbles):
        version = 2
        at = 5

    stop = threading.Event()

    class StopsThen(parking.Parking):
        def park(self, parked: ProjectionParked) -> None:
            super().park(parked)
            stop.set()

    with recorded(database_url, fleet=FLEET_HISTORY), database(database_url) as opened:
        catch_up_with(opened, "audit_trail")
        monkeypatch.setitem(VIEWS, "audit_trail", (NextRelease, PostgresAuditTrail))
        kept = parking_in(opened)
        renew(database_url, "audit_trail", StopsThen(kept.bus, kept.fleet), stop=stop)
        assert kept.standing("audit_trail") is not None
        with psycopg.connect(database_url) as connection:
            version = (
                "SELECT DISTINCT version FROM view_position WHERE view = 'audit_trail'"
            )
            assert connection.execute(version).fetchall() == [(1,)]


def test_it_is_said_once_that_a_projection_is_parked(database_url: str) -> None:
    parked = ProjectionParked(projection="call_log", log=FLEET, position=1, error="x")
    with database(database_url) as opened:
        kept = parking_in(opened)
        for _ in range(2):
            kept.park(parked)
        assert kept.fleet.head() == 1
        assert kept.holds("call_log")
        for _ in range(2):
            kept.resume("call_log")
        assert kept.fleet.head() == 2
        assert not kept.holds("call_log")
