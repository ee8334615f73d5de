"""PostgreSQL reads back from our arrays what was put into them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.adapt import Transformer

from adapters.postgres.binary_array import (
    bigint_array,
    bytea_array,
    text_array,
    time_array,
    uuid_array,
)
from adapters.postgres.pipeline import Pipeline

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"))


def read_back(url: str, array: bytes, kind: str) -> list[object]:
    """The elements as the server sees them, in their order."""

    query = f"SELECT e FROM unnest($1::{kind}[]) WITH ORDINALITY AS u (e, n) ORDER BY n"

    async def ask() -> list[object]:
        pipeline = await Pipeline.opened(url, {b"ask": query.encode()}, within_seconds=5)
        (rows,) = await pipeline.run((b"ask", [array]))
        pipeline.close()
        reader = Transformer()
        reader.set_pgresult(rows)
        return [element for (element,) in reader.load_rows(0, rows.ntuples, tuple)]

    return asyncio.run(ask())


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    uuids=st.lists(st.uuids(), max_size=20),
    numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20),
    texts=st.lists(TEXT, max_size=20),
    blobs=st.lists(st.binary(), max_size=20),
    times=st.lists(st.datetimes(timezones=st.just(UTC)), max_size=20),
)
def test_what_goes_in_comes_out(
    database_server: str,
    uuids: list[UUID],
    numbers: list[int],
    texts: list[str],
    blobs: list[bytes],
    times: list[datetime],
) -> None:
    assert read_back(database_server, uuid_array(uuids), "uuid") == uuids
    assert read_back(database_server, bigint_array(numbers), "bigint") == numbers
    assert read_back(database_server, text_array(texts), "text") == texts
    assert read_back(database_server, bytea_array(blobs), "bytea") == blobs
    assert read_back(database_server, time_array(times), "timestamptz") == times


def test_nothing_in_a_text_is_taken_for_the_arrays_own_marks(database_server: str) -> None:
    texts = ["", "NULL", "null", "{}", '"', "\\", ",", " ", "\u2003", "{{1,2},{3,4}}"]
    assert read_back(database_server, text_array(texts), "text") == texts
