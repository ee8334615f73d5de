"""What the role of each process may do with the vault: what it needs, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString
from uuid import uuid4

import pytest
from psycopg import errors

from adapters.postgres.vault import PostgresInstanceKeys
from adapters.vault import KeyPurpose
from domain.errors import Unavailable
from tests.vaults import a_ref, a_secret, api_on, connected


@pytest.mark.parametrize(
    ("role", "purposes"),
    [
        ("clawbot_proxy", {"token", "key-check", "door"}),
        ("clawbot_worker", {"token", "key-check", "door"}),
    ],
)
def test_a_role_reads_the_instance_keys_it_needs_and_makes_none(
    database_url: str, role: str, purposes: set[str]
) -> None:
    all_of_them: tuple[KeyPurpose, ...] = (
        "token",
        "email",
        "sign-in",
        "key-check",
        "door",
    )
    with api_on(database_url) as api:
        theirs = PostgresInstanceKeys(lambda: connected(database_url, role), api.envelope)
        with pytest.raises(Unavailable, match="not there yet"):
            theirs.get("key-check")
        ours = {purpose: api.keys.get(purpose) for purpose in all_of_them}
    for purpose in all_of_them:
        if purpose in purposes:
            assert theirs.get(purpose) == ours[purpose]
        else:
            with pytest.raises(Unavailable):
                theirs.get(purpose)


FORBIDDEN: list[tuple[str, LiteralString]] = [
    ("clawbot_api", "SELECT FROM vault.secret"),
    ("clawbot_api", "SELECT fp FROM vault.secret"),
    ("clawbot_api", "INSERT INTO vault.secret SELECT * FROM vault.secret"),
    ("clawbot_api", "DELETE FROM vault.secret"),
    ("clawbot_api", "UPDATE vault.secret SET origin = 'http://127.0.0.1:80'"),
    ("clawbot_api", "UPDATE vault.instance_key SET purpose = 'x'"),
    ("clawbot_api", "DELETE FROM vault.instance_key"),
    ("clawbot_api", "UPDATE vault.kek SET check_value = ''"),
    ("clawbot_api", "UPDATE vault.instance SET id = gen_random_uuid()"),
    ("clawbot_api", "TRUNCATE vault.person"),
    ("clawbot_api", "CREATE TABLE vault.mine ()"),
    ("clawbot_proxy", "INSERT INTO vault.secret (id) VALUES (gen_random_uuid())"),
    ("clawbot_proxy", "UPDATE vault.secret SET version = 1"),
    ("clawbot_proxy", "DELETE FROM vault.secret"),
    ("clawbot_proxy", "SELECT vault.remove(gen_random_uuid(), gen_random_uuid())"),
    ("clawbot_proxy", "SELECT FROM vault.person"),
    ("clawbot_proxy", "INSERT INTO vault.kek VALUES ('k9', '')"),
    ("clawbot_worker", "DELETE FROM vault.secret"),
    ("clawbot_worker", "UPDATE vault.secret SET purpose = 'channel'"),
    ("clawbot_worker", "SELECT FROM vault.person"),
    ("clawbot_worker", "SELECT vault.remove(gen_random_uuid(), gen_random_uuid())"),
    ("clawbot_projector", "SELECT FROM vault.secret"),
    ("clawbot_projector", "SELECT FROM vault.person"),
    ("clawbot_projector", "SELECT FROM vault.instance_key"),
    ("clawbot_projector", "SELECT FROM vault.kek"),
    ("clawbot_projector", "SELECT FROM vault.instance"),
    ("clawbot_projector", "SELECT vault.keks_in_use()"),
    ("clawbot_projector", "CREATE TABLE public.mine ()"),
]


def test_what_a_role_does_not_need_it_may_not_do(database_url: str) -> None:
    with api_on(database_url) as api:
        api.vault.put(a_ref(), a_secret())
    assert [which for which in FORBIDDEN if may(database_url, *which)] == []


def test_the_worker_sees_what_bots_use_and_no_provider_key(database_url: str) -> None:
    key, channel = a_ref(), replace(a_ref(), id=uuid4(), purpose="channel")
    with api_on(database_url) as api:
        for ref in (key, channel):
            api.vault.put(ref, a_secret())
    with connected(database_url, "clawbot_worker") as worker:
        seen = worker.execute("SELECT id FROM vault.secret").fetchall()
    assert [row["id"] for row in seen] == [channel.id]


def may(url: str, role: str, statement: LiteralString) -> bool:
    with connected(url, role) as connection:
        try:
            connection.execute(statement)
        except errors.InsufficientPrivilege:
            return False
        finally:
            connection.rollback()
    return True
