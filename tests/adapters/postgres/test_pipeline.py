"""The connection for prepared statements: one transaction at a time, or an error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
import uvloop

from adapters.postgres.binary_array import bigint
from adapters.postgres.pipeline import Pipeline

pytestmark = pytest.mark.anyio

STATEMENTS = {
    b"make": b"CREATE TABLE made (n bigint PRIMARY KEY, filling text)",
    b"put": b"INSERT INTO made SELECT $1::bigint, repeat('x', $2::int) RETURNING n",
    b"count": b"SELECT count(*) FROM made",
    b"echo": b"SELECT $1::bytea",
    b"sleep": b"SELECT pg_sleep(30)",
    b"begin": b"BEGIN",
    b"rollback": b"ROLLBACK",
}


@asynccontextmanager
async def connected(url: str, *names: bytes) -> AsyncIterator[Pipeline]:
    statements = {name: STATEMENTS[name] for name in names}
    pipeline = await Pipeline.opened(url, statements, within_seconds=5)
    try:
        yield pipeline
    finally:
        pipeline.close()


@asynccontextmanager
async def with_table(url: str) -> AsyncIterator[Pipeline]:
    async with connected(url, b"make") as pipeline:
        await pipeline.run((b"make", ()))
    names = (b"put", b"count", b"echo", b"begin", b"rollback")
    async with connected(url, *names) as pipeline:
        yield pipeline


def end_sessions(url: str) -> None:
    """All but this one are told that they end."""
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def put(number: int) -> tuple[bytes, list[bytes]]:
    return b"put", [bigint(number), (3).to_bytes(4, "big")]


async def count(pipeline: Pipeline) -> int:
    (rows,) = await pipeline.run((b"count", ()))
    return int.from_bytes(rows.get_value(0, 0) or b"", "big")


async def test_what_runs_at_once_is_one_transaction(database_url: str) -> None:
    async with with_table(database_url) as pipeline:
        first, second, all_of_them = await pipeline.run(put(1), put(2), (b"count", ()))
        assert (first.get_value(0, 0), second.get_value(0, 0)) == (bigint(1), bigint(2))
        assert all_of_them.get_value(0, 0) == bigint(2)
        with pytest.raises(psycopg.errors.UniqueViolation, match="made_pkey"):
            await pipeline.run(put(3), put(2), put(4))
        assert await count(pipeline) == 2


async def test_what_is_asked_meanwhile_is_a_transaction_of_its_own(
    database_url: str,
) -> None:
    async with with_table(database_url) as pipeline:
        asked = (put(1),), (put(2), put(1)), (put(3),), (put(3),), (put(4),)
        answers = await asyncio.gather(
            *(pipeline.run(*steps) for steps in asked), return_exceptions=True
        )
        refused = [isinstance(one, psycopg.errors.UniqueViolation) for one in answers]
        assert refused == [False, True, False, True, False]
        assert await count(pipeline) == 3


async def test_a_transaction_of_several_round_trips_has_the_connection_to_itself(
    database_url: str,
) -> None:
    async with with_table(database_url) as pipeline:
        before = asyncio.create_task(pipeline.run(put(1)))
        await asyncio.sleep(0)
        async with pipeline.taken() as run:
            assert before.done()
            await run((b"begin", ()), put(2))
            meanwhile = [asyncio.create_task(count(pipeline)) for _ in range(2)]
            (rows,) = await run((b"count", ()))
            assert rows.get_value(0, 0) == bigint(2)
            await run((b"rollback", ()))
            assert not any(one.done() for one in meanwhile)
        assert await asyncio.gather(*meanwhile) == [1, 1]


async def test_all_who_wait_hear_that_the_connection_is_lost(database_url: str) -> None:
    async with connected(database_url, b"sleep") as pipeline:
        asked = [asyncio.create_task(pipeline.run((b"sleep", ()))) for _ in range(3)]
        await asyncio.sleep(0.1)
        end_sessions(database_url)
        for one in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(one, psycopg.OperationalError)
        assert pipeline.closed


async def test_more_than_the_socket_takes_at_once_goes_both_ways(database_url: str) -> None:
    large = bytes(range(256)) * 40_000
    async with with_table(database_url) as pipeline:
        (rows,) = await pipeline.run((b"echo", [large]))
        assert rows.get_value(0, 0) == large
        first, second = await pipeline.run((b"echo", [large]), (b"echo", [b"small"]))
        assert (first.get_value(0, 0), second.get_value(0, 0)) == (large, b"small")


async def test_a_statement_that_lasts_is_cut(database_url: str) -> None:
    async with connected(database_url, b"sleep") as pipeline:
        with pipeline.closed_after(0.1), pytest.raises(psycopg.OperationalError):
            await pipeline.run((b"sleep", ()))
        assert pipeline.closed
        with pytest.raises(psycopg.OperationalError):
            await pipeline.run((b"sleep", ()))


async def test_a_connection_whose_caller_gave_up_is_closed(database_url: str) -> None:
    async with connected(database_url, b"sleep") as pipeline:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await pipeline.run((b"sleep", ()))
        assert pipeline.closed


async def test_a_connection_that_is_lost_while_nobody_waits_is_known_to_be(
    database_url: str,
) -> None:
    async with connected(database_url, b"sleep") as pipeline:
        end_sessions(database_url)
        for _ in range(500):
            if pipeline.closed:
                break
            await asyncio.sleep(0.01)
        assert pipeline.closed


def test_what_runs_as_the_server_ends_fails_at_once_in_the_loop_that_proxies_run_in(
    database_url: str,
) -> None:
    async def fails_at_once() -> None:
        async with connected(database_url, b"sleep") as pipeline:
            end_sessions(database_url)
            time.sleep(0.01)  # noqa: ASYNC251  # the end has come, and nobody looked
            with pytest.raises(psycopg.OperationalError):
                async with asyncio.timeout(1):
                    await pipeline.run((b"sleep", ()))

    for _ in range(10):
        uvloop.run(fails_at_once())


async def test_an_error_while_it_is_prepared_is_raised(database_url: str) -> None:
    with pytest.raises(psycopg.errors.SyntaxError):
        await Pipeline.opened(database_url, {b"wrong": b"SELEC"}, within_seconds=5)
