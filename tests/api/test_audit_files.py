"""The audit trail and the sealed export as files for data tools."""

from __future__ import annotations

import io
import json
from typing import Any

from pyarrow import parquet

from api.cloud_events import cloud_events_table
from tests.api.front import Front
from tests.api.test_audit import with_a_bot


def rows_of(content: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(content)).to_pylist()
    return rows


def test_events_are_exported_as_they_are_listed(either: Front) -> None:
    _, headers = with_a_bot(either)
    with_a_bot(either)  # another team's

    def asked(**query: str) -> Any:
        return either.client.get("/api/audit/events", params=query, headers=headers)

    page = asked().json()["items"]
    lines = asked(format="ndjson").text.splitlines()
    assert [json.loads(line) for line in lines] == page
    rows = rows_of(asked(format="parquet").content)
    assert [json.loads(row.pop("event")) for row in rows] == [one["event"] for one in page]
    for row, one in zip(rows, page, strict=True):
        assert row.pop("at").isoformat().replace("+00:00", "Z") == one["at"]
        assert row == {name: one[name] for name in row}
    (renamed,) = rows_of(asked(format="parquet", type="bot.renamed").content)
    assert renamed["type"] == "bot.renamed"
    assert asked(format="xml").status_code == 422


def test_the_sealed_export_is_a_table_too(front: Front) -> None:
    _, headers = with_a_bot(front)
    file = front.client.get("/api/audit/export?format=parquet", headers=headers)
    assert file.headers["content-type"] == "application/vnd.apache.parquet"
    assert rows_of(file.content) == []


def test_a_row_says_what_its_line_says_and_data_keeps_its_bytes() -> None:
    data = '{"z": 1,"a":"x,\\"data\\":y",  "n":[{}]}'
    event = (
        '{"specversion":"1.0","id":"fleet/7","subject":"a,\\"data\\":b","streamversion":3'
    )
    lines = [
        b'{"specversion":"1.0","id":"checkpoint/9","data":{"key":"k"}}\n',
        f'{event},"logindex":"8","data":{data}}}\n'.encode(),
        b'{"specversion":"1.0","id":"calls/1","data_base64":"AA=="}\n',
    ]
    checkpoint, told, odd = rows_of(b"".join(cloud_events_table(lines)))
    assert checkpoint["data"] == '{"key":"k"}'
    assert (told["data"], told["streamversion"], told["logindex"]) == (data, 3, "8")
    assert told["subject"] == 'a,"data":b'
    assert (odd["data"], odd["data_base64"]) == (None, "AA==")
