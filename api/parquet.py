"""Rows as a Parquet file, sent while it is written: one group of rows is held at a time."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence

from api.columns import Cell, Kind

ROWS_A_GROUP = 10_000

Rows = Sequence[Mapping[str, Cell]]


class _Pieces(io.RawIOBase):
    """Takes what is written and gives it away again."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        piece = memoryview(data).cast("B")  # type: ignore[arg-type]  # bytes of any kind
        self._kept += piece
        return len(piece)

    def take(self) -> bytes:
        taken, self._kept = bytes(self._kept), bytearray()
        return taken


def parquet_of(columns: Mapping[str, Kind], pages: Iterable[Rows]) -> Iterator[bytes]:
    """The file's bytes, a piece for each group of rows; what a row lacks is null."""
    import pyarrow as pa  # noqa: PLC0415 - 0.2 s and 60 MB, for who asks for it
    from pyarrow import parquet  # noqa: PLC0415

    kinds = {
        "text": pa.string(),
        "number": pa.int64(),
        "flag": pa.bool_(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
    pieces = _Pieces()
    with parquet.ParquetWriter(pieces, schema, compression="zstd") as writer:
        for group in _groups(pages):
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            yield pieces.take()
    yield pieces.take()


def _groups(pages: Iterable[Rows]) -> Iterator[list[Mapping[str, Cell]]]:
    held: list[Mapping[str, Cell]] = []
    for page in pages:
        held += page
        if len(held) >= ROWS_A_GROUP:
            yield held
            held = []
    if held:
        yield held
