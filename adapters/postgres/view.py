"""A view's table in PostgreSQL: rows and position move in one transaction.

The table has a column per field of the row, in the row's order, made by the migrations.
Tuples, dataclasses and dictionaries of a row are kept as jsonb; everything is checked
against the row's types when read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from types import UnionType
from typing import (
    Any,
    ClassVar,
    Generic,
    LiteralString,
    TypeVar,
    get_args,
    get_type_hints,
)
from uuid import UUID

import orjson
from psycopg.sql import SQL, Composed, Identifier, Placeholder
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from adapters.postgres.database import Cursor, Database
from adapters.postgres.view_positions import move, position_of
from domain.log import Page
from projections.view import Key, Projector, Row, View

RowT = TypeVar("RowT", bound=Row)

KEY_TYPES: dict[object, LiteralString] = {
    UUID: "uuid",
    int: "bigint",
    datetime: "timestamptz",
}


AS_THEY_ARE = frozenset({UUID, int, str, bool, float, datetime, type(None)})


class PostgresView(View[RowT], Generic[RowT]):
    """A subclass names its table and its row, and adds its queries."""

    table: ClassVar[str]
    row: ClassVar[type[Any]]

    def __init__(self, database: Database, *, schema: str | None = None) -> None:
        """`schema`: it is a copy of the view, in that schema, which nobody reads yet."""
        self._database = database
        self._is_copy = schema is not None
        self._at = Identifier(schema, self.table) if schema else Identifier(self.table)
        self._name = f"{schema}:{self.table}" if schema else self.table
        self._adapter: TypeAdapter[list[RowT]] = TypeAdapter(list[self.row])  # type: ignore[name-defined]
        self._names = [field.name for field in fields(self.row)]
        self._get = attrgetter(*self._names)
        self._written = _written_otherwise(self.row)
        self._key: tuple[str, ...] = self.row.KEY

    def position(self, log: str) -> int:
        with self._database.cursor() as cursor:
            return position_of(cursor, self._name, log)

    def advance(self, projector: Projector[RowT], page: Page) -> None:
        with self._moved(page, projector.version) as cursor:
            if not page.events:
                return
            known = not projector.appends
            rows = self._load(cursor, projector.keys(page)) if known else {}
            changed = projector.fold(page, rows)
            removed, old, new = list[Key](), list[RowT](), list[RowT]()
            for key, row in changed.items():
                if key not in rows:
                    new += () if row is None else (row,)
                elif row is None:
                    removed.append(key)
                else:
                    old.append(row)
            if removed:
                cursor.executemany(self._delete(), removed)
            self._keep(cursor, old, new)

    @contextmanager
    def _moved(self, page: Page, version: int) -> Iterator[Cursor]:
        """Whatever is written comes with the page's end as the position, or not at all."""
        with (
            self._database.connection() as connection,
            connection.transaction(),
            connection.cursor() as cursor,
        ):
            if self._is_copy:  # it is begun anew after a crash: nobody waits for the disk
                cursor.execute("SET LOCAL synchronous_commit = off")
            move(cursor, self._name, page, version=version)
            yield cursor

    def _keep(self, cursor: Cursor, old: Sequence[RowT], new: Sequence[RowT]) -> None:
        if new and self._is_copy:  # no row-level security there, which forbids COPY
            with cursor.copy(self._copy_in()) as copy:
                for row in new:
                    copy.write_row(self._values(row))
            new = ()
        if old or new:
            kept = [self._values(row) for row in (*old, *new)]
            cursor.executemany(self._upsert(), kept)

    def _load(self, cursor: Cursor, keys: Iterable[Key]) -> dict[Key, RowT]:
        columns: list[list[Any]] = [list(column) for column in zip(*keys, strict=True)]
        if not columns:
            return {}
        hints = get_type_hints(self.row)
        arrays = SQL(", ").join(
            SQL("%b::{}[]").format(SQL(KEY_TYPES.get(hints[name], "text")))
            for name in self._key
        )
        statement = SQL(
            "SELECT t.* FROM {} AS t JOIN unnest({}) AS k ({}) USING ({})"
        ).format(self._at, arrays, self._columns(self._key), self._columns(self._key))
        cursor.execute(statement, [[_plain(v) for v in column] for column in columns])
        return {self._key_of(row): row for row in self._rows(cursor)}

    def query(self, team_id: UUID, where: LiteralString, *values: object) -> list[RowT]:
        """Rows of one team; `where` is what follows WHERE, bound by `values`."""
        with self._database.team_cursor(team_id) as cursor:
            cursor.execute(
                SQL("SELECT * FROM {} WHERE ").format(self._at) + SQL(where), values
            )
            return self._rows(cursor)

    def every(self) -> list[RowT]:
        """All rows of all teams that the process's role may see."""
        with self._database.cursor() as cursor:
            cursor.execute(SQL("SELECT * FROM {}").format(self._at))
            return self._rows(cursor)

    def _rows(self, cursor: Cursor) -> list[RowT]:
        names = [column.name for column in cursor.description or ()]
        return self._adapter.validate_python(
            [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        )

    def _key_of(self, row: RowT) -> Key:
        return tuple(getattr(row, name) for name in self._key)

    def _values(self, row: RowT) -> list[Any]:
        values = list(self._get(row))
        for place in self._written:
            values[place] = _plain(values[place])
        return values

    def _columns(self, names: Sequence[str]) -> Composed:
        return SQL(", ").join(map(Identifier, names))

    def _delete(self) -> Composed:
        matches = SQL(" AND ").join(SQL("{} = %s").format(Identifier(k)) for k in self._key)
        return SQL("DELETE FROM {} WHERE ").format(self._at) + matches

    def _copy_in(self) -> Composed:
        return SQL("COPY {} ({}) FROM STDIN").format(self._at, self._columns(self._names))

    def _upsert(self) -> Composed:
        rest = [name for name in self._names if name not in self._key]
        updates = SQL(", ").join(
            SQL("{0} = excluded.{0}").format(Identifier(name)) for name in rest
        )
        return SQL(
            "INSERT INTO {table} ({columns}) VALUES ({values}) "
            "ON CONFLICT ({key}) DO UPDATE SET {updates}"
        ).format(
            table=self._at,
            columns=self._columns(self._names),
            values=SQL(", ").join([Placeholder()] * len(self._names)),
            key=self._columns(self._key),
            updates=updates,
        )


def _written_otherwise(row: type[Any]) -> list[int]:
    """The places of the fields that the driver does not take as they are."""
    hints = get_type_hints(row)
    told = [hints[field.name] for field in fields(row)]
    return [
        place for place, hint in enumerate(told) if not AS_THEY_ARE.issuperset(_all(hint))
    ]


def _all(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if isinstance(hint, UnionType) else (hint,)


def _plain(value: object) -> object:
    """As the driver takes it: an enumeration's text; what has parts as jsonb."""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple | dict) or is_dataclass(value):
        return Jsonb(value, dumps=orjson.dumps)
    return value
