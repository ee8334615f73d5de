"""Rebuilds: what differs is found and put right, while the view is in use."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg
import pytest

from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.postgres.database import Database
from adapters.rebuild import Difference, RebuildIsRunning, rebuild, rebuild_views
from domain.errors import BadSetup, Unavailable
from domain.log import CALLS
from tests.projections.given import FLEET_HISTORY, calls
from tests.projections.given_logs import database, record, recorded

SAME = Difference(missing=0, extra=0, samples=())


def catch_up_with(opened: Database, name: str) -> None:
    logs = event_logs(opened)
    projector, view = VIEWS[name]
    for log in projector.logs:
        catch_up(ViewFollower(projector(), view(opened)), Reader(logs[log]))


@pytest.fixture
def live(database_url: str) -> Iterator[psycopg.Connection]:
    """Somebody who may change every table of a database whose views are current."""
    with (
        recorded(database_url, fleet=FLEET_HISTORY, calls=calls(40)),
        database(database_url) as opened,
    ):
        for name in VIEWS:
            catch_up_with(opened, name)
        with psycopg.connect(database_url, autocommit=True) as connection:
            yield connection


def contents(live: psycopg.Connection, name: str) -> list[tuple[object, ...]]:
    return live.execute(
        f"SELECT to_jsonb(t) FROM {name} AS t ORDER BY 1".encode()
    ).fetchall()


def traces(live: psycopg.Connection) -> tuple[int, int]:
    """How many tables and positions rebuilds have left behind."""
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'rebuild'"
    positions = "SELECT count(*) FROM view_position WHERE view LIKE 'rebuild%'"
    (found,) = live.execute(f"SELECT ({tables}), ({positions})".encode()).fetchall()
    return found


def test_untouched_views_are_as_the_logs_say(
    database_url: str, live: psycopg.Connection
) -> None:
    before = {name: contents(live, name) for name in VIEWS}
    told: list[tuple[int, int]] = []
    found = rebuild_views(
        database_url,
        list(VIEWS),
        check=True,
        progress=lambda done, total: told.append((done, total)),
    )
    assert found == dict.fromkeys(VIEWS, SAME)
    assert not any(found.values())
    assert {name: contents(live, name) for name in VIEWS} == before
    assert all(before.values())
    assert told[-1][0] == told[-1][1] > 0
    assert traces(live) == (0, 0)


def spoil(live: psycopg.Connection, name: str) -> None:
    """One row too few, one too many, and one that is otherwise."""
    name = {"usage_rollup": "usage_rollup_hour"}.get(name, name)  # one partition of it
    live.execute(f"DELETE FROM {name} WHERE ctid = (SELECT min(ctid) FROM {name})".encode())
    other_key = {
        "usage_rollup_hour": "model = 'none'",
        "audit_trail": "position = 10000",
        "call_log": "call_id = gen_random_uuid()",
        "key_health": "key_id = gen_random_uuid()",
        "key_ring": "key_id = gen_random_uuid()",
        "key_routes": "key_id = gen_random_uuid()",
        "model_prices": "price_id = gen_random_uuid()",
        "routing_shelves": "team_id = gen_random_uuid()",
        "routing_statistics": "model = 'none'",
        "past_calls": "call_id = gen_random_uuid()",
        "quota_list": "quota_id = gen_random_uuid()",
        "notices": "notice_id = gen_random_uuid()",
        "notice_readers": "user_id = gen_random_uuid()",
    }.get(name, "bot_id = gen_random_uuid()")
    live.execute(f"CREATE TEMP TABLE more AS SELECT * FROM {name} LIMIT 1".encode())
    live.execute(f"UPDATE more SET {other_key}".encode())
    live.execute(f"INSERT INTO {name} SELECT * FROM more".encode())
    change = "version = version + 1"
    if name in {"bot_routes", "call_log", "usage_rollup_hour"}:
        change = "hostname = 'nobody'"
    if name in {"key_routes", "routing_statistics", "past_calls"}:
        change = "vendor = 'nobody'"
    if name == "key_health":
        change = "successes = successes + 1"
    if name == "notices":
        change = "position = position + 1000"
    if name == "notice_readers":
        change = "upto = upto + 1"
    live.execute(
        f"UPDATE {name} SET {change} WHERE ctid = "
        f"(SELECT min(ctid) FROM {name} WHERE NOT {other_key.partition(' ')[0]} IN "
        f"(SELECT {other_key.partition(' ')[0]} FROM more))".encode()
    )
    live.execute("DROP TABLE more")


def test_every_row_that_differs_is_found_by_a_check_and_put_right_by_a_rebuild(
    database_url: str, live: psycopg.Connection
) -> None:
    right = {name: contents(live, name) for name in VIEWS}
    for name in VIEWS:
        spoil(live, name)
    spoilt = {name: contents(live, name) for name in VIEWS}
    checked = rebuild_views(database_url, list(VIEWS), check=True)
    for name, found in checked.items():
        assert (found.missing, found.extra) == (2, 2), name
        assert sorted(sample.split()[0] for sample in found.samples) == [
            "extra",
            "extra",
            "missing",
            "missing",
        ]
    assert {name: contents(live, name) for name in VIEWS} == spoilt
    assert rebuild_views(database_url, list(VIEWS), check=False) == checked
    assert {name: contents(live, name) for name in VIEWS} == right
    assert traces(live) == (0, 0)


def test_ten_samples_are_enough(database_url: str, live: psycopg.Connection) -> None:
    live.execute("DELETE FROM audit_trail")
    found = rebuild(database_url, "audit_trail", check=True)
    assert found.missing > len(found.samples) == 10


def test_a_view_that_lags_is_compared_where_it_is(
    database_url: str, live: psycopg.Connection
) -> None:
    with recorded(database_url, calls=calls(10, seed=5)):
        before = live.execute("SELECT * FROM view_position ORDER BY 1, 2").fetchall()
        for name in ("call_log", "usage_rollup", "audit_trail"):
            assert rebuild(database_url, name, check=True) == SAME
        assert (
            live.execute("SELECT * FROM view_position ORDER BY 1, 2").fetchall() == before
        )


def test_a_view_that_never_ran_is_empty_and_right(database_url: str) -> None:
    with recorded(database_url, fleet=FLEET_HISTORY):
        assert rebuild(database_url, "bot_directory", check=True) == SAME


@pytest.mark.parametrize("name", ["usage_rollup", "audit_trail"])
def test_a_rebuild_and_the_projector_do_not_disturb_each_other(
    name: str, database_url: str, live: psycopg.Connection
) -> None:
    over = threading.Event()
    with recorded(database_url) as logs, database(database_url) as opened:

        def go_on() -> None:
            seed = 100
            while not over.is_set():
                record(logs[CALLS], calls(5, seed))
                catch_up_with(opened, name)
                seed += 1

        projector = threading.Thread(target=go_on)
        projector.start()
        try:
            found = [rebuild(database_url, name, check=bool(n % 2)) for n in range(6)]
        finally:
            over.set()
            projector.join()
        catch_up_with(opened, name)
    assert found == [SAME] * 6
    assert rebuild(database_url, name, check=True) == SAME
    assert traces(live) == (0, 0)


def test_what_a_killed_rebuild_left_is_cleared_by_the_next(
    database_url: str, live: psycopg.Connection
) -> None:
    live.execute("SET ROLE clawbot_projector")
    live.execute("CREATE TABLE rebuild.key_ring (LIKE key_ring INCLUDING ALL)")
    live.execute("INSERT INTO rebuild.key_ring SELECT * FROM key_ring LIMIT 1")
    live.execute("INSERT INTO view_position VALUES ('rebuild:key_ring', 'fleet', 5)")
    live.execute("RESET ROLE")
    assert rebuild(database_url, "key_ring", check=True) == SAME
    assert traces(live) == (0, 0)


def test_one_rebuild_of_a_view_runs_at_a_time(
    database_url: str, live: psycopg.Connection
) -> None:
    inside: list[type[Exception]] = []

    def again(_done: int, _total: int) -> None:
        if not inside:
            with pytest.raises(RebuildIsRunning) as refused:
                rebuild(database_url, "key_ring", check=True)
            inside.append(refused.type)
            assert rebuild(database_url, "bot_routes", check=True) == SAME

    assert rebuild(database_url, "key_ring", check=False, progress=again) == SAME
    assert inside == [RebuildIsRunning]
    assert traces(live) == (0, 0)


def test_a_rebuild_that_breaks_off_leaves_nothing_behind(
    database_url: str, live: psycopg.Connection
) -> None:
    before = contents(live, "key_ring")

    def breaks(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild(database_url, "key_ring", check=False, progress=breaks)
    assert traces(live) == (0, 0)
    assert contents(live, "key_ring") == before


def test_a_month_that_goes_while_a_view_of_calls_is_read_anew_takes_no_row_along(
    database_url: str, live: psycopg.Connection
) -> None:
    before = contents(live, "call_log")

    def goes(_done: int, _total: int) -> None:
        live.execute(
            "INSERT INTO calls_month_detached (month, events, root, first_position, "
            "last_position, last_at) VALUES ('2020-01', 1, '00', 1, 1, now()) "
            "ON CONFLICT DO NOTHING"
        )

    with pytest.raises(Unavailable, match="2020-01"):
        rebuild(database_url, "call_log", check=False, progress=goes)
    assert rebuild(database_url, "key_ring", check=True) == SAME
    assert contents(live, "call_log") == before


def test_a_view_that_there_is_not_is_refused_with_those_there_are(
    database_url: str,
) -> None:
    with pytest.raises(BadSetup, match="audit_trail, bot_directory"):
        rebuild(database_url, "events; DROP TABLE bot_directory", check=True)


def test_a_database_that_is_away_is_named_as_such(free_port: int) -> None:
    with pytest.raises(Unavailable):
        rebuild(f"postgresql://nobody@127.0.0.1:{free_port}/none", "key_ring", check=True)
