"""The proxy's side of the vault: what it opens, what it refuses, and what it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from adapters.memory_vault import MemoryVault
from adapters.postgres.open_vault import PostgresOpenVault
from adapters.vault import Envelope
from application.ports import Secret, SecretRef
from domain.errors import Unavailable
from tests.vaults import K1, AsyncPool, a_ref, a_secret, api_on, connected, others, pool_on

pytestmark = pytest.mark.anyio

SECRET = b"sk-test-0123456789abcdef"


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """A proxy on a database that holds one secret."""

    ref: SecretRef
    url: str
    pool: AsyncPool
    envelope: Envelope

    def vault(self, *, seconds: float = 60, secrets: int = 1_000) -> PostgresOpenVault:
        return PostgresOpenVault(
            self.pool, self.envelope, kept_seconds=seconds, kept_secrets=secrets
        )

    def asked(self) -> int:
        """How often the pool was asked for a connection."""
        return self.pool.get_stats().get("requests_num", 0)

    def put(self, *refs: SecretRef) -> None:
        with api_on(self.url) as api:
            for ref in refs:
                api.vault.put(ref, a_secret())

    def shred(self) -> None:
        with api_on(self.url) as api:
            api.vault.remove(self.ref.team_id, self.ref.id)


@asynccontextmanager
async def proxy_on(url: str, role: str | None = "clawbot_proxy") -> AsyncIterator[Proxy]:
    with api_on(url) as api:
        envelope = api.envelope
    async with pool_on(url, role) as pool:
        proxy = Proxy(ref=a_ref(), url=url, pool=pool, envelope=envelope)
        proxy.put(proxy.ref)
        yield proxy


async def test_a_secret_does_not_open_under_any_other_reference(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with proxy_on(database_url) as proxy:
        memory = MemoryVault()
        memory.put(proxy.ref, a_secret())
        for ref in others(proxy.ref):
            caplog.clear()
            with pytest.raises(Unavailable, match=r"^the secret does not open$"):
                await proxy.vault().open(ref)
            (record,) = caplog.records
            assert (record.message, vars(record)["id"]) == (
                "vault.open_failed",
                str(ref.id),
            )
            with pytest.raises(Unavailable, match=r"^the secret does not open$"):
                await memory.open(ref)
        assert (await memory.open(proxy.ref)).reveal() == SECRET
        assert (await proxy.vault().open(proxy.ref)).reveal() == SECRET


def changed_bit(value: Any, position: float) -> Any:
    """The value with one bit changed, at a share of its length."""
    if isinstance(value, int):
        return value ^ (1 << int(position * 8))
    raw = value.bytes if isinstance(value, UUID) else value
    if isinstance(raw, str):
        raw = raw.encode()
        bit = int(position * len(raw)) * 8  # the lowest bit of a character: still text
    else:
        bit = int(position * len(raw) * 8)
    changed = (int.from_bytes(raw, "little") ^ (1 << bit)).to_bytes(len(raw), "little")
    if isinstance(value, UUID):
        return UUID(bytes=changed)
    return changed.decode() if isinstance(value, str) else changed


BOUND = ("id", "version", "team_id", "purpose", "vendor", "origin")
SEALED = ("kek_id", "wrap_nonce", "wrapped_dek", "nonce", "ct", "commitment")


async def test_a_record_with_a_bit_changed_in_any_column_does_not_open(
    database_url: str,
) -> None:
    # As the owner, without constraints: it is the seal that has to refuse.
    async with proxy_on(database_url, None) as proxy:
        with connected(database_url) as owner:
            for constraint in ("purpose_check", "version_check", "kek_id_fkey"):
                name = sql.Identifier(f"secret_{constraint}")
                owner.execute(
                    sql.SQL("ALTER TABLE vault.secret DROP CONSTRAINT {}").format(name)
                )
            before = owner.execute("SELECT * FROM vault.secret").fetchone()
        assert before is not None
        opened = []
        for column, position in product(BOUND + SEALED, (0.01, 0.3, 0.62, 0.99)):
            changed = changed_bit(before[column], position)
            store(database_url, column, changed)
            refs = [proxy.ref]
            if column in BOUND:  # somebody who also changed what we look for
                refs.append(replace(proxy.ref, **{column: changed}))
            opened += [(column, position) for ref in refs if await opens(proxy, ref)]
            store(database_url, column, before[column])
        assert opened == []
        assert await opens(proxy, proxy.ref)


async def opens(proxy: Proxy, ref: SecretRef) -> bool:
    try:
        await proxy.vault().open(ref)
    except Unavailable as refusal:
        return str(refusal) != "the secret does not open"
    return True


def store(url: str, column: str, value: object) -> None:
    statement = sql.SQL("UPDATE vault.secret SET {} = %s").format(sql.Identifier(column))
    with connected(url) as owner:
        owner.execute(statement, (value,))


async def test_the_sealed_part_of_one_row_does_not_open_in_another(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with proxy_on(database_url) as proxy:
        other = a_ref(team_id=proxy.ref.team_id)
        proxy.put(other)
        with connected(database_url) as owner:
            columns = sql.SQL(", ").join(map(sql.Identifier, SEALED))
            theirs = sql.SQL(", ").join(sql.Identifier("o", name) for name in SEALED)
            owner.execute(
                sql.SQL(
                    "UPDATE vault.secret AS s SET ({}) = ROW({}) FROM vault.secret AS o "
                    "WHERE s.id = %s AND o.id = %s"
                ).format(columns, theirs),
                (other.id, proxy.ref.id),
            )
        with pytest.raises(Unavailable, match="does not open"):
            await proxy.vault().open(other)
        fields = vars(caplog.records[-1])
        assert (fields["id"], fields["version"], fields["kek_id"]) == (
            str(other.id),
            1,
            "k1",
        )
        assert SECRET.decode() not in caplog.text


async def test_callers_at_the_same_moment_share_one_query(database_url: str) -> None:
    async with proxy_on(database_url) as proxy:
        vault, before = proxy.vault(), proxy.asked()
        secrets = await asyncio.gather(*(vault.open(proxy.ref) for _ in range(50)))
        assert {secret.reveal() for secret in secrets} == {SECRET}
        assert proxy.asked() == before + 1
        await vault.open(proxy.ref)
        assert proxy.asked() == before + 1
        vault.close()


async def test_a_caller_that_gives_up_or_wipes_hurts_nobody_else(database_url: str) -> None:
    async with proxy_on(database_url) as proxy:
        vault = proxy.vault()
        first = asyncio.create_task(vault.open(proxy.ref))
        second = asyncio.create_task(vault.open(proxy.ref))
        await asyncio.sleep(0)
        first.cancel()
        (await second).wipe()
        (await vault.open(proxy.ref)).wipe()
        assert (await vault.open(proxy.ref)).reveal() == SECRET
        vault.close()


async def test_a_failure_is_not_kept(database_url: str) -> None:
    async with proxy_on(database_url) as proxy:
        vault, ref = proxy.vault(), a_ref()
        with pytest.raises(Unavailable):
            await vault.open(ref)
        proxy.put(ref)
        assert (await vault.open(ref)).reveal() == SECRET
        vault.close()


async def test_a_secret_is_used_from_memory_until_its_time_is_over(
    database_url: str,
) -> None:
    async with proxy_on(database_url) as proxy:
        vault = proxy.vault(seconds=0.5)
        await vault.open(proxy.ref)
        proxy.shred()
        assert (await vault.open(proxy.ref)).reveal() == SECRET
        await asyncio.sleep(0.6)
        assert vault.kept == 0
        with pytest.raises(Unavailable):
            await vault.open(proxy.ref)


async def test_a_forgotten_secret_is_read_again_at_once(database_url: str) -> None:
    async with proxy_on(database_url) as proxy:
        vault = proxy.vault()
        await vault.open(proxy.ref)
        proxy.shred()
        vault.forget(uuid4())
        assert (await vault.open(proxy.ref)).reveal() == SECRET
        vault.forget(proxy.ref.id)
        with pytest.raises(Unavailable):
            await vault.open(proxy.ref)


async def test_what_is_forgotten_while_it_is_read_is_not_kept(database_url: str) -> None:
    async with proxy_on(database_url) as proxy:
        vault = proxy.vault()
        with connected(database_url) as owner:
            owner.execute("LOCK TABLE vault.secret IN ACCESS EXCLUSIVE MODE")
            reading = asyncio.create_task(vault.open(proxy.ref))
            await asyncio.sleep(0.1)
            vault.forget(proxy.ref.id)
        assert (await reading).reveal() == SECRET
        proxy.shred()
        with pytest.raises(Unavailable):
            await vault.open(proxy.ref)


async def test_no_more_secrets_are_kept_than_allowed_and_the_oldest_goes(
    database_url: str,
) -> None:
    async with proxy_on(database_url) as proxy:
        second, third = a_ref(), a_ref()
        proxy.put(second, third)
        vault = proxy.vault(secrets=2)
        for ref in (proxy.ref, second, third):
            await vault.open(ref)
        asked = proxy.asked()
        await vault.open(third)
        await vault.open(second)
        assert (vault.kept, proxy.asked()) == (2, asked)
        await vault.open(proxy.ref)
        assert (vault.kept, proxy.asked()) == (2, asked + 1)
        vault.close()
        assert vault.kept == 0


async def test_a_database_that_does_not_answer_is_no_broken_secret(
    free_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
        f"postgresql://127.0.0.1:{free_port}/none", timeout=0.2, open=False
    )
    async with pool:
        vault = PostgresOpenVault(pool, Envelope(K1, uuid4()))
        with pytest.raises(Unavailable, match="does not answer"):
            await vault.open(a_ref())
    assert "vault.open_failed" not in caplog.text


def test_a_secret_can_only_be_revealed_on_purpose() -> None:
    secret = Secret(SECRET)
    assert SECRET.decode() not in f"{secret} {secret!r} {secret:>40}"
    secret.wipe()
    assert secret.reveal() == bytes(len(SECRET))
