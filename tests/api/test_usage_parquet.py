"""The call log as a Parquet file."""

from __future__ import annotations

import io
from typing import Any

from pyarrow import parquet

from api.exports import PARQUET
from tests.api.calls import Calls
from tests.api.front import Front


def exported(front: Front, headers: dict[str, str], **query: str) -> list[dict[str, Any]]:
    answer = front.client.get(
        "/api/usage/calls", params={"format": "parquet"} | query, headers=headers
    )
    assert answer.headers["content-type"] == PARQUET
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(answer.content)).to_pylist()
    return rows


def test_the_file_says_what_the_page_says(either: Front) -> None:
    account = either.registered()
    Calls(either, account["team"]["id"]).a_day()
    either.system.pump()
    headers = either.bearer(account)
    page = either.client.get("/api/usage/calls", headers=headers).json()["items"]
    rows = exported(either, headers)
    assert [row["call_id"] for row in rows] == [call["call_id"] for call in page]
    assert [row["input_tokens"] for row in rows] == [call["input_tokens"] for call in page]
    assert all(row["admitted_at"].tzinfo is not None for row in rows)


def test_a_file_without_calls_still_has_its_columns(front: Front) -> None:
    me = front.someone()
    assert exported(front, me) == []


def test_a_client_may_ask_for_it_by_its_media_type(front: Front) -> None:
    me = front.someone() | {"Accept": PARQUET}
    answer = front.client.get("/api/usage/calls", headers=me)
    assert answer.content[:4] == answer.content[-4:] == b"PAR1"
