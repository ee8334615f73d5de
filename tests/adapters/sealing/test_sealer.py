"""The sealer: every event once, in order, one writer, whatever happens to it."""

from __future__ import annotations

import json
from hashlib import sha256

import psycopg
import pytest

from adapters.postgres.sealed_log import PostgresSealedLog
from adapters.sealing.sealer import ROLE, Sealer
from domain.errors import ConcurrentChange
from domain.sealing.tiles import TreeIsDamaged
from tests.adapters.sealing.given import (
    ask,
    attack,
    leaves_of,
    opened,
    seal_all,
    sealing,
    whole,
    write,
)


def test_every_event_of_both_logs_has_its_place(database_url: str) -> None:
    write(database_url, some_calls=200)
    count = seal_all(database_url)
    assert count == whole(database_url) > 256
    events = ask(database_url, "SELECT count(*) FROM fleet_events")[0][0]
    events += ask(database_url, "SELECT count(*) FROM calls_events")[0][0]
    assert count == events
    (state, header), *_ = ask(
        database_url,
        "SELECT state, header FROM fleet_events JOIN log_leaf "
        "ON log = 'fleet' AND position = notification_id",
    )
    assert json.loads(header)["state"] == sha256(state).hexdigest()


def test_what_comes_later_comes_behind(database_url: str) -> None:
    write(database_url, some_calls=3)
    first = seal_all(database_url)
    before = leaves_of(database_url)
    write(database_url, some_calls=3, seed=2, fleet=False)
    assert seal_all(database_url) > first
    assert leaves_of(database_url)[:first] == before
    assert whole(database_url) > first


def test_a_sealer_that_was_taken_over_from_can_do_no_harm(database_url: str) -> None:
    write(database_url, some_calls=3)
    with sealing(database_url) as old, sealing(database_url) as new:
        assert old.seal() > 0
        write(database_url, some_calls=3, seed=2, fleet=False)
        assert new.seal() > 0
        write(database_url, some_calls=3, seed=3, fleet=False)
        with pytest.raises(ConcurrentChange):
            old.seal()
        assert new.seal() > 0
    whole(database_url)


def test_what_no_form_of_ours_is_sealed_as_well(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO fleet_events (originator_id, originator_version, topic, state) "
            "VALUES (gen_random_uuid(), 1, 'ü', '\\xff00')"
        )
    assert seal_all(database_url) == 1
    (leaf,) = leaves_of(database_url)
    assert (leaf["team"], leaf["topic"]) == (None, "ü")


def test_nothing_is_put_on_top_of_a_damaged_tree(database_url: str) -> None:
    write(database_url, some_calls=3)
    seal_all(database_url)
    attack(database_url, "DELETE FROM log_tile WHERE level = 0")
    write(database_url, some_calls=3, seed=2, fleet=False)
    with sealing(database_url) as sealer, pytest.raises(TreeIsDamaged):
        sealer.seal()


def test_not_even_the_owner_changes_what_is_recorded(database_url: str) -> None:
    columns = {
        "fleet_events": "topic",
        "calls_events": "state",
        "log_leaf": "header",
        "log_checkpoint": "note",
    }
    note = "INSERT INTO log_checkpoint (size, key, note) VALUES (0, 'key', 'note')"
    ask(database_url, note)
    for table, column in columns.items():
        for verb in (
            f"UPDATE {{}} SET {column} = {column}",
            "DELETE FROM {}",
            "TRUNCATE {}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ask(database_url, verb.format(table))


def test_nobody_but_the_sealer_writes_the_tree_and_nobody_takes_away(
    database_url: str,
) -> None:
    roles = ("api", "proxy", "worker", "signer", "sealer")
    tables = ("log_leaf", "log_tile", "log_team", "log_state", "log_checkpoint")
    held = ask(
        database_url,
        "SELECT role, name, privilege FROM unnest(%s::text[]) AS role, "
        "unnest(%s::text[]) AS name, "
        "unnest(array['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege "
        "WHERE has_table_privilege('clawbot_' || role, name, privilege)",
        list(roles),
        list(tables),
    )
    assert set(held) == {
        ("sealer", "log_leaf", "INSERT"),
        ("sealer", "log_tile", "INSERT"),
        ("sealer", "log_tile", "UPDATE"),
        ("sealer", "log_team", "INSERT"),
        ("sealer", "log_team", "UPDATE"),
        ("sealer", "log_state", "UPDATE"),
        ("signer", "log_checkpoint", "INSERT"),
        ("signer", "log_checkpoint", "DELETE"),  # but for the last one of an hour
    }


def test_a_team_reads_its_own_leaves_and_no_others(database_url: str) -> None:
    write(database_url)
    size = seal_all(database_url)
    with opened(database_url, "clawbot_api") as database:
        log = PostgresSealedLog(database)
        with database.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM log_leaf")
            assert cursor.fetchall() == [(0,)]
        teams = {
            team
            for (team,) in ask(
                database_url,
                "SELECT DISTINCT team_id FROM log_leaf WHERE team_id IS NOT NULL",
            )
        }
        for team in teams:
            mine = log.headers(team, after=-1, limit=size)
            assert [json.loads(header)["team_seq"] for _, header in mine] == list(
                range(1, len(mine) + 1)
            )
            assert {json.loads(header)["team"] for _, header in mine} == {str(team)}
            index, header = mine[-1]
            assert log.header(team, index) == header
            assert log.headers(team, after=index, limit=size) == []
            assert [log.header(other, index) for other in teams - {team}] == [None] * (
                len(teams) - 1
            )


def test_a_sealer_begins_without_anything_of_its_own(database_url: str) -> None:
    with opened(database_url, ROLE) as database:
        assert Sealer(database).seal() == 0
