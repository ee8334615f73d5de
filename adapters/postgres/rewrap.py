"""Changing the master key: every data key is wrapped anew under the keyring's first key.

Runs beside everything else, as the owner of the tables. A batch is a transaction that locks
its rows and passes over those that others have locked: it can be killed and run again at
any point, and more than one may run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Final
from uuid import UUID

import psycopg
from psycopg.rows import dict_row, scalar_row
from psycopg.sql import SQL, Composed, Identifier, Placeholder

from adapters.crypto import DoesNotOpen
from adapters.keyring import Keyring
from adapters.master_key import check
from adapters.postgres.vault import log_open_failed
from adapters.vault import Envelope, Sealed, instance_key_ref, person_ref
from application.ports import SecretRef

BATCH: Final = 100  # rows
_SEALED: Final = tuple(field.name for field in fields(Sealed))

Row = dict[str, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class _Table:
    """A table of sealed records: its key, and what a row of it is bound to."""

    name: str
    key: tuple[str, ...]
    ref: Callable[[UUID, Row], SecretRef]


def _secret_ref(_: UUID, row: Row) -> SecretRef:
    return SecretRef(**{field.name: row[field.name] for field in fields(SecretRef)})


TABLES: Final = (
    _Table(name="secret", key=("id", "version"), ref=_secret_ref),
    _Table(
        name="instance_key",
        key=("purpose",),
        ref=lambda instance_id, row: instance_key_ref(instance_id, row["purpose"]),
    ),
    _Table(
        name="person",
        key=("user_id",),
        ref=lambda instance_id, row: person_ref(instance_id, row["user_id"]),
    ),
)


def silent(_done: int, _total: int) -> None:
    """Nobody watches."""


def waiting(connection: psycopg.Connection[Any], keyring: Keyring) -> int:
    """How many records lie under another key than the keyring's first; `BadSetup`."""
    check(connection, keyring)
    found = 0
    with connection.transaction(), connection.cursor(row_factory=scalar_row) as cursor:
        for table in TABLES:
            statement = SQL("SELECT count(*) FROM vault.{} WHERE kek_id <> %s")
            cursor.execute(statement.format(Identifier(table.name)), (keyring.primary,))
            found += cursor.fetchone() or 0
    return found


def rewrap(
    connection: psycopg.Connection[Any], keyring: Keyring, progress: Progress = silent
) -> int:
    """How many records were wrapped anew; those that do not open are logged and left.

    The connection is idle. 0 with nothing in the log: the old keys can be taken out.
    `progress` is told how many were looked at, and of how many.
    """
    envelope = Envelope(keyring, check(connection, keyring))
    done, looked_at, total = 0, 0, waiting(connection, keyring)
    for table in TABLES:
        last: Row | None = None
        while rows := _batch(connection, table, envelope, keyring.primary, last):
            done += sum(rewrapped for _, rewrapped in rows)
            looked_at += len(rows)
            progress(looked_at, max(total, looked_at))
            last = rows[-1][0]
    return done


def _batch(
    connection: psycopg.Connection[Any],
    table: _Table,
    envelope: Envelope,
    primary: str,
    last: Row | None,
) -> list[tuple[Row, bool]]:
    """The next rows after the last one, in one transaction, each with whether it opened."""
    with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            _select(table, after=last is not None), {"primary": primary} | (last or {})
        ).fetchall()
        return [(row, _rewrapped(cursor, table, envelope, row)) for row in found]


def _rewrapped(
    cursor: psycopg.Cursor[Any], table: _Table, envelope: Envelope, row: Row
) -> bool:
    ref = table.ref(envelope.instance_id, row)
    try:
        sealed = envelope.rewrap(ref, Sealed(**{name: row[name] for name in _SEALED}))
    except DoesNotOpen:
        log_open_failed(ref, row["kek_id"])
        return False
    cursor.execute(_update(table), row | asdict(sealed))
    return True


def _select(table: _Table, *, after: bool) -> Composed:
    key = SQL(", ").join(map(Identifier, table.key))
    last = SQL(", ").join(map(Placeholder, table.key))
    beyond = SQL("AND ({}) > ({})").format(key, last) if after else SQL("")
    return SQL(
        "SELECT * FROM vault.{table} WHERE kek_id <> %(primary)s {beyond} "
        "ORDER BY {key} LIMIT {batch} FOR UPDATE SKIP LOCKED"
    ).format(table=Identifier(table.name), key=key, beyond=beyond, batch=BATCH)


def _update(table: _Table) -> Composed:
    return SQL(
        "UPDATE vault.{table} SET kek_id = %(kek_id)s, wrap_nonce = %(wrap_nonce)s, "
        "wrapped_dek = %(wrapped_dek)s WHERE ({key}) = ({values})"
    ).format(
        table=Identifier(table.name),
        key=SQL(", ").join(map(Identifier, table.key)),
        values=SQL(", ").join(map(Placeholder, table.key)),
    )
