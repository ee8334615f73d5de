"""`clawbot quota verify` on a real database."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest

from adapters.bootstrap.followers import event_logs
from adapters.postgres.database import Database
from domain.log import CALLS
from tests.api.cli.running import Shell
from tests.held_calls import HeldCalls, quota_of

QUOTA = UUID(int=7)


@pytest.fixture
def instance(database_url: str) -> Iterator[str]:
    """A database in which calls were held and settled, and the balance stands."""
    proxy = Database(database_url, role="clawbot_proxy", size=1)
    proxy.open()
    try:
        calls = HeldCalls(event_logs(proxy)[CALLS], QUOTA, quota_of(uuid4()))
        calls.used(30)
        calls.admitted(5)
        with proxy.cursor() as cursor:
            cursor.execute(
                "INSERT INTO quota_balance VALUES (%s, %s, NULL, 30, 5)",
                (QUOTA, calls.window[0]),
            )
        yield database_url
    finally:
        proxy.close()


def test_balances_that_are_right_are_said_to_be(shell: Shell, instance: str) -> None:
    ran = shell.run("quota", "verify", DATABASE_URL=instance)
    assert (ran.code, ran.out) == (0, "1 balances are what the log says at calls=3.\n")
    told = shell.run("quota", "verify", "--json")
    assert told.code == 0
    assert told.document == {"position": 3, "windows": 1, "differing": []}


def test_a_balance_that_was_meddled_with_is_named(shell: Shell, instance: str) -> None:
    with psycopg.connect(instance) as connection:
        connection.execute("UPDATE quota_balance SET settled = 29")
    ran = shell.run("quota", "verify", DATABASE_URL=instance)
    assert ran.code == 1
    first, second = ran.out.splitlines()
    assert first == "1 of 1 balances differ from the log at calls=3:"
    assert second == (
        f"  quota {QUOTA}, window from 1970-01-01T00:00:00+00:00: settled 29, held 5; "
        "the log says settled 30, held 5"
    )
    told = shell.run("quota", "verify", "--json")
    assert told.code == 1
    (one,) = told.document["differing"]
    assert one["quota_id"] == str(QUOTA)
    assert (one["in_table"]["settled"], one["in_log"]["settled"]) == (29, 30)


def test_a_balance_that_was_deleted_is_missed(shell: Shell, instance: str) -> None:
    with psycopg.connect(instance) as connection:
        connection.execute("DELETE FROM quota_balance")
    ran = shell.run("quota", "verify", DATABASE_URL=instance)
    assert ran.code == 1
    assert "settled 0, held 0; the log says settled 30, held 5" in ran.out


def test_what_differs_much_is_counted(shell: Shell, instance: str) -> None:
    with psycopg.connect(instance) as connection:
        connection.execute(
            "INSERT INTO quota_balance SELECT gen_random_uuid(), now(), NULL, 1, 0 "
            "FROM generate_series(1, 25)"
        )
    ran = shell.run("quota", "verify", DATABASE_URL=instance)
    assert ran.code == 1
    assert "25 of 26 balances differ" in ran.out
    assert ran.out.endswith("  and 5 more (--json has them all)\n")
