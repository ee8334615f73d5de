"""PostgreSQL for tests: one server a session, one fresh migrated database a test.

The server is our own embedded one, or the one whose superuser's URL stands in
CLAWBOT_TEST_DATABASE_URL. A database is a copy of a template that was migrated once.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.embedded import EmbeddedPostgres
from adapters.postgres.migrator import migrate


@pytest.fixture(scope="session")
def database_server() -> Iterator[str]:
    """The URL of a superuser on a PostgreSQL that tests may fill and break."""
    given = os.environ.get("CLAWBOT_TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="clawbot-test-"))
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
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield name
    finally:
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(drop.format(sql.Identifier(name)))
