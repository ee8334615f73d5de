"""The projector process: current, exactly once, one at a time, back after an outage."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from adapters.bootstrap.followers import VIEWS
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrator import migrate
from adapters.projector import OWNER, UNRUNG_SECONDS
from adapters.rebuild import rebuild
from adapters.resuming import resume
from adapters.settings import Settings
from domain.log import CALLS, FLEET
from tests.adapters.jobs.given import eventually, running, settings_of
from tests.projections.given import REQUESTED, TEAM, bot, calls, key
from tests.projections.given_logs import record, recorded

TAKEN_OVER_SECONDS = 2.0
BACK_SECONDS = 10.0
Process = subprocess.Popen[bytes]


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return settings_of(database_url, tmp_path)


def ask(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def owners(url: str) -> list[int]:
    """The server processes that hold the projector's lock here."""
    held = ask(
        url,
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
        f"AND (classid::bigint << 32) + objid::bigint = {OWNER} AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())",
    )
    return [pid for (pid,) in held]


def hostnames(url: str) -> set[str]:
    return {name for (name,) in ask(url, "SELECT hostname FROM bot_directory")}


def seen(url: str, number: int, seconds: float) -> float:
    """How long it takes a bot that is created now to be in the directory."""
    began = time.monotonic()
    with recorded(url, fleet=[bot(number, TEAM)]):
        eventually(lambda: f"bot-{number}" in hostnames(url), seconds)
    return time.monotonic() - began


def test_views_follow_both_logs_at_once_and_each_month_has_its_part(
    database_url: str, settings: Settings
) -> None:
    part = f"call_log_{datetime.now(UTC):%Y_%m}"
    ask(database_url, f"DROP TABLE {part}")
    with running("projector", settings):
        eventually(lambda: owners(database_url))
        eventually(lambda: ask(database_url, f"SELECT to_regclass('{part}')") != [(None,)])
        seen(database_url, 1, 20)  # all of its parts run by now
        for number in range(2, 6):  # sooner, each time, than it would look by itself
            assert seen(database_url, number, 5) < UNRUNG_SECONDS / 2
        with recorded(database_url) as logs:
            for seed in range(4):
                record(logs[CALLS], calls(5, seed))
                head, began = logs[CALLS].head(), time.monotonic()
                eventually(lambda: position(database_url, "usage_rollup", CALLS) == head)  # noqa: B023
                assert time.monotonic() - began < UNRUNG_SECONDS / 2


def position(url: str, view: str, log: str) -> int:
    found = ask(
        url, f"SELECT position FROM view_position WHERE view = '{view}' AND log = '{log}'"
    )
    return found[0][0] if found else 0


def test_another_takes_over_when_the_owner_is_killed(
    database_url: str, settings: Settings
) -> None:
    with running("projector", settings) as first:
        (owner,) = eventually(lambda: owners(database_url))
        with running("projector", settings):
            seen(database_url, 1, 20)
            time.sleep(3)  # the other is up by now, and stands by
            assert owners(database_url) == [owner]
            first.kill()
            began = time.monotonic()
            eventually(lambda: owners(database_url) not in ([], [owner]))
            assert time.monotonic() - began < TAKEN_OVER_SECONDS
            seen(database_url, 2, 5)


def test_a_projector_that_is_killed_again_and_again_counts_every_call_once(
    database_url: str, settings: Settings
) -> None:
    with recorded(database_url) as logs:
        for seed in range(4):
            with running("projector", settings) as started:
                eventually(lambda: owners(database_url))
                record(logs[CALLS], calls(150, seed))
                if seed < 3:
                    started.kill()
                    started.wait()
                    continue
                head = logs[CALLS].head()
                for name in ("call_log", "usage_rollup", "audit_trail"):
                    eventually(lambda: position(database_url, name, CALLS) == head)  # noqa: B023
    ((ended, counted),) = ask(
        database_url,
        "SELECT (SELECT count(DISTINCT originator_id) FROM calls_events WHERE topic IN "
        "('call.refused', 'call.settled', 'call.abandoned')), "
        "(SELECT sum(calls)::bigint FROM usage_rollup "
        "WHERE facet = 'all' AND step = 'month')",
    )
    assert ended == counted > 400
    for name in ("call_log", "usage_rollup", "audit_trail"):
        assert not rebuild(database_url, name, check=True)


