"""What a vendor's usage export says: CSV in, lines out; a pure reading of a strange text.

* `openai`: the usage export (a row for each bucket, model and key) and the cost export
  (`amount_value` by `line_item`), as the dashboard gives them
* `anthropic`: the console's usage export (tokens by kind) and its cost export
* `generic`: `date,model,input_tokens,output_tokens,cost_usd`, and perhaps `key,requests`

Columns are known by name, however that is written (`Usage Date (UTC)`). Others are passed
over, so that names and addresses of people in them are kept nowhere; so are rows without
figures. What cannot be read is named by its row (the header is row 1) and its
column: `content.17.cost_usd`. Money is read exactly and rounded half up, line by line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.errors import InvalidFields
from domain.invoice_cells import day_of, micro_dollars_of, text_of, whole_number_of

MOST_ROWS = 20_000
MOST_COLUMNS = 100
LONGEST_CELL = 1_000  # characters


class InvoiceFormat(StrEnum):
    """Whose export it is."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GENERIC = "generic"


@dataclass(frozen=True, kw_only=True)
class InvoiceLine:
    """One row of an export; None: it does not say.

    `input_tokens` is the whole prompt with cache reads and writes in it, as in our own log.
    """

    row: int
    day: date
    model: str | None
    key: str | None  # as the vendor calls it
    input_tokens: int | None
    output_tokens: int | None
    requests: int | None
    cost_micro_usd: int | None


Names = tuple[str, ...]  # the first that the header has is read


@dataclass(frozen=True, kw_only=True)
class _Columns:
    day: Names
    model: Names
    key: Names
    input_tokens: tuple[Names, ...]  # added up
    output_tokens: Names
    requests: Names
    cost: Names
    currency: Names = ()
    needed: Names = ()

    def figures(self) -> set[str]:
        """Every column that may tell a figure."""
        told = (*self.input_tokens, self.output_tokens, self.cost)
        return {name for names in told for name in names}


