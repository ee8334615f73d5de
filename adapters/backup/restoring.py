"""`clawbot restore`: a backup into an empty database, verified before anything starts.

A table marks the database from the first step to the last. While it is there no process
starts and nothing migrates (`adapters/postgres/unfinished.py`), so that a restore that was
broken off leaves nothing half made at work. It is begun again from nothing. Rows come in
one transaction; the mark goes once the sealed log is what was signed, and whoever was
erased since the backup is erased again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any
from uuid import UUID

from psycopg.sql import SQL, Identifier

from adapters.backup.archive import Reader
from adapters.backup.bot_memory import put_in_place, refuse_memory_in, unpack
from adapters.backup.tables import make_partitions, set_sequences, tables_in
from adapters.backup.writing import ERASURES, MASTER_KEY, owner_of
from adapters.bootstrap import erasures
from adapters.erasure_ledger import read_ids
from adapters.postgres import unfinished
from adapters.postgres.database import Connection, Database
from adapters.postgres.migrator import known, migrate
from adapters.postgres.shredding import overwrite_deleted
from adapters.sealing.bundle import WholeLog
from adapters.sealing.sealer import ROLE
from domain.errors import BadSetup, Conflict
from verifier.verify_log import INCOMPLETE, INTACT, judge, read_checkpoint

LOCK = 0x636C6177_72657374  # "clawrest": one key, known to nothing else

Progress = Callable[[int, int], None]


class NotWhatWasSigned(Conflict):
    """The log in the backup is not the one that was signed."""

    code = "not-what-was-signed"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What there is now."""

    backup: dict[str, Any]  # as it was told when it was made
    verdict: str  # of the verifier
    sealed: int
    signed: bool  # something in it was
    signed_beyond: int | None  # a size that was signed, and that this log does not reach
    erased_again: int  # people who were erased after the backup


def restore(  # noqa: PLR0913 - what a restore goes by
    reader: Reader,
    *,
    url: str,
    bots: Path,
    known_notes: Sequence[str],
    erased: Collection[UUID],
    progress: Progress,
) -> Restored:
    """The instance of the backup is there, its log verified, and nobody of `erased` in it.

    `known_notes` are signed checkpoints from elsewhere. `BadSetup`: the database or the
    bots' folder is not empty, or the backup is of another version; nothing was changed.
    `NotWhatWasSigned`: it is there, and nothing starts on it.
    """
    _refuse_unknown(reader.told)
    with owner_of(url) as owner, _alone(owner):
        _begin(owner, bots)
        unpack(reader, bots)
        migrate(url, upto=len(reader.told["migrations"]), restoring=True)
        _load(owner, reader, progress)
        migrate(url, restoring=True)
        verified = _verified(url, reader.told["backup"], known_notes)
        again = _erased_again(url, {*erased, *erased_before(reader)})
        put_in_place(bots)
        unfinished.unmark(owner)
    return replace(verified, erased_again=again)


def erased_before(reader: Reader) -> list[UUID]:
    """Who was erased when the backup was made."""
    with reader.part(ERASURES) as part:
        return read_ids(part.read(), Path(ERASURES))


def give_master_key(reader: Reader, path: Path) -> bool:
    """The backup's master key is in that file, its owner's alone; False if it has none.

    A file that is there stays as it is.
    """
    if MASTER_KEY not in reader.told["parts"] or path.exists():
        return False
    with reader.part(MASTER_KEY) as part:
        text = part.read()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return True


def _refuse_unknown(told: dict[str, Any]) -> None:
    ours = known()
    for number, name, digest in told["migrations"]:
        if number > len(ours) or ours[number - 1].sha256 != digest:
            msg = (
                f"The backup's database has {name}, which this version does not know, or "
                "not so: restore with the version that made it, or a newer one."
            )
            raise BadSetup(msg)


@contextmanager
def _alone(owner: Connection) -> Iterator[None]:
    if owner.execute("SELECT pg_try_advisory_lock(%s)", (LOCK,)).fetchone() != (True,):
        raise BadSetup("Another restore into this database is under way.")
    yield


def _begin(owner: Connection, bots: Path) -> None:
    """The database is empty and marked; whatever was broken off is begun again."""
    with owner.transaction():
        if unfinished.is_marked(owner):
            unfinished.clear(owner)
        else:
            if not unfinished.is_empty(owner):
                msg = (
                    "This database is not empty, and nothing is restored over what is "
                    "there. Make an empty one and name it with DATABASE_URL, or move the "
                    "data folder away."
                )
                raise BadSetup(msg)
            refuse_memory_in(bots)
        unfinished.mark(owner)


def _load(owner: Connection, reader: Reader, progress: Progress) -> None:
    tables, done = tables_in(reader.told), 0
    total = sum(reader.sizes[one.part] for one in tables)

    def count(more: int) -> None:
        nonlocal done
        done += more
        progress(done, total)

    with owner.transaction(), _rows_unguarded(owner):
        make_partitions(owner, reader.told["partitions"])
        for table in tables:
            with reader.part(table.part) as part:
                table.copy_in(owner, part, count)
        set_sequences(owner, reader.told["sequences"])


@contextmanager
def _rows_unguarded(owner: Connection) -> Iterator[None]:
    """An owner who is no superuser may write rows of any team, within the transaction."""
    guarded = owner.execute(
        "SELECT n.nspname, c.relname FROM pg_class AS c "
        "JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relforcerowsecurity"
    ).fetchall()
    for word in ("NO FORCE", "FORCE"):
        for schema, name in guarded:
            owner.execute(
                SQL("ALTER TABLE {} {} ROW LEVEL SECURITY").format(
                    Identifier(schema, name), SQL(word)
                )
            )
        if word == "NO FORCE":
            yield


def _verified(url: str, backup: dict[str, Any], notes: Sequence[str]) -> Restored:
    """What the verifier says; `NotWhatWasSigned`."""
    database = Database(url, role=ROLE, size=2)
    database.open()
    try:
        log = WholeLog(database)
        lines = (*log.checkpoint_lines(),)
        sizes = {note: read_checkpoint(note)[0] for note in notes}
        covered = [note for note, size in sizes.items() if size <= log.size]
        verdict, code = judge(chain(lines, log.event_lines()), "", covered)
    finally:
        database.close()
    if code not in {INTACT, INCOMPLETE}:
        msg = f"{verdict}. Nothing starts on this database: restore another backup."
        raise NotWhatWasSigned(msg)
    beyond = max(sizes.values(), default=0)
    return Restored(
        backup=backup,
        verdict=verdict,
        sealed=log.size,
        signed=bool(lines),
        signed_beyond=beyond if beyond > log.size else None,
        erased_again=0,
    )


def _erased_again(url: str, erased: Collection[UUID]) -> int:
    """Nothing tells of them any more, in what the database has on disk neither."""
    with closing(Database(url, role=erasures.ROLE, size=2)) as database:
        database.open()
        again = erasures.erase_again(database, erased)
    if again:
        overwrite_deleted(url)
    return again
