"""This instance's database: where it is, that it is migrated, and that our keys fit it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import psycopg

from adapters import master_key
from adapters.keyring import Keyring
from adapters.postgres.database import Database
from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrator import migrate, pending
from adapters.postgres.vault import PostgresInstanceKeys
from adapters.settings import Settings
from adapters.vault import Envelope, KeyPurpose
from domain.errors import BadSetup, Unavailable


@contextmanager
def database_of(settings: Settings) -> Iterator[str]:
    """The database's URL: `DATABASE_URL`, or that of our own server, started if need be.

    A server that `clawbot up` runs is used and left running.
    """
    if settings.database_url:
        yield settings.database_url
        return
    with EmbeddedPostgres(postgres_folder(settings)) as server:
        yield server.start()


def postgres_folder(settings: Settings) -> Path:
    """Where our own server keeps everything."""
    return settings.clawbot_data_dir / "postgres"


def key_file(settings: Settings) -> Path:
    """Where `clawbot up` writes the master key if none is given."""
    return settings.clawbot_data_dir / "master.key"


def keyring_of(settings: Settings) -> Keyring:
    """The keyring of the settings, or the one that `clawbot up` wrote; `BadSetup`."""
    return master_key.load(_with_own_key(settings))


def master_key_text(settings: Settings) -> str:
    """The same keyring, as it is written down."""
    return master_key.text_of(_with_own_key(settings))


def _with_own_key(settings: Settings) -> Settings:
    given = settings.bot_master_key or settings.bot_master_key_file
    if given or not key_file(settings).exists():
        return settings
    return settings.model_copy(update={"bot_master_key_file": key_file(settings)})


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A process's database and what its master key opens there."""

    database: Database
    envelope: Envelope
    instance_keys: PostgresInstanceKeys


def open_instance(settings: Settings, url: str, *, role: str, size: int = 8) -> Opened:
    """The database under a role, once it is sure that schema and key fit; `BadSetup`."""
    refuse_unmigrated(url)
    keyring = keyring_of(settings)
    database = Database(url, role=role, size=size)
    database.open()
    try:
        with database.connection() as connection:
            envelope = Envelope(keyring, master_key.check(connection, keyring))
    except (BadSetup, Unavailable):
        database.close()
        raise
    return Opened(
        database=database,
        envelope=envelope,
        instance_keys=PostgresInstanceKeys(database.connection, envelope),
    )


def refuse_unmigrated(url: str) -> None:
    """`BadSetup` if the database is behind this version of the code, or ahead of it."""
    missing = pending(url)
    if missing:
        msg = f"The database lacks {', '.join(missing)}: run `clawbot migrate` first."
        raise BadSetup(msg)


def prepare(settings: Settings, url: str) -> list[str]:
    """Migrate, check the master key, and make this instance's own keys if there are none.

    Answers the names of the migrations that were applied.
    """
    keyring = keyring_of(settings)
    applied = migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET ROLE clawbot_api")
        master_key.check(connection, keyring)
    opened = open_instance(settings, url, role="clawbot_api", size=1)
    try:
        for purpose in get_args(KeyPurpose):
            opened.instance_keys.get(purpose)
    finally:
        opened.database.close()
    return applied
