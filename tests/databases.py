"""PostgreSQL for tests: one server a session, one fresh migrated database a test.

The server is our own embedded one, or the one whose superuser's URL stands in
CLAWBOT_TEST_DATABASE_URL. A database is a copy of a template that was migrated once.

Ours is kept in memory where there is room: making and removing the files of a database a
test took a third of the whole run. Soaks, which measure, have it on the disk.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrator import migrate

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30  # for a server for each of three workers, with all the log it may keep
IN_MEMORY = (
    not os.environ.get("CLAWBOT_SOAK")
    and MEMORY.is_dir()
    and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
)
# What is copied as files is not written to the log as well, but the disk is waited for.
STRATEGY: LiteralString = "file_copy" if IN_MEMORY else "wal_log"


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The URL of a superuser on a PostgreSQL that tests may fill and break."""
    given = os.environ.get("CLAWBOT_TEST_DATABASE_URL")
    if given:
        yield given
        return
    memory = MEMORY if IN_MEMORY else None
    folder = Path(tempfile.mkdtemp(prefix="clawbot-test-", dir=memory))
    folder.chmod(0o755)  # run by root, the server is another user and must get in
    server = EmbeddedPostgres(folder / "postgres")
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_template(database_server: str) -> Iterator[str]:
    """The name of a database with every migration applied, for copying."""
    with new_database(database_server) as name:
        migrate(url_of(database_server, name))
        yield name


@pytest.fixture
def database_url(database_server: str, migrated_template: str) -> Iterator[str]:
    """A superuser's URL of a fresh, fully migrated database, gone after the test."""
    with new_database(database_server, template=migrated_template) as name:
        yield url_of(database_server, name)


def url_of(server: str, database: str) -> str:
    """The same server and user, another database."""
    return urlsplit(server)._replace(path=f"/{database}").geturl()


@contextmanager
def new_database(server: str, *, template: str = "template1") -> Iterator[str]:
    """The name of a database that is gone in the end; an empty one by default."""
    name = f"clawbot_test_{uuid4().hex}"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY " + STRATEGY)
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(drop.format(sql.Identifier(name)))
