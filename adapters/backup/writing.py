"""`clawbot backup`: an instance as it is at one moment, while it goes on.

Tables are read in one snapshot. The vault's records are in it as they are stored: sealed,
and of no use without the master key, which is not in it unless asked for. Neither is the
signer's key: whoever holds the log must not be able to sign it as well. Who was erased
until now is a part of its own, as in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import errors

from adapters.backup.archive import Writer, written
from adapters.backup.bot_memory import keep
from adapters.backup.tables import bytes_in, described, tables_of
from adapters.erasure_ledger import written as written_ids
from adapters.postgres.database import Connection
from adapters.postgres.erased import erased_in
from domain.errors import BadSetup, Unavailable

MASTER_KEY = "master.key"
ERASURES = "erasures.txt"
CONNECT_SECONDS = 5

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class BackedUp:
    """What is in a backup."""

    made_at: str
    tables: int
    bots: int
    fleet: int  # the last position of each log
    calls: int
    sealed: int  # events that have their place in the sealed log
    erased: int  # people, in its ledger of erasures
    master_key: bool


def back_up(  # noqa: PLR0913 - what a backup holds
    out: Path,
    *,
    url: str,
    bots: Path | None,
    master_key: str | None,
    erased: Iterable[UUID],
    progress: Progress,
) -> BackedUp:
    """The backup stands at `out`, whole; `BadSetup`, `Unavailable`: nothing is there.

    `bots` is where bots' folders are; None leaves them out. `master_key` is a keyring as
    it is written in a file, `erased` what the ledger tells; who is erased in the database
    is added.
    """
    with written(out) as writer, snapshot(url) as connection:
        told = _written_tables(connection, writer, progress)
        count = 0 if bots is None else keep(bots, writer)
        ledger = sorted({*erased, *erased_in(connection)})
        with writer.part(ERASURES) as part:
            part.write(written_ids(ledger))
        if master_key is not None:
            with writer.part(MASTER_KEY) as part:
                part.write(master_key.encode())
        done = BackedUp(
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            tables=len(told["tables"]),
            bots=count,
            erased=len(ledger),
            master_key=master_key is not None,
            **_where(connection),
        )
        writer.close_with(told | {"backup": vars(done)})
    return done


def _written_tables(
    connection: Connection, writer: Writer, progress: Progress
) -> dict[str, Any]:
    tables, done, total = tables_of(connection), 0, bytes_in(connection)

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(done, max(done, total))

    for table in tables:
        with writer.part(table.part) as part:
            table.copy_out(connection, part, count)
    progress(done, done)
    return described(connection, tables)


def _where(connection: Connection) -> dict[str, int]:
    row = connection.execute(
        "SELECT (SELECT coalesce(max(notification_id), 0) FROM fleet_events), "
        "(SELECT coalesce(max(notification_id), 0) FROM calls_events), size FROM log_state"
    ).fetchone()
    fleet, calls, sealed = row or (0, 0, 0)
    return {"fleet": fleet, "calls": calls, "sealed": sealed}


@contextmanager
def snapshot(url: str) -> Iterator[Connection]:
    """Everything in the database as it is now, until the end; a replica's will do."""
    try:
        with owner_of(url) as connection, connection.transaction():
            connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            connection.execute("SET LOCAL row_security = off")  # all rows, or an error
            yield connection
    except errors.InsufficientPrivilege as error:
        msg = "DATABASE_URL's user may not read all rows: give it BYPASSRLS, or the owner's"
        raise BadSetup(msg) from error


@contextmanager
def owner_of(url: str) -> Iterator[Connection]:
    """The owner of everything, with no limits on time; `Unavailable` if it goes away."""
    try:
        with psycopg.connect(
            url, autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as connection:
            connection.execute("SET statement_timeout = 0")
            connection.execute("SET idle_in_transaction_session_timeout = 0")
            yield connection
    except (errors.OperationalError, errors.InterfaceError) as error:
        raise Unavailable(f"the database does not answer: {error}") from error
