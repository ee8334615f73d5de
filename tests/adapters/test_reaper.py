"""The reaper: calls of a process that died are ended, all others are left alone."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.bootstrap.followers import event_logs
from adapters.postgres.call_lease import LEASE_SECONDS
from adapters.postgres.database import Database
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrator import migrate
from adapters.postgres.reaper import Reaper
from application.event_log import EventLog
from domain.calls import CallAbandoned
from domain.events import Event
from domain.log import CALLS
from domain.usage import UsageSource
from tests.projections.given import TEAM, admitted, facts, settled
from tests.projections.given_logs import database, record, recorded

DEAD, ALIVE = UUID(int=0xDEAD), UUID(int=0xA11E)


@dataclass(frozen=True)
class Scene:
    """A calls log with a reaper at it."""

    url: str
    log: EventLog
    reaper: Reaper

    def call(self, process: UUID, *more: Event, counted: bool = True) -> UUID:
        call_id = uuid4()
        first = admitted(facts(), process=process, counted=counted)
        record(self.log, [(call_id, [first, *more])])
        return call_id

    def lease(self, process: UUID, *, ends_in: float, open_since: int = 0) -> None:
        self.execute(
            "INSERT INTO call_lease (process_id, ends_at, open_since) "
            "VALUES (%s, now() + make_interval(secs => %s), %s) "
            "ON CONFLICT (process_id) DO UPDATE SET ends_at = excluded.ends_at",
            process,
            ends_in,
            open_since,
        )

    def leases(self) -> list[UUID]:
        return [row[0] for row in self.execute("SELECT process_id FROM call_lease")]

    def execute(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            cursor = connection.execute(statement.encode(), values)
            return cursor.fetchall() if cursor.description else []

    def ends(self, call_id: UUID) -> list[Event]:
        return [recorded.event for recorded in self.log.history(call_id)[1:]]


@pytest.fixture
def scene(database_url: str) -> Iterator[Scene]:
    with recorded(database_url) as logs, database(database_url) as opened:
        scene = Scene(database_url, logs[CALLS], reaper_on(opened))
        up = "SELECT extract(epoch FROM now() - pg_postmaster_start_time())::float"
        ((seconds,),) = scene.execute(up)
        time.sleep(max(0.0, LEASE_SECONDS + 0.1 - seconds))
        yield scene


def reaper_on(opened: Database) -> Reaper:
    return Reaper(opened, event_logs(opened)[CALLS])


def test_the_open_calls_of_a_dead_process_are_abandoned_once(scene: Scene) -> None:
    open_call = scene.call(DEAD)
    ended = scene.call(DEAD, settled(facts()))
    scene.lease(DEAD, ends_in=-1)
    assert scene.reaper.reap() == 1
    assert scene.reaper.reap() == 0
    (end,) = scene.ends(open_call)
    assert isinstance(end, CallAbandoned)
    assert (end.usage.input_tokens, end.usage.output_tokens) == (25, None)
    assert end.usage.source is UsageSource.ESTIMATED
    assert [event.TOPIC for event in scene.ends(ended)] == ["call.settled"]
    last = scene.log.history(open_call)[-1]
    assert (last.actor, last.team_id) == ("system:reaper", TEAM)
    assert last.causation_id == f"call:{open_call}:1"


def test_what_is_not_counted_is_abandoned_without_an_estimate(scene: Scene) -> None:
    call_id = scene.call(DEAD, counted=False)
    scene.lease(DEAD, ends_in=-1)
    scene.reaper.reap()
    (end,) = scene.ends(call_id)
    assert isinstance(end, CallAbandoned)
    assert (end.usage.input_tokens, end.usage.source) == (None, UsageSource.NONE)


def test_the_calls_of_the_living_are_left_alone(scene: Scene) -> None:
    call_id = scene.call(ALIVE)
    scene.call(DEAD)
    scene.lease(ALIVE, ends_in=5)
    scene.lease(DEAD, ends_in=-1)
    assert scene.reaper.reap() == 1
    assert scene.ends(call_id) == []


def test_more_calls_than_fit_into_a_page_are_all_ended(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.postgres.reaper.PAGE", 3)
    open_calls = [scene.call(DEAD) for _ in range(10)]
    scene.lease(DEAD, ends_in=-1)
    assert scene.reaper.reap() == 10
    assert all(len(scene.ends(call_id)) == 1 for call_id in open_calls)


def test_an_admission_that_comes_after_the_end_of_its_lease_is_found_too(
    scene: Scene,
) -> None:
    scene.lease(DEAD, ends_in=-1)
    assert scene.reaper.reap() == 0
    call_id = scene.call(DEAD)  # its statement was under way when the lease ended
    assert scene.reaper.reap() == 1
    assert len(scene.ends(call_id)) == 1


def test_a_lease_is_forgotten_an_hour_after_its_end(scene: Scene) -> None:
    scene.lease(DEAD, ends_in=-3599)
    scene.reaper.reap()
    assert scene.leases() == [DEAD]
    scene.lease(DEAD, ends_in=-3601)
    scene.reaper.reap()
    assert scene.leases() == []


def test_after_a_start_of_the_database_every_process_has_a_lease_to_come_back() -> None:
    folder = Path(tempfile.mkdtemp(prefix="clawbot-test-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder / "postgres") as server:
            migrate(server.start())
            server.stop()
            url = server.start()
            started = time.monotonic()
            with recorded(url) as logs, database(url) as opened:
                scene = Scene(url, logs[CALLS], reaper_on(opened))
                call_id = scene.call(DEAD)
                scene.lease(DEAD, ends_in=-1)
                assert scene.reaper.reap() == 0
                assert scene.ends(call_id) == []
                time.sleep(max(0.0, started + LEASE_SECONDS + 0.5 - time.monotonic()))
                assert scene.reaper.reap() == 1
    finally:
        shutil.rmtree(folder)
