"""How far views, copies and the sealer are behind, and who stands still."""

from __future__ import annotations

import psycopg

from adapters.bootstrap.followers import event_logs
from adapters.parking import parking_in
from adapters.readiness import DatabaseReadiness
from application.readiness import Dependency, Look
from domain.log import CALLS, FLEET
from domain.parking import ProjectionParked
from tests.adapters.sealing.given import seal_all
from tests.adapters.test_rebuild import catch_up_with
from tests.projections.given import TEAM, bot, calls
from tests.projections.given_logs import database, record, recorded

AGO = (
    "INSERT INTO fleet_events (originator_id, originator_version, topic, state) VALUES "
    "(gen_random_uuid(), 1, 'bot.deleted', convert_to(json_build_object('at', "
    "to_char(now() AT TIME ZONE 'UTC' - interval '1 minute', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS+00:00'))::text, 'UTF8'))"
)


def look(url: str) -> Look:
    with database(url, "clawbot_api") as api:
        return DatabaseReadiness(api, event_logs(api)).look()


def test_lag_is_told_in_positions_and_in_seconds(database_url: str) -> None:
    with recorded(database_url, fleet=[bot(1, TEAM)], calls=calls(3)) as logs:
        head = logs[CALLS].head()
        with database(database_url) as projector:
            catch_up_with(projector, "bot_directory")
            catch_up_with(projector, "audit_trail")
        seal_all(database_url)
        with psycopg.connect(database_url) as connection:
            connection.execute(AGO.encode())
            connection.execute(
                "INSERT INTO view_position VALUES ('rebuild:call_log', 'calls', 1)"
            )
        found = look(database_url)
    assert found.dependencies == (Dependency(name="database", ready=True),)
    views = {(lag.name, lag.log): lag for lag in found.views}
    assert views.keys() == {
        ("bot_directory", FLEET),
        ("audit_trail", FLEET),
        ("audit_trail", CALLS),
    }
    late = views["bot_directory", FLEET]
    assert late.behind == 1
    assert 60 <= late.seconds < 120
    current = views["audit_trail", CALLS]
    assert (current.behind, current.seconds) == (0, 0)
    (copy,) = found.copies
    assert (copy.name, copy.log, copy.behind) == ("call_log", CALLS, head - 1)
    assert copy.seconds < 60
    sealed = {lag.log: lag for lag in found.sealing}
    assert (sealed[CALLS].behind, sealed[FLEET].behind) == (0, 1)
    assert 60 <= sealed[FLEET].seconds < 120


def test_an_event_that_says_nothing_of_when_it_was_recorded_has_no_age(
    database_url: str,
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO fleet_events (originator_id, originator_version, topic, state) "
            "VALUES (gen_random_uuid(), 1, 'x', '\\xff')"
        )
    fleet, _ = sorted(look(database_url).sealing, key=lambda lag: -lag.behind)
    assert (fleet.behind, fleet.seconds) == (1, 0)


def test_who_is_parked_is_told(database_url: str) -> None:
    with recorded(database_url, calls=calls(2)) as logs, database(database_url) as opened:
        catch_up_with(opened, "call_log")
        parked = ProjectionParked(projection="call_log", log=CALLS, position=9, error="x")
        parking_in(opened).park(parked)
        record(logs[FLEET], [bot(1, TEAM)])
        assert look(database_url).parked == [parked]
        parking_in(opened).resume("call_log")
        assert look(database_url).parked == []
