"""`clawbot rebuild` and `clawbot migrate`, on real databases."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from adapters.postgres.migrator import migrate
from tests.api.cli.running import A_KEY, Shell
from tests.databases import url_of


def test_a_view_that_is_what_its_logs_say_is_fine(shell: Shell, database_url: str) -> None:
    ran = shell.run("rebuild", "call_log", "--check", DATABASE_URL=database_url)
    assert ran.code == 0
    assert ran.out == "call_log is what its logs say.\n"


@pytest.mark.parametrize("check", [True, False])
def test_a_difference_is_shown_and_put_right_unless_only_checked(
    shell: Shell, database_url: str, *, check: bool
) -> None:
    spoil(database_url)
    options = ["--check"] if check else []
    ran = shell.run("rebuild", "bot_directory", *options, DATABASE_URL=database_url)
    assert ran.code == 1
    assert "bot_directory differs: 0 rows missing, 1 extra." in ran.out
    again = shell.run("rebuild", "bot_directory", "--check", "--json")
    assert again.code == int(check)
    assert (again.document["view"], again.document["extra"]) == (
        "bot_directory",
        int(check),
    )


def test_all_views_are_read_together(shell: Shell, database_url: str) -> None:
    spoil(database_url)
    ran = shell.run("rebuild", "--all", DATABASE_URL=database_url)
    assert ran.code == 1
    assert "bot_directory differs: 0 rows missing, 1 extra." in ran.out
    assert "call_log is what its logs say.\n" in ran.out
    assert shell.run("rebuild", DATABASE_URL=database_url).code == 2


def test_an_unknown_view_is_wrong_use_and_the_known_ones_are_listed(
    shell: Shell, database_url: str
) -> None:
    ran = shell.run("rebuild", "nothing", DATABASE_URL=database_url)
    assert ran.code == 2
    assert "There is no view nothing; there are audit_trail, bot_directory, " in ran.err


def test_migrate_says_what_it_applied(shell: Shell, database_server: str) -> None:
    name = f"clawbot_test_{uuid4().hex}"
    with psycopg.connect(database_server, autocommit=True) as admin:
        admin.execute(f'CREATE DATABASE "{name}"')
        try:
            told = {
                "DATABASE_URL": url_of(database_server, name),
                "BOT_MASTER_KEY": A_KEY,
            }
            first = shell.run("migrate", "--json", **told)
            assert first.code == 0
            assert first.document["applied"][0] == "0001_roles.sql"
            assert shell.run("migrate").out == "The schema is current, 0 applied now.\n"
            assert migrate(told["DATABASE_URL"]) == []
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def spoil(url: str) -> None:
    """A row that no event led to is in the view."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO bot_directory VALUES (gen_random_uuid(), gen_random_uuid(), "
            "'ada', 'Ada', 'external', '[]', '[]', now(), 1)"
        )
