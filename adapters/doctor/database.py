"""PostgreSQL: that it answers, keeps what it says, is migrated, and fits our key."""

from __future__ import annotations

import psycopg

from adapters import master_key
from adapters.bootstrap.instance import keyring_of
from adapters.doctor.findings import Finding, Findings, failed, fine, warned
from adapters.postgres.migrator import pending
from adapters.settings import Settings
from domain.errors import BadSetup, Unavailable

OLDEST = 15_00_00
TIMEOUT_SECONDS = 5
SAFE = {"fsync": "on", "full_page_writes": "on"}


def look_at_database(settings: Settings, url: str) -> Findings:
    """What it says of itself, and whether our schema and key are its own."""
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=TIMEOUT_SECONDS
        ) as connection:
            yield from _server(connection)
            yield _schema(url)
            yield _key(connection, settings)
    except psycopg.OperationalError:
        yield failed("database", "It does not answer.", "Start it, and check DATABASE_URL.")


def _server(connection: psycopg.Connection) -> Findings:
    version = connection.info.server_version
    said = f"PostgreSQL {version // 10_000}.{version % 10_000} answers."
    if version < OLDEST:
        yield failed("database", said, "Use PostgreSQL 15 or newer.")
    else:
        yield fine("database", said)
    for setting, wanted in SAFE.items():
        if _setting(connection, setting) != wanted:
            advice = f"Set {setting} = {wanted}, or a crash loses what was acknowledged."
            yield failed("durability", f"{setting} is off.", advice)
    commits = _setting(connection, "synchronous_commit")
    if commits in {"off", "local"}:
        # Our own connections ask for `on`; others of the same database might not.
        advice = "Set synchronous_commit = on in postgresql.conf."
        yield warned("durability", f"synchronous_commit is {commits}.", advice)
    if _setting(connection, "data_checksums") != "on":
        advice = "Turn them on with pg_checksums while the server is stopped."
        yield warned("durability", "Data checksums are off.", advice)
    yield _standbys(connection)


def _standbys(connection: psycopg.Connection) -> Finding:
    row = connection.execute("SELECT count(*) FROM pg_stat_replication").fetchone()
    standbys = row[0] if row else 0
    named = _setting(connection, "synchronous_standby_names")
    if standbys and not named:
        advice = (
            "Name one in synchronous_standby_names: a failover would lose the last events."
        )
        return warned("standby", f"{standbys} standbys, none of them synchronous.", advice)
    said = "A standby is synchronous." if named else "One server, no standby."
    return fine("standby", said)


def _schema(url: str) -> Finding:
    missing = pending(url)
    if missing:
        said = f"{len(missing)} migrations are missing, the first is {missing[0]}."
        return failed("schema", said, "Run `clawbot migrate`.")
    return fine("schema", "It is that of this version.")


def _key(connection: psycopg.Connection, settings: Settings) -> Finding:
    try:
        with connection.transaction():
            connection.execute("SET LOCAL ROLE clawbot_api")
            master_key.check(connection, keyring_of(settings))
    except (BadSetup, Unavailable, psycopg.Error) as error:
        said = str(error) if isinstance(error, BadSetup) else "It cannot be checked."
        return failed("vault", said, "Give the master key that this database began with.")
    return fine("vault", "The master key opens it.")


def _setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    return str(row[0]) if row else ""
