"""`clawbot backup` and `clawbot restore`: an instance in one file, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.cli.output import Json, document, example, line
from api.cli.views import reading

BACKUP = (
    "clawbot backup --out monday.zip",
    "clawbot backup --out all.zip --with-master-key",
)
RESTORE = (
    "clawbot restore monday.zip",
    "clawbot restore monday.zip --checkpoint kept.txt --erasures other/erasures.txt",
)


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    app.command(epilog=example(*BACKUP))(backup)
    app.command(epilog=example(*RESTORE))(restore)


def backup(
    *,
    out: Annotated[Path, typer.Option(help="The file to make, such as monday.zip.")],
    without_bots: Annotated[
        bool, typer.Option("--without-bots", help="Leave out what bots keep.")
    ] = False,
    with_master_key: Annotated[
        bool, typer.Option("--with-master-key", help="Put the master key in as well.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write database and bots' memory into one file, while everything goes on.

    Tables are of one moment. Keys and personal data in it are sealed, as in the database,
    and open under the master key only, which is not in it unless you ask. All else in it
    can be read: guard the file as you guard the database. The signer's key is never in it.
    """
    from adapters.backup.writing import back_up  # noqa: PLC0415
    from adapters.bootstrap.erasures import ledger_of  # noqa: PLC0415
    from adapters.bootstrap.fleet_worker import bot_data_dir  # noqa: PLC0415
    from adapters.bootstrap.instance import master_key_text  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    settings = read_settings()
    with running_database() as url, reading("reading the tables") as progress:
        done = back_up(
            out,
            url=url,
            bots=None if without_bots else bot_data_dir(settings),
            master_key=master_key_text(settings) if with_master_key else None,
            erased=ledger_of(settings).ids() or (),
            progress=progress,
        )
    size = out.stat().st_size
    if as_json:
        document({"out": str(out), "bytes": size, **asdict(done)})
        return
    line(f"{out} holds fleet={done.fleet}, calls={done.calls} and {done.bots} bots' memory")
    line(f"in {size:,} bytes.")
    line("The master key is in it." if done.master_key else "Keep the master key apart.")


def restore(
    backup_file: Annotated[
        Path, typer.Argument(metavar="FILE", help="What `clawbot backup` wrote.")
    ],
    *,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", help="A signed checkpoint that was kept; repeat it."),
    ] = None,
    erasures: Annotated[
        list[Path] | None,
        typer.Option("--erasures", help="Another machine's ledger of erasures; repeat it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring an instance back into an empty database, and verify its log.

    The database is DATABASE_URL's, or a new one in the data folder. Nothing starts on it
    before all is there and the log is what was signed; if this is broken off, run it
    again. Whoever was erased after the backup is erased again, as erasures.txt in the data
    folder and in the backup tell; it is said if that file is not there, or is older than
    the backup. Leaves with 1 if the log is not what was signed, 2 if something is there
    already.
    """
    from adapters.backup import archive, restoring  # noqa: PLC0415
    from adapters.bootstrap.erasures import ledger_of  # noqa: PLC0415
    from adapters.bootstrap.fleet_worker import bot_data_dir  # noqa: PLC0415
    from adapters.bootstrap.instance import database_of, key_file  # noqa: PLC0415
    from adapters.erasure_ledger import ids_in  # noqa: PLC0415
    from api.cli.sealed import own_checkpoint, text_of  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    settings = read_settings()
    notes = [*map(text_of, checkpoint or ()), *own_checkpoint()[1]]
    ledger = ledger_of(settings)
    here = ledger.ids()
    told = {*(here or ()), *(one for path in erasures or () for one in ids_in(path))}
    with (
        archive.read(backup_file) as reader,
        database_of(settings) as url,
        reading("writing the tables") as progress,
    ):
        restored = restoring.restore(
            reader,
            url=url,
            bots=bot_data_dir(settings),
            known_notes=notes,
            erased=told,
            progress=progress,
        )
        before = set(restoring.erased_before(reader))
        ledger.add(sorted(told | before))
        has_key = restoring.give_master_key(reader, key_file(settings))
    todo = list(
        _to_do(
            sealed=restored.sealed,
            signed=restored.signed,
            beyond=restored.signed_beyond,
            has_signer=bool(own_checkpoint()[1]),
        )
    )
    if (here is None and not erasures) or before - told:
        missing = "is not there" if here is None else "is older than the backup"
        todo.append(
            f"The ledger of erasures {ledger.path} {missing}: whoever was erased since is "
            "in this instance again. Put the right file there before the api starts, or "
            "erase them again (`clawbot operator erase ID`)."
        )
    if as_json:
        document(asdict(restored) | {"master_key": has_key, "to_do": todo})
        return
    line(f"The instance is as it was at {restored.backup['made_at']}: {restored.verdict}.")
    if restored.erased_again:
        line(f"People erased after the backup are erased again: {restored.erased_again}.")
    if has_key:
        line(f"Its master key is in {key_file(settings)}.")
    for one in todo:
        line(f"- {one}")


def _to_do(
    *, sealed: int, signed: bool, beyond: int | None, has_signer: bool
) -> Iterator[str]:
    """What a person has to see to before all is as it should be."""
    fork = "record it with `clawbot audit fork --because TEXT` before the signer starts, "
    fork += "and tell auditors the new key."
    if beyond is not None:
        yield (
            f"This log ends at {sealed}, and was signed up to "
            f"{beyond}: what came after the backup is lost, and the signer "
            f"refuses to go on. If that is meant, {fork}"
        )
    elif signed and not has_signer:
        yield (
            "The key that signed this log is not on this machine. Bring the signer's "
            f"folder back if nothing was signed after the backup; else {fork}"
        )
