"""Logins for a team's own tools: each reads schema `analytics` of its team, and no more.

A login is a role named after its team, which is what row-level security goes by: whoever
has it can neither take another team nor become another role. Its password is made here,
reaches the server as a SCRAM verifier only, and is shown once. Each change is told of, to
be recorded, before it is committed.

By PostgreSQL's own rules every login may take advisory locks, which the logs are written
under, and may store large objects. Nobody but our own roles may, where a login is.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from adapters.postgres.database import Connection
from domain.analytics_logins import (
    AnalyticsLoginCreated,
    AnalyticsLoginDropped,
    AnalyticsLoginEvent,
    AnalyticsLoginRotated,
)
from domain.errors import AlreadyExists, BadSetup, NotFound, Unavailable

GROUP = "clawbot_analyst"
# What PUBLIC may call otherwise: what the logs are written under, and what fills a disk.
OURS_ONLY: LiteralString = """
DO $$
DECLARE
    named regprocedure;
BEGIN
    FOR named IN SELECT oid FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
        AND (proname ~ '^pg_(try_)?advisory_(xact_)?lock' OR proname IN (
            'lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message'))
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO clawbot_api, clawbot_proxy, '
                       'clawbot_projector, clawbot_worker, clawbot_sealer, clawbot_signer',
                       named);
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', named);
    END LOOP;
END
$$
"""
MAY_LOCK = "SELECT has_function_privilege(%s, 'pg_advisory_lock(bigint)', 'execute')"
CONNECTIONS = 5
SETTINGS = {
    "search_path": "analytics",
    "default_transaction_read_only": "on",
    "statement_timeout": "2min",
    "idle_in_transaction_session_timeout": "1min",
}


Tell = Callable[[AnalyticsLoginEvent], object]  # records it, or raises


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a tool is given to connect with."""

    user: str
    password: str
    host: str
    port: int
    database: str


def login_name(team_id: UUID) -> str:
    """The role's name: migration 0025 reads the team out of it."""
    return f"clawbot_bi_{team_id.hex}"


def create_login(url: str, team_id: UUID, tell: Tell) -> Login:
    """A login for the team. `NotFound`: no such team; `AlreadyExists`: it has one."""
    with _owner(url) as connection:
        _known(connection, team_id)
        if _exists(connection, team_id):
            msg = "the team has a login: rotate its password, or drop it"
            raise AlreadyExists(msg)
        _keep_out(connection)
        role = Identifier(login_name(team_id))
        connection.execute(
            SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT {} IN ROLE {}").format(
                role, Literal(CONNECTIONS), Identifier(GROUP)
            )
        )
        for name, value in SETTINGS.items():
            _set(connection, role, name, value)
        # Whoever makes a role may not end its sessions but as a member of it.
        connection.execute(SQL("GRANT {} TO CURRENT_USER").format(role))
        login = _with_password(connection, team_id)
        tell(AnalyticsLoginCreated(user=login.user))
        return login


def rotate_login(url: str, team_id: UUID, tell: Tell) -> Login:
    """Another password, and none but it; sessions that run are ended. `NotFound`."""
    with _owner(url) as connection:
        _require(connection, team_id)
        login = _with_password(connection, team_id)
        tell(AnalyticsLoginRotated(user=login.user))
        _end_sessions(connection, team_id)
        return login


def drop_login(url: str, team_id: UUID, tell: Tell) -> None:
    """The login is gone, and so are its sessions. `NotFound` if there is none."""
    with _owner(url) as connection:
        _require(connection, team_id)
        role = Identifier(login_name(team_id))
        connection.execute(SQL("ALTER ROLE {} NOLOGIN").format(role))
        _end_sessions(connection, team_id)
        connection.execute(SQL("DROP OWNED BY {}").format(role))
        connection.execute(SQL("DROP ROLE {}").format(role))
        tell(AnalyticsLoginDropped(user=login_name(team_id)))


@contextmanager
def _owner(url: str) -> Iterator[Connection]:
    """The database's owner, in one transaction; `BadSetup` if it may not make roles."""
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege as error:
        msg = f"The owner of the database may not do that: {error.diag.message_primary}."
        raise BadSetup(msg) from error
    except psycopg.OperationalError as error:
        msg = "the database does not answer"
        raise Unavailable(msg) from error


def _keep_out(connection: Connection) -> None:
    """What every login may do in a database, none of these may do here.

    Nobody but the projector, which compares in one, makes temporary tables.
    """
    database = Identifier(connection.info.dbname)
    for statement in (
        SQL("GRANT TEMPORARY ON DATABASE {} TO clawbot_projector"),
        SQL("REVOKE TEMPORARY ON DATABASE {} FROM PUBLIC"),
    ):
        connection.execute(statement.format(database))
    if _may_lock(connection):
        connection.execute(OURS_ONLY)
    if _may_lock(connection):
        msg = (
            "A login could hold up every call with pg_advisory_lock, and the owner of this "
            "database may not forbid it: let a superuser own the database."
        )
        raise BadSetup(msg)


def _may_lock(connection: Connection) -> bool:
    return connection.execute(MAY_LOCK, (GROUP,)).fetchone() == (True,)


def _known(connection: Connection, team_id: UUID) -> None:
    row = connection.execute(
        "SELECT FROM fleet_events WHERE originator_id = %s AND originator_version = 1 "
        "AND topic = 'team.created'",
        (team_id,),
    ).fetchone()
    if row is None:
        msg = "there is no such team"
        raise NotFound(msg)


def _exists(connection: Connection, team_id: UUID) -> bool:
    row: tuple[Any, ...] | None = connection.execute(
        "SELECT FROM pg_roles WHERE rolname = %s", (login_name(team_id),)
    ).fetchone()
    return row is not None


def _require(connection: Connection, team_id: UUID) -> None:
    if not _exists(connection, team_id):
        msg = "the team has no login"
        raise NotFound(msg)


def _with_password(connection: Connection, team_id: UUID) -> Login:
    user, password = login_name(team_id), secrets.token_urlsafe(32)
    verifier = connection.pgconn.encrypt_password(
        password.encode(), user.encode(), b"scram-sha-256"
    )
    connection.execute(
        SQL("ALTER ROLE {} PASSWORD {}").format(
            Identifier(user), Literal(verifier.decode())
        )
    )
    info = connection.info
    return Login(
        user=user, password=password, host=info.host, port=info.port, database=info.dbname
    )


def _set(connection: Connection, role: Identifier, name: str, value: str) -> None:
    statement: Composed = SQL("ALTER ROLE {} SET {} = {}").format(
        role, Identifier(name), Literal(value)
    )
    connection.execute(statement)


def _end_sessions(connection: Connection, team_id: UUID) -> None:
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s",
        (login_name(team_id),),
    )
