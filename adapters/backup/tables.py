"""Which tables an instance has, and their rows out of a database and into one.

The schema is not in a backup: the migrations make it, and the manifest says which. Jobs
are left out, for they are doorbells, and half-made copies of views.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from graphlib import TopologicalSorter
from typing import IO, Any, LiteralString, Protocol

from psycopg.sql import SQL, Composed, Identifier

from adapters.backup.archive import Written
from adapters.postgres.database import Connection

CHUNK = 1 << 18
LEFT_OUT = ("dramatiq", "rebuild", "information_schema")
OWN_WAY = "schema_migration"  # written by the migrator

Count = Callable[[int], None]  # is told how many bytes more are done

TABLES: LiteralString = """
SELECT n.nspname, c.relname,
       array(SELECT a.attname::text FROM pg_attribute AS a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
               AND a.attgenerated = '' ORDER BY a.attnum)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname <> ALL(%s) AND c.relname <> %s
ORDER BY 1, 2
"""
REFERENCES: LiteralString = """
SELECT n.nspname || '.' || c.relname, fn.nspname || '.' || f.relname
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS f ON f.oid = k.confrelid JOIN pg_namespace AS fn ON fn.oid = f.relnamespace
WHERE k.contype = 'f' AND k.conrelid <> k.confrelid
"""
PARTITIONS: LiteralString = """
SELECT pn.nspname, p.relname, n.nspname, c.relname, pg_get_expr(c.relpartbound, c.oid)
FROM pg_inherits AS i
JOIN pg_class AS c ON c.oid = i.inhrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_class AS p ON p.oid = i.inhparent JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
WHERE c.relispartition AND c.relkind IN ('r', 'p') ORDER BY c.oid
"""
SEQUENCES: LiteralString = """
SELECT schemaname, sequencename, last_value FROM pg_sequences
WHERE schemaname !~ '^pg_' AND schemaname <> ALL(%s) AND last_value IS NOT NULL
"""
BYTES: LiteralString = """
SELECT coalesce(sum(pg_table_size(c.oid)), 0)::bigint
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> ALL(%s)
"""


class Sink(Protocol):
    """Whatever rows are written to."""

    def write(self, data: Written, /) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table by its name, with the columns that are stored."""

    schema: str
    name: str
    columns: tuple[str, ...]

    @property
    def part(self) -> str:
        """Its part of a backup."""
        return f"tables/{self.schema}.{self.name}"

    def _list(self) -> Composed:
        return SQL(", ").join(map(Identifier, self.columns))

    def copy_out(self, connection: Connection, sink: Sink, count: Count) -> None:
        """Every row of this transaction's moment is written."""
        rows = SQL("COPY (SELECT {} FROM {}) TO STDOUT (FORMAT BINARY)").format(
            self._list(), Identifier(self.schema, self.name)
        )
        with connection.cursor() as cursor, cursor.copy(rows) as copy:
            for data in copy:
                sink.write(data)
                count(len(data))

    def copy_in(self, connection: Connection, source: IO[bytes], count: Count) -> None:
        """The table holds those rows and no others; nothing protected is deleted."""
        place = Identifier(self.schema, self.name)
        row = connection.execute(SQL("SELECT EXISTS (TABLE {})").format(place)).fetchone()
        if row == (True,):
            connection.execute(SQL("DELETE FROM {}").format(place))
        rows = SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(place, self._list())
        with connection.cursor() as cursor, cursor.copy(rows) as copy:
            while data := source.read(CHUNK):
                copy.write(data)
                count(len(data))


def tables_of(connection: Connection) -> list[Table]:
    """Every table, each behind those that it refers to."""
    rows = connection.execute(TABLES, (list(LEFT_OUT), OWN_WAY)).fetchall()
    found = {
        f"{schema}.{name}": Table(schema=schema, name=name, columns=tuple(columns))
        for schema, name, columns in rows
    }
    order = TopologicalSorter[str](dict.fromkeys(found, ()))
    for one, other in connection.execute(REFERENCES).fetchall():
        if one in found and other in found:
            order.add(one, other)
    return [found[name] for name in order.static_order()]


def described(connection: Connection, tables: Iterable[Table]) -> dict[str, Any]:
    """What a manifest says of the tables, their partitions and the sequences."""
    left_out = (list(LEFT_OUT),)
    return {
        "tables": [asdict(one) for one in tables],
        "partitions": connection.execute(PARTITIONS).fetchall(),
        "sequences": connection.execute(SEQUENCES, left_out).fetchall(),
        "migrations": connection.execute(
            "SELECT number, name, sha256 FROM schema_migration ORDER BY number"
        ).fetchall(),
    }


def tables_in(told: dict[str, Any]) -> list[Table]:
    """The tables of a manifest."""
    return [Table(**one | {"columns": tuple(one["columns"])}) for one in told["tables"]]


def bytes_in(connection: Connection) -> int:
    """About how much there is to copy."""
    row = connection.execute(BYTES, (list(LEFT_OUT),)).fetchone()
    return int(row[0]) if row else 0


def make_partitions(connection: Connection, told: Sequence[Sequence[str]]) -> None:
    """Every partition of the manifest is there."""
    for parent_schema, parent, schema, name, bound in told:
        connection.execute(
            SQL("CREATE TABLE IF NOT EXISTS {} PARTITION OF {} ").format(
                Identifier(schema, name), Identifier(parent_schema, parent)
            )
            + SQL(bound)  # in PostgreSQL's own words
        )


def set_sequences(connection: Connection, told: Sequence[tuple[str, str, int]]) -> None:
    """The next number of each is behind the last one that was given."""
    for schema, name, last in told:
        connection.execute(
            "SELECT setval(format('%%I.%%I', %s::text, %s::text)::regclass, %s)",
            (schema, name, last),
        )