def test_a_requested_check_is_rung_for_and_rung_for_again_after_its_message_is_lost(
    database_url: str, settings: Settings
) -> None:
    waiting = "SELECT message -> 'kwargs' ->> 'key_id' FROM dramatiq.queue"
    with recorded(database_url, fleet=[key(5, TEAM, REQUESTED)]):
        with running("projector", settings):
            rung = eventually(lambda: ask(database_url, waiting))
            assert rung == [(str(UUID(int=5)),)]
            eventually(lambda: position(database_url, "check_requested_keys", FLEET) == 2)
            eventually(lambda: position(database_url, "key_ring", FLEET) == 2)
        ask(database_url, "DELETE FROM dramatiq.queue")
        with running("projector", settings):
            assert eventually(lambda: ask(database_url, waiting)) == rung


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_projector_that_is_told_to_stop_ends_well(
    number: signal.Signals, database_url: str, settings: Settings
) -> None:
    with running("projector", settings) as started:
        seen(database_url, 1, 20)
        started.send_signal(number)
        assert started.wait(5) == 0
    assert owners(database_url) == []


def test_a_follower_that_cannot_take_an_event_is_parked_alone_until_it_is_resumed(
    database_url: str, settings: Settings
) -> None:
    parked = "SELECT state FROM fleet_events WHERE topic = 'projection.parked'"
    with running("projector", settings):
        seen(database_url, 1, 20)
        ask(database_url, "ALTER TABLE bot_directory RENAME COLUMN name TO called")
        with recorded(database_url, fleet=[bot(2, TEAM)]) as logs:
            poison = logs[FLEET].head()
            ((state,),) = eventually(lambda: ask(database_url, parked), 20)
            assert b'"projection":"bot_directory"' in state
            told = logs[FLEET].head()  # that it is parked stands in the log as well
            eventually(lambda: position(database_url, "audit_trail", FLEET) == told)
            eventually(lambda: position(database_url, "look_after_bots", FLEET) == told)
            assert position(database_url, "bot_directory", FLEET) < poison
            ask(database_url, "ALTER TABLE bot_directory RENAME COLUMN called TO name")
            was = resume(database_url, "bot_directory")
            assert was is not None
            assert was.position == poison
            eventually(lambda: "bot-2" in hostnames(database_url))
            assert resume(database_url, "bot_directory") is None


def test_an_unmigrated_database_is_refused(database_url: str, settings: Settings) -> None:
    ask(database_url, "DELETE FROM schema_migration WHERE number = 5")
    with running("projector", settings) as started:
        assert started.wait(20) == 1


@pytest.fixture
def own_server() -> Iterator[EmbeddedPostgres]:
    """A server that a test may stop."""
    folder = Path(tempfile.mkdtemp(prefix="clawbot-test-"))
    folder.chmod(0o755)
    try:
        with EmbeddedPostgres(folder / "postgres") as server:
            migrate(server.start())
            yield server
    finally:
        shutil.rmtree(folder)


def test_a_database_that_was_away_is_followed_again_within_ten_seconds(
    own_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    url = own_server.url
    with running("projector", settings_of(url, tmp_path)) as started:
        seen(url, 1, 20)
        own_server.stop()
        time.sleep(6)
        assert started.poll() is None
        assert own_server.start() == url
        assert seen(url, 2, BACK_SECONDS) < BACK_SECONDS
        assert started.poll() is None
    assert {name: rebuild(url, name, check=True).extra for name in VIEWS} == dict.fromkeys(
        VIEWS, 0
    )
