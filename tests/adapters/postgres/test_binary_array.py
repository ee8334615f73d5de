"""PostgreSQL reads back from our arrays what was put into them."""

from __future__ import annotations

import asyncio
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.postgres.binary_array import (
    BinaryArray,
    bigint_array,
    bytea_array,
    register,
    text_array,
    uuid_array,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def read_back(url: str, array: BinaryArray, kind: str) -> list[object]:
    """The elements as the server sees them, in their order."""

    async def ask() -> list[object]:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            register(connection)
            cursor = await connection.execute(
                f"SELECT e FROM unnest(%s::{kind}[]) WITH ORDINALITY AS u (e, n) "
                "ORDER BY n",
                [array],
            )
            return [element for (element,) in await cursor.fetchall()]

    return asyncio.run(ask())


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    uuids=st.lists(st.uuids(), max_size=20),
    numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20),
    texts=st.lists(TEXT, max_size=20),
    blobs=st.lists(st.binary(), max_size=20),
)
def test_what_goes_in_comes_out(
    database_server: str,
    uuids: list[UUID],
    numbers: list[int],
    texts: list[str],
    blobs: list[bytes],
) -> None:
    assert read_back(database_server, uuid_array(uuids), "uuid") == uuids
    assert read_back(database_server, bigint_array(numbers), "bigint") == numbers
    assert read_back(database_server, text_array(texts), "text") == texts
    assert read_back(database_server, bytea_array(blobs), "bytea") == blobs


def test_nothing_in_a_text_is_taken_for_the_arrays_own_marks(database_server: str) -> None:
    texts = ["", "NULL", "null", "{}", '"', "\\", ",", " ", "\u2003", "{{1,2},{3,4}}"]
    assert read_back(database_server, text_array(texts), "text") == texts
