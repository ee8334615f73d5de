"""Every answer about usage as a file: it says what the page says."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from pyarrow import parquet

from tests.api.calls import Calls
from tests.api.front import Front

ASKED: list[dict[str, str]] = [
    {"path": "summary"},
    {"path": "trend", "granularity": "day"},
    {"path": "breakdown", "group_by": "vendor"},
]


def rows_of(kind: str, content: bytes) -> list[dict[str, Any]]:
    if kind == "csv":
        text = io.StringIO(content.decode(), newline="")
        return [{k: v or None for k, v in row.items()} for row in csv.DictReader(text)]
    if kind == "ndjson":
        return [flat(json.loads(line)) for line in content.splitlines()]
    rows: list[dict[str, Any]] = parquet.read_table(io.BytesIO(content)).to_pylist()
    return rows


def flat(item: dict[str, Any]) -> dict[str, Any]:
    """The quantiles as columns of their own."""
    found: dict[str, Any] = {}
    for name, value in item.items():
        if name in {"duration_ms", "first_byte_ms"}:
            parts = value or dict.fromkeys(("p50", "p95", "p99"))
            found |= {f"{name}_{part}": one for part, one in parts.items()}
        else:
            found[name] = value
    return found


@pytest.mark.parametrize("kind", ["csv", "ndjson", "parquet"])
def test_a_file_says_what_the_page_says(front: Front, kind: str) -> None:
    account = front.registered()
    Calls(front, account["team"]["id"]).a_day()
    front.system.pump()
    me = front.bearer(account)
    for query in ASKED:
        path = f"/api/usage/{query['path']}"
        params = {name: value for name, value in query.items() if name != "path"}
        page = front.client.get(path, params=params, headers=me)
        items = page.json().get("items", [page.json()])
        file = front.client.get(path, params=params | {"format": kind}, headers=me)
        assert file.headers["x-log-position"] == page.headers["x-log-position"]
        assert f'{query["path"]}.{kind}"' in file.headers["content-disposition"]
        found, expected = rows_of(kind, file.content), [flat(item) for item in items]
        assert len(found) == len(expected) > 0
        for row, item in zip(found, expected, strict=True):
            assert list(row) == list(item)
            for name, value in item.items():
                said = row[name]
                if name == "start" and kind == "parquet":
                    said = said.isoformat().replace("+00:00", "Z")
                assert said == (
                    str(value) if kind == "csv" and value is not None else value
                )


def test_times_are_told_in_quantiles(front: Front) -> None:
    account = front.registered()
    Calls(front, account["team"]["id"]).a_day()
    front.system.pump()
    for path in ("summary", "breakdown?group_by=vendor"):
        answer = front.client.get(f"/api/usage/{path}", headers=front.bearer(account))
        said = answer.json().get("items", [answer.json()])[0]
        assert said["duration_ms"] == {"p50": 2, "p95": 2, "p99": 2}
        assert said["first_byte_ms"] == {"p50": 1, "p95": 1, "p99": 1}
        assert said["errors"] == 0


@pytest.mark.parametrize(
    ("accept", "kind"),
    {
        "text/csv": "text/csv",
        "text/csv, */*": "text/csv",
        "application/json;q=0.5, text/csv": "text/csv",
        "text/csv;q=0.5, application/json": "application/json",
        "text/csv;q=0, */*": "application/json",
        "text/csv; a=b; q=0.2, application/x-ndjson;q=0.3": "application/x-ndjson",
        "text/html, */*;q=0.8": "application/json",
        ",;q=,text/csv;q=x": "text/csv",
    }.items(),
)
def test_the_kind_that_is_liked_best_is_answered(
    front: Front, accept: str, kind: str
) -> None:
    headers = front.someone() | {"Accept": accept}
    answer = front.client.get("/api/usage/calls", headers=headers)
    assert answer.headers["content-type"].partition(";")[0] == kind
