"""Applies the numbered SQL files that a database has not seen yet.

Each file runs in a transaction of its own, together with its row in
`public.schema_migration`, so it is applied whole or not at all. A session advisory lock
lets one process do this at a time (behind a connection pooler use session mode). A file
must not COMMIT, and what cannot run in a transaction cannot be in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import psycopg

from adapters.postgres.unfinished import refuse_unfinished
from domain.errors import BadSetup, Unavailable

_FILES = Path(__file__).parents[2] / "migrations"  # beside the other packages
_FILE_NAME = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")
_LOCK = 0x636C6177_6D696772  # "clawmigr": one key, known to nothing else
_CONNECT_SECONDS = 5

_CREATE_TABLE = """
CREATE TABLE public.schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON public.schema_migration TO PUBLIC;
"""


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One file, as it is on disk."""

    number: int
    name: str
    sql: bytes

    @property
    def sha256(self) -> str:
        return sha256(self.sql).hexdigest()


def migrate(
    database_url: str,
    folder: Path = _FILES,
    *,
    upto: int | None = None,
    restoring: bool = False,
) -> list[str]:
    """Every file up to a number, or all, is applied; answers the names applied now.

    Raises BadSetup when the files and the database contradict each other, a file fails,
    or a restore was begun there (unless it is that), and Unavailable when the database
    does not answer.
    """
    migrations = _read(folder)[:upto]
    with _connected(database_url) as connection, _alone(connection):
        if not restoring:
            refuse_unfinished(connection)
        if not _has_table(connection):
            with connection.transaction():
                connection.execute(_CREATE_TABLE)
        missing = _missing(connection, migrations)
        for migration in missing:
            _apply(connection, migration)
    return [migration.name for migration in missing]


def pending(database_url: str, folder: Path = _FILES) -> list[str]:
    """The names of the files not yet applied, in order; changes nothing, waits for nobody.

    Raises what `migrate` raises. Any role may ask.
    """
    migrations = _read(folder)
    with _connected(database_url) as connection:
        refuse_unfinished(connection)
        if not _has_table(connection):
            return [migration.name for migration in migrations]
        return [migration.name for migration in _missing(connection, migrations)]


def known(folder: Path = _FILES) -> list[Migration]:
    """Every file that this version has, in order."""
    return _read(folder)


def _read(folder: Path) -> list[Migration]:
    migrations = []
    for path in sorted(folder.glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise BadSetup(f"{path.name} is not named like 0001_what.sql")
        migrations.append(
            Migration(number=int(match[1]), name=path.name, sql=path.read_bytes())
        )
    for expected, migration in enumerate(migrations, start=1):
        if migration.number != expected:
            raise BadSetup(
                f"{migration.name} stands where number {expected:04} should: "
                "migrations are numbered from 0001 without gaps or duplicates"
            )
    return migrations


@contextmanager
def _connected(database_url: str) -> Iterator[psycopg.Connection]:
    try:
        connection = psycopg.connect(
            database_url, autocommit=True, connect_timeout=_CONNECT_SECONDS
        )
    except psycopg.ProgrammingError:
        # Without its cause, which quotes what it could not read, password and all.
        raise BadSetup("the database URL cannot be read: check DATABASE_URL") from None
    except psycopg.OperationalError as error:
        raise Unavailable(f"the database does not answer: {error}") from error
    with connection:
        try:
            yield connection
        except psycopg.OperationalError as error:
            raise Unavailable(f"the database did not finish: {error}") from error


@contextmanager
def _alone(connection: psycopg.Connection) -> Iterator[None]:
    """Nobody else migrates this database meanwhile; a lost connection frees it too."""
    connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))


def _has_table(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT to_regclass('public.schema_migration')").fetchone()
    return row is not None and row[0] is not None


def _missing(
    connection: psycopg.Connection, migrations: Sequence[Migration]
) -> list[Migration]:
    query = "SELECT number, name, sha256 FROM public.schema_migration ORDER BY number"
    rows: list[tuple[int, str, str]] = connection.execute(query).fetchall()
    known = {migration.number: migration for migration in migrations}
    for expected, (number, name, applied_hash) in enumerate(rows, start=1):
        migration = known.get(number)
        if migration is None:
            raise BadSetup(
                f"the database has migration {name}, which this version of the code does "
                "not know: run the version that applied it, or a newer one"
            )
        if migration.sha256 != applied_hash:
            raise BadSetup(
                f"{migration.name} differs from what was applied as {name}: restore the "
                "file, and put the change into a new migration"
            )
        if number != expected:
            raise BadSetup(
                f"the database has {name} but not number {expected:04} before it"
            )
    return list(migrations[len(rows) :])


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    row = (migration.number, migration.name, migration.sha256)
    try:
        with connection.transaction():
            connection.execute("SET LOCAL statement_timeout = 0")
            # The row goes first: the file may change the role or the search path.
            connection.execute(
                "INSERT INTO public.schema_migration (number, name, sha256) "
                "VALUES (%s, %s, %s)",
                row,
            )
            connection.execute(migration.sql)
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        raise BadSetup(
            f"{migration.name} failed, and nothing of it was kept: {error}"
        ) from error
    connection.execute("RESET ROLE")
    connection.execute("RESET ALL")
