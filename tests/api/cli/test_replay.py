"""`clawbot replay`: what was recorded of one thing, and what it led to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from adapters.event_store import EventMapper
from adapters.postgres.database import Database
from adapters.postgres.recorder import PostgresRecorder
from application.event_log import Caller, EventLog, acting
from domain.bot_events import BotRenamed, BotTagged
from domain.bots import Bot
from domain.ids import TeamId
from domain.log import FLEET
from tests.api.cli.running import Shell

BY = Caller(actor="user:ada", team_id=TeamId(uuid4()))


@pytest.fixture
def stream_id(database_url: str) -> UUID:
    """A bot with two events; the first is no creation, which a replay does not mind."""
    stream_id = uuid4()
    database = Database(database_url, role="clawbot_api", size=1)
    database.open()
    try:
        log = EventLog(FLEET, PostgresRecorder(database, FLEET), EventMapper())
        with acting(BY), database.unit_of_work():
            events = [BotRenamed(name="Ada"), BotTagged(tags=("[red]a",))]
            log.append(log.begin(Bot(), stream_id), events)
    finally:
        database.close()
    return stream_id


def test_each_event_is_shown_with_the_state_after_it(
    shell: Shell, database_url: str, stream_id: UUID
) -> None:
    ran = shell.run("replay", "bot", str(stream_id), "--json", DATABASE_URL=database_url)
    assert ran.code == 0
    first, second = ran.document["items"]
    assert (first["type"], first["actor"]) == ("bot.renamed", "user:ada")
    assert first["event"] == {"name": "Ada"}
    assert (first["state"]["name"], first["state"]["tags"]) == ("Ada", [])
    assert (second["version"], second["state"]["tags"]) == (2, ["[red]a"])


def test_people_get_a_table_in_which_nothing_is_markup(
    shell: Shell, database_url: str, stream_id: UUID
) -> None:
    ran = shell.run("replay", "bot", str(stream_id), DATABASE_URL=database_url)
    assert ran.code == 0
    assert ran.out.startswith(f"bot {stream_id}\n")
    for shown in ("bot.renamed", "bot.tagged", "user:ada", "name: Ada", "tags: ['[red]a']"):
        assert shown in ran.out


def test_a_time_bounds_what_is_shown(
    shell: Shell, database_url: str, stream_id: UUID
) -> None:
    bot, now = str(stream_id), datetime.now(UTC)
    later, earlier = now + timedelta(minutes=1), now - timedelta(minutes=1)
    ran = shell.run(
        "replay", "bot", bot, "--at", later.isoformat(), DATABASE_URL=database_url
    )
    assert ran.code == 0
    naive = earlier.replace(tzinfo=None).isoformat()
    for moment in (earlier.isoformat(), naive):
        ran = shell.run("replay", "bot", bot, "--at", moment)
        assert ran.code == 1
        assert f"No bot {bot} is recorded by " in ran.err


def test_what_has_changed_since_a_position_is_shown(
    shell: Shell, database_url: str, stream_id: UUID
) -> None:
    bot = str(stream_id)
    ran = shell.run("replay", "bot", bot, "--since", "fleet=1", DATABASE_URL=database_url)
    assert ran.code == 0
    for shown in ("/tags/0", "None", "[red]a", "bot.tagged"):
        assert shown in ran.out
    assert "bot.renamed" not in ran.out
    ran = shell.run("replay", "bot", bot, "--since", "calls=1")
    assert (ran.code, "is of another log" in ran.err) == (2, True)


def test_the_answer_about_something_unknown_is_no(shell: Shell, database_url: str) -> None:
    unknown = str(uuid4())
    ran = shell.run("replay", "call", unknown, DATABASE_URL=database_url)
    assert ran.code == 1
    assert ran.err == f"clawbot: No call {unknown} is recorded.\n"
    assert not ran.out


def test_a_stream_of_another_kind_is_unknown(
    shell: Shell, database_url: str, stream_id: UUID
) -> None:
    ran = shell.run("replay", "team", str(stream_id), DATABASE_URL=database_url)
    assert ran.code == 1


def test_an_unknown_kind_is_wrong_use_and_the_known_ones_are_listed(shell: Shell) -> None:
    ran = shell.run("replay", "robot", str(uuid4()))
    assert ran.code == 2
    assert ran.err.startswith("clawbot: There is no kind robot; there are bot, ")