_COLUMNS: Mapping[InvoiceFormat, _Columns] = {
    InvoiceFormat.OPENAI: _Columns(
        day=("start_time", "start_time_iso", "date", "timestamp", "bucket"),
        model=("model", "line_item"),
        key=("api_key_name", "api_key_id", "api_key"),
        input_tokens=(("input_tokens", "n_context_tokens_total", "prompt_tokens"),),
        output_tokens=("output_tokens", "n_generated_tokens_total", "completion_tokens"),
        requests=("num_model_requests", "n_requests", "num_requests", "requests"),
        cost=("amount_value", "cost_usd", "cost", "amount"),
        currency=("amount_currency", "currency"),
    ),
    InvoiceFormat.ANTHROPIC: _Columns(
        day=("usage_date_utc", "usage_date", "date"),
        model=("model_version", "model"),
        key=("api_key", "api_key_name", "api_key_id"),
        input_tokens=(
            ("usage_input_tokens_no_cache", "uncached_input_tokens", "input_tokens"),
            (
                "usage_input_tokens_cache_write_5m",
                "usage_input_tokens_cache_write",
                "cache_creation_input_tokens",
            ),
            ("usage_input_tokens_cache_write_1h",),
            ("usage_input_tokens_cache_read", "cache_read_input_tokens"),
        ),
        output_tokens=("usage_output_tokens", "output_tokens"),
        requests=("requests",),
        cost=("cost_usd",),
    ),
    InvoiceFormat.GENERIC: _Columns(
        day=("date",),
        model=("model",),
        key=("key",),
        input_tokens=(("input_tokens",),),
        output_tokens=("output_tokens",),
        requests=("requests",),
        cost=("cost_usd",),
        needed=("date", "model", "input_tokens", "output_tokens", "cost_usd"),
    ),
}
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def read_lines(text: str, layout: InvoiceFormat, time_zone: str) -> tuple[InvoiceLine, ...]:
    """The lines of the export, in order; its days are those of the time zone.

    `InvalidFields` says what cannot be read, or that nothing is there.
    """
    rows = _rows(text)
    header = next(rows, (1, []))[1]
    reader = _Reader(_places(header), _COLUMNS[layout], ZoneInfo(time_zone))
    lines = []
    for number, cells in rows:
        if len(cells) != len(header):
            raise InvalidFields(**{f"content.{number}": "wrong-number-of-cells"})
        line = reader.line(number, cells)
        if line is not None:
            lines.append(line)
    if not lines:
        raise InvalidFields(content="no-lines")
    return tuple(lines)


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, and their numbers."""
    reader = csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        for number, cells in enumerate(reader, start=1):
            if number > MOST_ROWS + 1:
                raise InvalidFields(content="too-many-rows")
            if len(cells) > MOST_COLUMNS:
                raise InvalidFields(**{f"content.{number}": "too-many-columns"})
            if any(len(cell) > LONGEST_CELL for cell in cells):
                raise InvalidFields(**{f"content.{number}": "too-long"})
            if any(cell.strip() for cell in cells):
                yield number, cells
    except csv.Error as error:
        raise InvalidFields(content="not-csv") from error


def _places(header: list[str]) -> dict[str, int]:
    """Where each column stands."""
    names = [_SEPARATORS.sub("_", name.lower()).strip("_") for name in header]
    places: dict[str, int] = {}
    for place, name in enumerate(names):
        if name and name in places:
            raise InvalidFields(content="twice")
        places[name] = place
    return places


class _Reader:
    """Reads the rows below one header."""

    def __init__(self, places: dict[str, int], columns: _Columns, zone: ZoneInfo) -> None:
        self._places, self._columns, self._zone = places, columns, zone
        missing = [name for name in columns.needed if name not in places]
        if not any(name in places for name in columns.day):
            missing.append(columns.day[0])
        if missing:
            raise InvalidFields(
                **dict.fromkeys((f"content.{n}" for n in missing), "missing")
            )
        if not columns.figures() & places.keys():
            raise InvalidFields(content="no-figures")

    def line(self, row: int, cells: list[str]) -> InvoiceLine | None:
        """What the row says; None if it tells no figure."""
        told = self._columns
        parts = [self._whole(row, cells, names) for names in told.input_tokens]
        known = [part for part in parts if part is not None]
        input_tokens = sum(known) if known else None
        output_tokens = self._whole(row, cells, told.output_tokens)
        cost = self._money(row, cells)
        if input_tokens is None and output_tokens is None and cost is None:
            return None
        name, cell = self._cell(cells, told.day)
        return InvoiceLine(
            row=row,
            day=day_of(cell, self._zone, f"content.{row}.{name}"),
            model=self._model(row, cells),
            key=self._text(row, cells, told.key),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            requests=self._whole(row, cells, told.requests),
            cost_micro_usd=cost,
        )

    def _cell(self, cells: list[str], names: Names) -> tuple[str, str]:
        """The first of these that says something, and its name."""
        for name in names:
            if name in self._places and (cell := cells[self._places[name]].strip()):
                return name, cell
        return names[0] if names else "", ""

    def _whole(self, row: int, cells: list[str], names: Names) -> int | None:
        name, cell = self._cell(cells, names)
        return whole_number_of(cell, f"content.{row}.{name}") if cell else None

    def _money(self, row: int, cells: list[str]) -> int | None:
        name, cell = self._cell(cells, self._columns.cost)
        if not cell:
            return None
        named, currency = self._cell(cells, self._columns.currency)
        if currency.lower() not in {"", "usd"}:
            raise InvalidFields(**{f"content.{row}.{named}": "not-in-dollars"})
        return micro_dollars_of(cell, f"content.{row}.{name}")

    def _text(self, row: int, cells: list[str], names: Names) -> str | None:
        name, cell = self._cell(cells, names)
        return text_of(cell, f"content.{row}.{name}")

    def _model(self, row: int, cells: list[str]) -> str | None:
        """Of a line item (`gpt-5, input`) what stands before the comma."""
        told = self._text(row, cells, self._columns.model)
        return None if told is None else told.partition(", ")[0]
