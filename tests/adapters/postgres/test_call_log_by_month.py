"""The call log is kept by months: each row in its own, and all of them asked as one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory_calls import MemoryCallLog
from adapters.months.ahead import MonthsAhead, make_months
from adapters.postgres.analytics_logins import create_login, drop_login
from adapters.postgres.call_views import PostgresCallLog
from adapters.postgres.migrator import migrate
from adapters.rebuild import Difference, rebuild
from domain.calls import CallStatus
from domain.log import CALLS
from domain.teams import TeamCreated
from projections.call_log import CallLogProjector, Group, age
from projections.usage import UsageFilter
from tests.adapters.jobs.given import eventually
from tests.adapters.postgres.test_analytics import asked, nobody
from tests.adapters.sealing.given import ask
from tests.adapters.test_rebuild import catch_up_with
from tests.databases import new_database, url_of
from tests.projections.given import (
    NOON,
    OTHER_TEAM,
    TEAM,
    Happened,
    admitted,
    calls,
    facts,
)
from tests.projections.given_logs import database, memory_logs, record, recorded

SAME = Difference(missing=0, extra=0, samples=())
TEAMS = [(team, [TeamCreated(name="A team")]) for team in (TEAM, OTHER_TEAM)]
WHERE = "SELECT call_id, tableoid::regclass::text FROM call_log"
ROWS = "SELECT to_jsonb(c)::text FROM call_log AS c ORDER BY call_id"
PARTS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits "
    "WHERE inhparent = 'call_log'::regclass"
)
ROLES = "SELECT rolname FROM pg_roles WHERE rolname ~ '^clawbot_[a-z]+$'"
BEFORE = 27  # the last migration without months


def id_in(month: int, number: int) -> UUID:
    """A UUIDv7 of that month of 2026."""
    at = int(datetime(2026, month, 15, tzinfo=UTC).timestamp() * 1000)
    return UUID(int=at << 80 | 7 << 76 | 2 << 62 | number)


def of_months(told: list[Happened]) -> dict[UUID, tuple[UUID, str]]:
    """For each of those calls an id of one of three months, or of none, and its part."""
    found: dict[UUID, tuple[UUID, str]] = {}
    for number, (stream, _) in enumerate(told):
        place = stream, "call_log_other"
        if month := number % 4:
            place = id_in(month, number), f"call_log_2026_0{month}"
        found.setdefault(stream, place)
    return found


CALLED = calls(60)
PLACES = of_months(CALLED)
HISTORY = [(PLACES[stream][0], events) for stream, events in CALLED]
PART_OF = dict(PLACES.values())


@pytest.fixture(scope="module")
def url(database_server: str, migrated_template: str) -> Iterator[str]:
    """A database with calls of months that no part was made for, and the view of them."""
    with new_database(database_server, template=migrated_template) as name:
        filled = url_of(database_server, name)
        with recorded(filled, fleet=TEAMS, calls=HISTORY):
            rebuild(filled, "call_log", check=False)
        yield filled


def test_a_rebuild_puts_each_call_in_its_month(url: str) -> None:
    assert dict(ask(url, WHERE)) == PART_OF
    assert len(set(PART_OF.values())) == 4
    assert rebuild(url, "call_log", check=True) == SAME
    before = ask(url, ROWS)
    ask(url, "UPDATE call_log SET hostname = 'nobody' WHERE call_id < %s", id_in(3, 0))
    ask(url, "DELETE FROM call_log WHERE call_id > %s", id_in(3, 0))
    assert rebuild(url, "call_log", check=False)
    assert (ask(url, ROWS), dict(ask(url, WHERE))) == (before, PART_OF)


def test_a_projector_has_the_part_of_a_month_before_its_first_call(
    database_url: str,
) -> None:
    now = datetime.now(UTC)
    for (part,) in ask(database_url, f"{PARTS} AND inhrelid::regclass::text ~ '[0-9]'"):
        ask(database_url, f"DROP TABLE {part}")
    waits = "SELECT pid FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
    with (
        database(database_url) as opened,
        recorded(database_url) as logs,
        ThreadPoolExecutor(1) as pool,
    ):
        with opened.connection() as rebuilding, rebuilding.transaction():
            make_months(rebuilding)
            made = pool.submit(MonthsAhead(opened).make)
            eventually(lambda: ask(database_url, waits))
        made.result()
        assert len(ask(database_url, PARTS)) == 4  # of three months, and the one that stays
        ((call_id,),) = ask(database_url, "SELECT first_uuid7(now())")
        record(logs[CALLS], [(call_id, [admitted(facts(1))])])
        catch_up_with(opened, "call_log")
    assert ask(database_url, WHERE) == [(call_id, f"call_log_{now:%Y_%m}")]


def test_nobody_gets_past_the_policies_by_naming_a_part(url: str) -> None:
    roles = ask(url, ROLES)
    assert len(roles) >= 8
    with psycopg.connect(url, autocommit=True) as connection:
        for (role,), (part,) in product(roles, ask(url, PARTS)):
            connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(SQL("SELECT FROM {}").format(Identifier(part)))
    seen: LiteralString = "SELECT DISTINCT team_id FROM call_log"
    with database(url, "clawbot_api") as api:
        for team, found in ((TEAM, [(TEAM,)]), (uuid4(), [])):
            with api.team_cursor(team) as cursor:
                assert cursor.execute(seen).fetchall() == found
        with api.cursor() as cursor:
            assert cursor.execute(seen).fetchall() == []


def test_a_login_of_a_team_reads_all_of_its_months(url: str) -> None:
    login = create_login(url, TEAM, nobody)
    try:
        listed = asked(url, login, "SELECT call_id FROM calls ORDER BY 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            asked(url, login, "SELECT FROM public.call_log_2026_01")
    finally:
        drop_login(url, TEAM, nobody)
    ours = ask(url, "SELECT call_id FROM call_log WHERE team_id = %s ORDER BY 1", TEAM)
    assert listed == ours
    assert {PART_OF[call_id] for (call_id,) in ours} == set(PART_OF.values())


def test_what_is_asked_of_all_months_is_what_one_table_would_answer(url: str) -> None:
    log, in_memory = memory_logs()[CALLS], MemoryCallLog()
    record(log, HISTORY)
    catch_up(ViewFollower(CallLogProjector(), in_memory), Reader(log))
    ours = UsageFilter(team_id=TEAM)
    end = NOON + timedelta(minutes=90)
    filters = (
        ours,
        replace(ours, hostname="bot-1", until=end),
        replace(ours, status=CallStatus.ABANDONED),
        replace(ours, since=end, model="gpt-5"),
    )
    with database(url, "clawbot_api") as api:
        stored = PostgresCallLog(api)
        for wanted, upto in product(filters, (None, 20, log.head())):
            then, before = replace(wanted, upto=upto), None
            while True:  # page by page
                page = in_memory.select(then, before=before, limit=5)
                assert stored.select(then, before=before, limit=5) == page
                if not page:
                    break
                before = age(page[-1])
            assert stored.totals(then) == in_memory.totals(then)
            by_model = (view.by_group(then, Group.MODEL) for view in (stored, in_memory))
            assert sorted(next(by_model), key=str) == sorted(next(by_model), key=str)


@pytest.fixture
def plain_owner(database_server: str) -> Iterator[tuple[str, str]]:
    """Name and password of somebody who is no superuser.

    They may become our roles, and see no row of a view until they do.
    """
    name, password = f"owner_{uuid4().hex}", uuid4().hex
    roles = ", ".join(role for (role,) in ask(database_server, ROLES))
    ask(database_server, f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")
    ask(database_server, f"GRANT {roles} TO {name} WITH ADMIN TRUE")
    ask(database_server, f"GRANT clawbot_projector TO {name} WITH INHERIT FALSE")
    yield name, password
    ask(database_server, f"DROP ROLE {name}")


def test_every_row_that_there_was_is_taken_along_to_its_month(
    url: str, database_server: str, plain_owner: tuple[str, str]
) -> None:
    before = ask(url, ROWS)
    one = "INSERT INTO call_log SELECT * FROM jsonb_populate_record(NULL::call_log, %s)"
    with new_database(database_server) as name:
        ask(database_server, f"ALTER DATABASE {name} OWNER TO {plain_owner[0]}")
        there = urlsplit(url_of(database_server, name))
        place = f"{':'.join(plain_owner)}@{there.hostname}:{there.port}"
        as_owner = there._replace(netloc=place).geturl()
        migrate(as_owner, upto=BEFORE)
        for row in before:  # the calls log has none of these months any more
            ask(there.geturl(), one, *row)
        migrate(as_owner)
        assert ask(there.geturl(), ROWS) == before
        assert dict(ask(there.geturl(), WHERE)) == PART_OF
        assert ask(as_owner, ROWS) == [], "it is guarded again"
