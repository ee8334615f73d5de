"""The migrations runner against a real PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from adapters.postgres.migrator import migrate, pending
from domain.errors import BadSetup, Unavailable
from tests.databases import url_of

ROOT = Path(__file__).parents[2]
FIRST = "CREATE TABLE step (n integer); INSERT INTO step VALUES (1); -- 100 % plain SQL"
SECOND = "INSERT INTO step SELECT max(n) * 10 FROM step"
THIRD = "INSERT INTO step SELECT max(n) + 1 FROM step"
NAMES = ["0001_first.sql", "0002_second.sql", "0003_third.sql"]


@pytest.fixture
def url(database_server: str) -> Iterator[str]:
    """A superuser's URL of an empty database."""
    name = sql.Identifier(database := f"migrations_{uuid4().hex}")
    with psycopg.connect(database_server, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(name))
        yield url_of(database_server, database)
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in zip(NAMES, (FIRST, SECOND, THIRD), strict=True):
        (tmp_path / name).write_text(text)
    return tmp_path


def test_what_is_missing_is_applied_in_order(url: str, folder: Path) -> None:
    assert pending(url, folder) == NAMES
    assert migrate(url, folder) == NAMES
    assert steps(url) == [1, 10, 11]
    assert pending(url, folder) == []


def test_a_second_time_applies_nothing(url: str, folder: Path) -> None:
    migrate(url, folder)
    assert migrate(url, folder) == []
    assert steps(url) == [1, 10, 11]


def test_a_new_file_is_applied_alone(url: str, folder: Path) -> None:
    migrate(url, folder)
    (folder / "0004_more.sql").write_text(THIRD)
    assert pending(url, folder) == ["0004_more.sql"]
    assert migrate(url, folder) == ["0004_more.sql"]
    assert steps(url) == [1, 10, 11, 12]


def test_two_at_once_apply_each_file_once(url: str, folder: Path) -> None:
    (folder / NAMES[1]).write_text(f"SELECT pg_sleep(0.3); {SECOND}")
    together = Barrier(2)

    def run(_: int) -> list[str]:
        together.wait()
        return migrate(url, folder)

    with ThreadPoolExecutor(2) as pool:
        applied = sorted(pool.map(run, range(2)))
    assert applied == [[], NAMES]
    assert steps(url) == [1, 10, 11]


def test_a_changed_file_is_refused(url: str, folder: Path) -> None:
    migrate(url, folder)
    (folder / NAMES[1]).write_text(f"{SECOND};")
    (folder / "0004_more.sql").write_text(THIRD)
    for look in (migrate, pending):
        with pytest.raises(BadSetup, match=r"0002_second\.sql differs"):
            look(url, folder)
    assert steps(url) == [1, 10, 11]


def test_a_database_newer_than_the_code_is_refused(url: str, folder: Path) -> None:
    migrate(url, folder)
    (folder / NAMES[2]).unlink()
    for look in (migrate, pending):
        with pytest.raises(BadSetup, match=r"0003_third\.sql, which this version"):
            look(url, folder)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (NAMES[1], "0004_second.sql", "0003_third.sql stands where number 0002"),
        (NAMES[1], "0001_second.sql", "0001_second.sql stands where number 0002"),
        (NAMES[2], "3_third.sql", "3_third.sql is not named like"),
        (NAMES[0], "0000_first.sql", "0000_first.sql stands where number 0001"),
    ],
)
def test_numbers_have_no_gaps_or_duplicates(
    url: str, folder: Path, old: str, new: str, why: str
) -> None:
    (folder / old).rename(folder / new)
    with pytest.raises(BadSetup, match=why):
        migrate(url, folder)
    assert tables(url) == []


def test_a_file_that_fails_leaves_nothing_of_itself(url: str, folder: Path) -> None:
    (folder / NAMES[1]).write_text("INSERT INTO step VALUES (99); SELECT 1 / 0")
    with pytest.raises(BadSetup, match=r"0002_second\.sql failed.*division by zero"):
        migrate(url, folder)
    assert steps(url) == [1]
    assert pending(url, folder) == NAMES[1:]
    (folder / NAMES[1]).write_text(SECOND)
    assert migrate(url, folder) == NAMES[1:]


def test_a_file_leaves_its_session_settings_behind(url: str, folder: Path) -> None:
    (folder / NAMES[1]).write_text(
        f"{SECOND}; SET search_path TO nowhere; SET ROLE pg_monitor"
    )
    assert migrate(url, folder) == NAMES


def test_any_role_may_ask_what_is_missing(url: str, folder: Path) -> None:
    migrate(url, folder)
    with psycopg.connect(url) as connection:
        connection.execute("SET ROLE pg_monitor")
        asked = connection.execute("SELECT number FROM public.schema_migration ORDER BY 1")
        assert asked.fetchall() == [(1,), (2,), (3,)]


def test_asking_changes_nothing(url: str, folder: Path) -> None:
    pending(url, folder)
    assert tables(url) == []


def test_a_database_that_is_away_is_unavailable(folder: Path, free_port: int) -> None:
    with pytest.raises(Unavailable):
        migrate(f"postgresql://nobody@127.0.0.1:{free_port}/none", folder)


def test_a_url_that_cannot_be_read_is_refused_without_being_shown(folder: Path) -> None:
    password = uuid4().hex
    with pytest.raises(BadSetup) as refused:
        migrate(f"postgresql//clawbot:{password}@", folder)
    assert password not in "".join(traceback.format_exception(refused.value))


def test_the_product_migrates_from_the_command_line(url: str, tmp_path: Path) -> None:
    first, second = command_line(tmp_path, url), command_line(tmp_path, url)
    assert first.stdout.startswith("applied 0001_")
    assert second.stdout == "schema is current (0 applied now)\n"
    assert (first.returncode, second.returncode) == (0, 0)


def test_the_command_line_says_what_is_unset(tmp_path: Path) -> None:
    done = command_line(tmp_path, None)
    assert done.returncode == 2
    assert "DATABASE_URL is not set" in done.stderr
    assert "Traceback" not in done.stderr


def command_line(folder: Path, url: str | None) -> subprocess.CompletedProcess[str]:
    given = {"DATABASE_URL": url} if url else {}
    inherited = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "migrations"],
        env={**inherited, **given, "PYTHONPATH": str(ROOT)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def steps(url: str) -> list[int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT n FROM step ORDER BY n").fetchall()
    return [n for (n,) in rows]


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        return [name for (name,) in connection.execute(query).fetchall()]
