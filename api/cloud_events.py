"""Lines of CloudEvents as a table, for tools that read Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import orjson

from api.columns import Cell, Kind
from api.parquet import parquet_of

DATA = b',"data":'  # the last member; inside of a text its quotes would be escaped
COLUMNS: dict[str, Kind] = {
    "id": "text",
    "source": "text",
    "type": "text",
    "subject": "text",
    "streamversion": "number",
    "datacontenttype": "text",
    "logindex": "text",
    "leafheader": "text",
    "inclusionproof": "text",
    "specversion": "text",
    "data": "text",
    "data_base64": "text",
}


def cloud_events_table(lines: Iterable[bytes]) -> Iterator[bytes]:
    """A row for each line, in their order; `data` is the text that stands in the line."""
    return parquet_of(COLUMNS, ([_row(line)] for line in lines))


def _row(line: bytes) -> dict[str, Cell]:
    members = orjson.loads(line)
    _, there, data = line.rstrip().partition(DATA)
    row: dict[str, Cell] = {name: members.get(name) for name in COLUMNS}
    return row | {"data": data[:-1].decode() if there else None}
