"""A vault in PostgreSQL as the processes have it: each role on its own connection."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from adapters import crypto
from adapters.keyring import Keyring
from adapters.master_key import check
from adapters.postgres.open_vault import PostgresOpenVault
from adapters.postgres.vault import PostgresInstanceKeys, PostgresPeople, PostgresVault
from adapters.vault import Envelope
from application.ports import Secret, SecretRef

OLD = {"k1": crypto.sha256(b"the old master key of these tests")}
NEW = {"k2": crypto.sha256(b"the new master key of these tests")}
K1 = Keyring(OLD)

AsyncPool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


@dataclass(frozen=True, kw_only=True)
class Api:
    """The control plane's side; its unit of work is one connection's transaction."""

    connection: psycopg.Connection[DictRow]
    envelope: Envelope
    vault: PostgresVault
    people: PostgresPeople
    keys: PostgresInstanceKeys


@contextmanager
def connected(url: str, role: str | None = None) -> Iterator[psycopg.Connection[DictRow]]:
    """In the role, with rows as the event store's connections make them."""
    options = f"-c role={role}" if role else None
    with psycopg.connect(url, options=options, row_factory=dict_row) as connection:
        yield connection


@contextmanager
def api_on(url: str, keyring: Keyring = K1) -> Iterator[Api]:
    """The control plane, started: commits at the end."""
    with connected(url, "clawbot_api") as connection:
        envelope = Envelope(keyring, check(connection, keyring))
        keys = PostgresInstanceKeys(lambda: connected(url, "clawbot_api"), envelope)
        yield Api(
            connection=connection,
            envelope=envelope,
            vault=PostgresVault(connection.cursor, envelope, keys),
            people=PostgresPeople(connection.cursor, envelope),
            keys=keys,
        )


@asynccontextmanager
async def pool_on(url: str, role: str | None = "clawbot_proxy") -> AsyncIterator[AsyncPool]:
    options = f"-c role={role}" if role else None
    pool: AsyncPool = AsyncConnectionPool(
        url, kwargs={"options": options}, min_size=1, max_size=3, open=False
    )
    async with pool:
        yield pool


async def open_once(url: str, ref: SecretRef, *, keyring: Keyring = K1) -> bytes:
    """What a proxy that has just started gets."""
    with connected(url, "clawbot_proxy") as connection:
        envelope = Envelope(keyring, check(connection, keyring))
    async with pool_on(url) as pool:
        vault = PostgresOpenVault(pool, envelope)
        secret = await vault.open(ref)
        vault.close()
    return secret.reveal()


def a_ref(*, team_id: UUID | None = None) -> SecretRef:
    """A reference to a new provider key."""
    return SecretRef(
        team_id=team_id or uuid4(),
        id=uuid4(),
        version=1,
        purpose="provider_key",
        vendor="openai",
        origin="https://api.openai.com:443",
    )


def others(ref: SecretRef) -> list[SecretRef]:
    """References that differ from it in one thing each."""
    return [
        replace(ref, team_id=uuid4()),
        replace(ref, id=uuid4()),
        replace(ref, version=2),
        replace(ref, purpose="channel"),
        replace(ref, vendor="anthropic"),
        replace(ref, origin="https://api.openai.com:8443"),
        replace(ref, origin="http://api.openai.com:443"),
        replace(ref, vendor=ref.vendor + ref.origin[0], origin=ref.origin[1:]),
    ]


def a_secret(text: str = "sk-test-0123456789abcdef") -> Secret:
    return Secret(text.encode())
