"""A log with events in it, sealed and signed, and what an attacker could do to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from adapters.postgres.database import Database
from adapters.postgres.sealed_log import PostgresSealedLog
from adapters.sealing import sealer, signer
from adapters.sealing.archive import write_bundle
from adapters.sealing.bundle import WholeLog
from adapters.sealing.sealer import Sealer
from adapters.sealing.signer import Signer
from domain.log import CALLS
from domain.sealing.merkle import leaf_hash
from domain.sealing.tiles import grown
from tests.projections.given import FLEET_HISTORY, OTHER_TEAM, TEAM, calls
from tests.projections.given_logs import record, recorded

Rows = list[tuple[Any, ...]]


def ask(url: str, statement: str, *values: object) -> Rows:
    """As the owner of everything."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


def attack(url: str, *statements: str) -> None:
    """As a superuser to whom no trigger applies."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in statements:
            connection.execute(statement.encode())


def write(url: str, *, some_calls: int = 20, seed: int = 1, fleet: bool = True) -> None:
    """Events of two teams and of none, in both logs."""
    with recorded(url, fleet=FLEET_HISTORY if fleet else []) as logs:
        teams = (TEAM, OTHER_TEAM, TEAM, None)
        for number, happened in enumerate(calls(some_calls, seed)):
            record(logs[CALLS], [happened], teams[number % len(teams)])


@contextmanager
def opened(url: str, role: str) -> Iterator[Database]:
    database = Database(url, role=role, size=2)
    database.open()
    try:
        yield database
    finally:
        database.close()


@contextmanager
def sealing(url: str) -> Iterator[Sealer]:
    with opened(url, sealer.ROLE) as database:
        yield Sealer(database)


def seal_all(url: str) -> int:
    """Everything has its place; how many there are."""
    with sealing(url) as one:
        while one.seal():
            pass
    return int(ask(url, "SELECT size FROM log_state")[0][0])


@contextmanager
def signing(url: str, folder: Path) -> Iterator[Signer]:
    folder.mkdir(mode=0o700, exist_ok=True)
    with opened(url, signer.ROLE) as database:
        yield Signer(PostgresSealedLog(database), folder)


def sign(url: str, folder: Path) -> None:
    """What there is now is signed."""
    with signing(url, folder) as one:
        one.turn()


def export(url: str, out: Path) -> Path:
    """The whole log as an auditor gets it."""
    with opened(url, sealer.ROLE) as database:
        log = WholeLog(database)
        write_bundle(out, checkpoints=log.checkpoint_lines(), events=log.event_lines())
    return out


def kept_note(folder: Path) -> str:
    """The checkpoint that was signed last, as an auditor keeps it."""
    return (folder / "checkpoint").read_text(encoding="utf-8")


TABLES = (
    "fleet_events",
    "calls_events",
    "log_state",
    "log_leaf",
    "log_team",
    "log_tile",
    "log_checkpoint",
)


def back_up(url: str) -> None:
    """All of it, beside it."""
    for table in TABLES:
        attack(url, f"DROP TABLE IF EXISTS old_{table}")
        attack(url, f"CREATE TABLE old_{table} AS TABLE {table}")


def restore(url: str) -> None:
    """Everything is what it was when it was backed up."""
    for table in TABLES:
        attack(url, f"TRUNCATE {table}", f"INSERT INTO {table} SELECT * FROM old_{table}")


def leaves_of(url: str) -> list[dict[str, Any]]:
    rows = ask(url, "SELECT header FROM log_leaf ORDER BY log_index")
    return [json.loads(header) for (header,) in rows]


def whole(url: str) -> int:
    """How many events are sealed, all that the database holds of it being as it must be."""
    rows = ask(url, "SELECT log_index, log, position, header FROM log_leaf ORDER BY 1")
    assert [row[0] for row in rows] == list(range(len(rows)))
    assert ask(url, "SELECT size FROM log_state") == [(len(rows),)]
    for log in ("fleet", "calls"):
        places = [row[2] for row in rows if row[1] == log]
        stored = ask(
            url, f"SELECT notification_id FROM {log}_events ORDER BY notification_id"
        )
        assert places == [place for (place,) in stored][: len(places)]
    hashes = [leaf_hash(row[3]) for row in rows]
    tiles = grown(0, lambda _level, _n: b"", hashes)
    found = ask(url, "SELECT level, n, hashes FROM log_tile ORDER BY 1, 2")
    assert {(level, n): tile for level, n, tile in found} == tiles
    ends: dict[str | None, tuple[int, str | None]] = {}
    for leaf, hashed in zip(leaves_of(url), hashes, strict=True):
        seq, previous = ends.get(leaf["team"], (0, None))
        assert (leaf["team_seq"], leaf["team_previous"]) == (seq + 1, previous)
        ends[leaf["team"]] = (seq + 1, hashed.hex())
    return len(rows)
