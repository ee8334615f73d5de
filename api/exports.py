"""Lists as CSV, lines of JSON or Parquet, page by page: an export stays small in memory."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from api.columns import cells_of, columns_of
from api.parquet import parquet_of

AT_A_TIME = 1000
MOST_TYPES = 20
PARQUET = "application/vnd.apache.parquet"
NDJSON = "application/x-ndjson"
Kind = Literal["csv", "ndjson", "parquet"]
Format = Literal["json", "csv", "ndjson", "parquet"]
TYPES: dict[Kind, str] = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": NDJSON,
    "parquet": PARQUET,
}
EXPORTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {}, NDJSON: {}, PARQUET: {}}}
}

# What spreadsheets take for the start of a formula (OWASP, CSV Injection), full-width too.
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

Shape = type[BaseModel]
Pages = Iterable[Sequence[BaseModel]]


def wanted_format(asked: Format | None, accept: str) -> Kind | None:
    """The export that is asked for by `?format=` or `Accept`; None: a page of JSON."""
    if asked is not None:
        return None if asked == "json" else asked
    liked = {_ACCEPTED[name]: wish for name, wish in _wishes(accept) if name in _ACCEPTED}
    best = max(liked, key=lambda kind: liked[kind], default=None)  # the first of equals
    return best if best is not None and liked[best] > 0 else None


def _wishes(accept: str) -> Iterator[tuple[str, float]]:
    """The media types that the header names, and how each is liked (RFC 9110, 12.5.1)."""
    for part in accept.split(",")[:MOST_TYPES]:
        name, _, rest = part.lower().partition(";")
        found = _QUALITY.search(rest)
        yield name.strip(), 1.0 if found is None else float(found[1])


def exported(
    shape: Shape, pages: Pages, kind: Kind, name: str, headers: Mapping[str, str]
) -> StreamingResponse:
    """Every item of every page in one file, of which a few pages are held at a time."""
    disposition = {"Content-Disposition": f'attachment; filename="{name}.{kind}"'}
    return StreamingResponse(
        _WRITERS[kind](shape, pages),
        media_type=TYPES[kind],
        headers={**headers, **disposition},
    )


def _ndjson(_: Shape, pages: Pages) -> Iterator[str]:
    for page in pages:
        yield "".join(f"{item.model_dump_json()}\n" for item in page)


def _csv(shape: Shape, pages: Pages) -> Iterator[str]:
    columns = list(columns_of(shape))
    yield _rows([columns])
    for page in pages:
        cells = map(cells_of, page)
        yield _rows([row.get(name) for name in columns] for row in cells)


def _parquet(shape: Shape, pages: Pages) -> Iterator[bytes]:
    return parquet_of(columns_of(shape), ([*map(cells_of, page)] for page in pages))


_WRITERS: dict[Kind, Callable[[Shape, Pages], Iterator[str] | Iterator[bytes]]] = {
    "csv": _csv,
    "ndjson": _ndjson,
    "parquet": _parquet,
}
_ACCEPTED: dict[str, Kind | None] = {
    "text/csv": "csv",
    PARQUET: "parquet",
    NDJSON: "ndjson",
    "application/json": None,
}
_QUALITY = re.compile(r"(?:^|;)\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", re.ASCII)


def _rows(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """As it is, but never the start of a formula: spreadsheets run those."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return value
