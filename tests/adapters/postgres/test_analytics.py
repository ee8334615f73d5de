"""Schema `analytics`: a team's login sees that team there, and nothing anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest

from adapters.bootstrap.followers import VIEWS, event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.postgres.analytics_logins import (
    Login,
    create_login,
    drop_login,
    login_name,
    rotate_login,
)
from adapters.postgres.recorder import LOCKS
from domain.analytics_logins import (
    AnalyticsLoginCreated,
    AnalyticsLoginDropped,
    AnalyticsLoginEvent,
    AnalyticsLoginRotated,
)
from domain.errors import AlreadyExists, NotFound, Unavailable
from domain.log import FLEET
from domain.teams import TeamCreated
from projections.latency_sketch import NOTHING, sketch_of
from tests.projections.given import FLEET_HISTORY, OTHER_TEAM, TEAM, bot, calls
from tests.projections.given_logs import database, record, recorded

USAGE = tuple(f"usage_by_{step}" for step in ("minute", "hour", "day", "month"))
SEEN = ("calls", *USAGE, "bots", "provider_keys", "audit_events")
NOBODY = UUID(int=0xF)


@pytest.fixture
def url(database_url: str) -> Iterator[str]:
    """A database in which two teams have called; their logins are gone in the end."""
    teams = [(team, [TeamCreated(name="A team")]) for team in (TEAM, OTHER_TEAM)]
    history = [*teams, *FLEET_HISTORY]
    with (
        recorded(database_url, fleet=history, calls=calls(60)) as logs,
        database(database_url) as opened,
    ):
        record(logs[FLEET], [bot(77, OTHER_TEAM)], OTHER_TEAM)
        for projector, view in VIEWS.values():
            for log in projector.logs:
                reader = Reader(event_logs(opened)[log])
                catch_up(ViewFollower(projector(), view(opened)), reader)
    try:
        yield database_url
    finally:
        with psycopg.connect(database_url, autocommit=True) as owner:
            for team in (TEAM, OTHER_TEAM):
                owner.execute(f"DROP ROLE IF EXISTS {login_name(team)}".encode())


def nobody(_: AnalyticsLoginEvent) -> None:
    """Is told of it."""


def asked(url: str, login: Login, statement: str) -> list[tuple[object, ...]]:
    address = f"{login.user}:{login.password}@{login.host}:{login.port}"
    as_login = urlsplit(url)._replace(netloc=address).geturl()
    with psycopg.connect(as_login, autocommit=True) as connection:
        answer = connection.execute(statement.encode())
        return answer.fetchall() if answer.description else []


def expected(url: str, table: str, team: UUID, more: str = "") -> list[tuple[object, ...]]:
    with psycopg.connect(url) as owner:
        statement = f"SELECT count(*) FROM {table} WHERE team_id = %s {more}"
        return owner.execute(statement.encode(), (team,)).fetchall()


def test_each_login_sees_its_own_team_and_may_nothing_else(url: str) -> None:
    logins = {team: create_login(url, team, nobody) for team in (TEAM, OTHER_TEAM)}
    for team, login in logins.items():
        rows = asked(url, login, "SELECT count(*) FROM calls")
        assert rows == expected(url, "call_log", team) != [(0,)]
        for step in USAGE:
            told = asked(url, login, f"SELECT sum(calls), sum(cost_micro_usd) FROM {step}")
            with psycopg.connect(url) as owner:
                sums = owner.execute(
                    "SELECT sum(calls), sum(cost_micro_usd) FROM usage_rollup "
                    "WHERE team_id = %s AND facet = 'all' AND step = 'hour'",
                    (team,),
                ).fetchall()
            assert told == sums
        for view in SEEN:
            assert asked(url, login, f"SELECT count(*) FROM analytics.{view}") != [(0,)]
        assert asked(url, login, "SELECT count(*) FROM positions") == [(6,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            asked(url, login, "SELECT * FROM vault.secret")
        refused(url, login)


def refused(url: str, login: Login) -> None:
    """What would lead out of the schema, or out of the team."""
    tables = (
        "call_log",
        "usage_rollup",
        "usage_rollup_day",
        "fleet_events",
        "vault.secret",
    )
    for table in tables:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            asked(url, login, f"SELECT * FROM public.{table}".replace("public.v", "v"))
    for role in ("clawbot_api", "clawbot_projector", "clawbot_analytics", "postgres"):
        with pytest.raises(psycopg.errors.Error):
            asked(url, login, f"SET ROLE {role}")
    for statement in (
        "SET SESSION AUTHORIZATION clawbot_api",
        "UPDATE calls SET bot = 'x'",
        "SET default_transaction_read_only = off; CREATE TEMP TABLE t (n int)",
        "SET default_transaction_read_only = off; CREATE TABLE analytics.t (n int)",
        "SET default_transaction_read_only = off; CREATE TABLE public.t (n int)",
        "SET default_transaction_read_only = off; SELECT lo_create(0)",
        f"SELECT pg_advisory_lock({LOCKS[FLEET]})",
        "SELECT pg_try_advisory_xact_lock(1, 2)",
        "SELECT pg_logical_emit_message(false, 'a', 'b')",
    ):
        with pytest.raises(psycopg.errors.Error):
            asked(url, login, statement)
    before = asked(url, login, "SELECT count(*) FROM calls")
    team = f"SELECT set_config('clawbot.team_id', '{OTHER_TEAM}', false)"
    with_other = f"SELECT count(*) FROM calls, ({team}) AS t"
    assert asked(url, login, with_other) == before


def test_what_no_login_may_do_our_own_processes_still_can(url: str) -> None:
    create_login(url, TEAM, nobody)
    with recorded(url, fleet=[bot(78, TEAM)], calls=calls(3, seed=78)) as logs:
        assert logs[FLEET].head() > 0


def test_a_login_is_made_once_renewed_and_dropped(url: str) -> None:
    told: list[AnalyticsLoginEvent] = []
    with pytest.raises(NotFound):
        create_login(url, NOBODY, told.append)
    for change in (rotate_login, drop_login):
        with pytest.raises(NotFound):
            change(url, TEAM, told.append)
    first = create_login(url, TEAM, told.append)
    with pytest.raises(AlreadyExists):
        create_login(url, TEAM, told.append)
    second = rotate_login(url, TEAM, told.append)
    assert second.user == first.user
    assert asked(url, second, "SELECT 1") == [(1,)]
    for login, after in ((first, None), (second, drop_login)):
        if after is not None:
            after(url, TEAM, told.append)
        with pytest.raises(psycopg.OperationalError):
            asked(url, login, "SELECT 1")
    create_login(url, TEAM, told.append)
    created = AnalyticsLoginCreated(user=first.user)
    rotated = AnalyticsLoginRotated(user=first.user)
    dropped = AnalyticsLoginDropped(user=first.user)
    assert told == [created, rotated, dropped, created]


def test_what_cannot_be_recorded_is_not_done(url: str) -> None:
    def away(_: AnalyticsLoginEvent) -> None:
        raise Unavailable

    with pytest.raises(Unavailable):
        create_login(url, TEAM, away)
    login = create_login(url, TEAM, nobody)
    with pytest.raises(Unavailable):
        rotate_login(url, TEAM, away)
    with pytest.raises(Unavailable):
        drop_login(url, TEAM, away)
    assert asked(url, login, "SELECT 1") == [(1,)]


def test_every_view_column_and_function_is_explained(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        bare = connection.execute(
            "SELECT c.relname, a.attname FROM pg_class AS c "
            "JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum >= 0 "
            "WHERE c.relnamespace = 'analytics'::regnamespace "
            "AND (col_description(c.oid, a.attnum) IS NULL "
            "OR obj_description(c.oid) IS NULL) UNION ALL "
            "SELECT proname, '' FROM pg_proc "
            "WHERE pronamespace = 'analytics'::regnamespace "
            "AND obj_description(oid, 'pg_proc') IS NULL"
        ).fetchall()
        views = connection.execute(
            "SELECT viewname FROM pg_views WHERE schemaname = 'analytics'"
        ).fetchall()
    assert bare == []
    assert {name for (name,) in views} == {*SEEN, "positions"}


def test_quantiles_are_told_as_we_tell_them(database_url: str) -> None:
    times = [0, 1, 2, 17, 300, 300, 301, 4000, 10**9]
    sketch, shares = sum(map(sketch_of, times), NOTHING), [0.0, 0.5, 0.95, 0.99, 1.0]
    with psycopg.connect(database_url) as connection:
        told = connection.execute(
            "SELECT analytics.quantile_ms((SELECT sum(latency_sketch(ms)) "
            "FROM unnest(%s::bigint[]) AS ms), share) FROM unnest(%s::float8[]) AS share",
            (times, shares),
        ).fetchall()
        (none,) = connection.execute("SELECT analytics.quantile_ms(0, 0.5)").fetchall()
    assert [one for (one,) in told] == sketch.quantiles(shares)
    assert none == (None,)
