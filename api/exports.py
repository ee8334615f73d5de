"""Calls as CSV, lines of JSON or Parquet, page by page: an export stays small in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel

from api.parquet import parquet_of
from api.usage_shapes import CallOut
from projections.call_log import CallRow

AT_A_TIME = 1000
PARQUET = "application/vnd.apache.parquet"
TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "parquet": PARQUET,
}
Kind = Literal["csv", "ndjson", "parquet"]

Place = tuple[datetime, UUID]
Headers = dict[str, str]
Pages = Iterable[list[CallOut]]
SelectCalls = Callable[[Place | None, int], list[CallRow]]


def wanted_format(
    asked: Literal["json", "csv", "ndjson", "parquet"] | None, accept: str
) -> Kind | None:
    """The export that is asked for by `?format=` or `Accept`; None: a page of JSON."""
    if asked is not None:
        return None if asked == "json" else asked
    return _ACCEPTED.get(accept.partition(";")[0].strip().lower())


def exported(select: SelectCalls, kind: Kind, headers: dict[str, str]) -> StreamingResponse:
    """Every call that matches, newest first."""
    return StreamingResponse(
        _WRITERS[kind](_all(select)),
        media_type=TYPES[kind],
        headers=headers | {"Content-Disposition": f'attachment; filename="calls.{kind}"'},
    )


def listed(
    items: Sequence[BaseModel], kind: Literal["csv", "ndjson"], name: str, headers: Headers
) -> Response:
    """A short list in one piece."""
    if kind == "ndjson":
        text = "".join(f"{item.model_dump_json()}\n" for item in items)
    else:
        rows = [item.model_dump(mode="json") for item in items]
        names = list(rows[0]) if rows else []
        text = _rows([names, *(row.values() for row in rows)]) if rows else ""
    disposition = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return Response(text, media_type=TYPES[kind], headers=headers | disposition)


def _all(select: SelectCalls) -> Iterator[list[CallOut]]:
    before: Place | None = None
    while rows := select(before, AT_A_TIME):
        yield [CallOut.model_validate(row) for row in rows]
        before = rows[-1].admitted_at, rows[-1].call_id


def _ndjson(pages: Iterable[list[CallOut]]) -> Iterator[str]:
    for page in pages:
        yield "".join(call.model_dump_json() + "\n" for call in page)


def _csv(pages: Iterable[list[CallOut]]) -> Iterator[str]:
    yield _rows([list(CallOut.model_fields)])
    for page in pages:
        yield _rows(call.model_dump(mode="json").values() for call in page)


_WRITERS: dict[Kind, Callable[[Pages], Iterator[str] | Iterator[bytes]]] = {
    "csv": _csv,
    "ndjson": _ndjson,
    "parquet": parquet_of,
}
_ACCEPTED: dict[str, Kind] = {"text/csv": "csv", PARQUET: "parquet"}


def _rows(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """As it is, but never the start of a formula: spreadsheets run those."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return value
