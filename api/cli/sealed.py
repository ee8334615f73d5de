"""`clawbot audit`: the sealed log is verified, exported, proved, witnessed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from api.cli.output import FINE, NO, WRONG, Json, document, example, line
from domain.errors import BadSetup, InvalidFields

VERIFY = ("clawbot audit verify", "clawbot audit verify bundle.tar --key log.key")
EXPORT = "clawbot audit export --out bundle.tar"
PROVE = ("clawbot audit prove 1042", "clawbot audit prove --from 88")
COSIGN = (
    "clawbot audit prove --from 88 | "
    "clawbot audit cosign --state ~/witness --key log.key --name witness.example/w1"
)
FORK = "clawbot audit fork --because 'restored after the disk failed'"

Kept = Annotated[
    list[Path] | None,
    typer.Option("--checkpoint", help="A signed checkpoint that was kept; repeat it."),
]
Witnesses = Annotated[
    list[str] | None,
    typer.Option(
        "--witness", help="A witness's key, or its file: it must have signed, too; repeat."
    ),
]
LogKey = Annotated[
    str | None, typer.Option("--key", help="The log's key, or a file that holds it.")
]


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    audit = typer.Typer(
        help="The sealed log: verify it, export it, prove what is in it.",
        epilog=example(*VERIFY, EXPORT) + " (each with --json)",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    audit.command(epilog=example(*VERIFY))(verify)
    audit.command(epilog=example(EXPORT))(export)
    audit.command(epilog=example(*PROVE))(prove)
    audit.command(epilog=example(COSIGN))(cosign)
    audit.command(epilog=example(FORK))(fork)
    app.add_typer(audit, name="audit")


def verify(  # noqa: PLR0913 - its options
    bundle: Annotated[
        Path | None, typer.Argument(help="A bundle; without one, this instance's log.")
    ] = None,
    *,
    key: LogKey = None,
    checkpoint: Kept = None,
    witness: Witnesses = None,
    month: Annotated[
        list[Path] | None,
        typer.Option("--month", help="The file of a month that is out; repeat it."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that nothing that was sealed is changed, gone, moved or added.

    The same checks as `verify_log.py`, which auditors run without us. Leaves with 1 if the
    log was tampered with or nothing covers it, 2 if this is no bundle; `code` in the JSON
    is what `verify_log.py` would leave with.
    """
    from verifier.verify_log import BAD_INPUT, judge, lines_of  # noqa: PLC0415

    kept = [text_of(path) for path in checkpoint or ()]
    said = "" if key is None else _key(key)
    witnesses = [_key(one) for one in witness or ()]
    files = map(lines_of, month or ())
    if bundle is not None:
        verdict, code = judge(lines_of(bundle), said, kept, witnesses, files)
    else:
        with _log() as log:
            lines = (*log.checkpoint_lines(),)
            own, last = own_checkpoint()
            verdict, code = judge(
                chain(lines, log.event_lines()),
                said or own,
                [*kept, *last],
                witnesses,
                files,
            )
    if as_json:
        document({"verdict": verdict, "code": code})
    else:
        line(verdict)
    if code != FINE:
        raise typer.Exit(WRONG if code == BAD_INPUT else NO)


def export(
    *,
    out: Annotated[Path, typer.Option(help="A folder, or a file that ends in .tar.")],
    team: Annotated[UUID | None, typer.Option(help="Only this team's events.")] = None,
    as_json: Json = False,
) -> None:
    """Write what an auditor verifies without us: events, checkpoints, the key."""
    from adapters.sealing.archive import write_bundle  # noqa: PLC0415
    from adapters.sealing.team_bundle import TeamLog  # noqa: PLC0415

    with _log() as log:
        if team is None:
            checkpoints, events = log.checkpoint_lines(), log.event_lines()
        else:
            lines = TeamLog(log.database).lines(team)
            checkpoints = iter([one for one in [next(lines, None)] if one])
            events = lines
        written = write_bundle(out, checkpoints=checkpoints, events=events)
    if as_json:
        document({"out": str(out), **asdict(written)})
        return
    line(f"{written.events} events and {written.checkpoints} checkpoints are in {out}.")
    line(f"The log's key, to be handed over by another way: {written.key}")


def prove(
    index: Annotated[int | None, typer.Argument(metavar="INDEX", min=0)] = None,
    *,
    since: Annotated[
        int | None, typer.Option("--from", min=0, help="A size that was seen before.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Prove that an event is in the log, or that the log begins with what it was.

    INDEX gives a C2SP tlog-proof, --from what `clawbot audit cosign` and other witnesses
    are asked with.
    """
    from adapters.postgres.sealed_log import PostgresSealedLog  # noqa: PLC0415
    from application.sealing import consistency, inclusion, latest  # noqa: PLC0415
    from domain.sealing.proofs import Addition, inclusion_text  # noqa: PLC0415

    if (index is None) == (since is None):
        msg = "Name an INDEX, or a size with --from."
        raise BadSetup(msg)
    with _log() as whole:
        log = PostgresSealedLog(whole.database)
        checkpoint = latest(log)
        try:
            if index is not None:
                proof = inclusion(log, index, checkpoint)
                text = inclusion_text(index, proof, checkpoint.note)
            else:
                proof = consistency(log, since or 0, checkpoint.size).proof
                text = Addition(old=since or 0, proof=proof, note=checkpoint.note).text
        except InvalidFields as error:
            msg = f"{since} is beyond the last checkpoint, which is of {checkpoint.size}."
            raise BadSetup(msg) from error
    if as_json:
        document(
            {
                "proof": [step.hex() for step in proof],
                "size": checkpoint.size,
                "checkpoint": checkpoint.note,
                "key": checkpoint.key,
                "text": text,
            }
        )
    else:
        sys.stdout.write(text)


def cosign(
    *,
    state: Annotated[Path, typer.Option(help="The witness's own folder.")],
    key: LogKey = None,
    name: Annotated[str | None, typer.Option(help="For a new witness: its name.")] = None,
    as_json: Json = False,
) -> None:
    """Be a witness: put a name to a checkpoint that follows the last one seen.

    Reads what `clawbot audit prove --from` wrote, prints the line that goes under the
    checkpoint. Leaves with 1 if it does not follow.
    """
    from adapters.sealing.kept import held  # noqa: PLC0415
    from adapters.sealing.witness import Witness  # noqa: PLC0415
    from domain.sealing.notes import VerifierKey  # noqa: PLC0415
    from domain.sealing.proofs import Addition  # noqa: PLC0415

    if key is None:
        msg = "Which log? Give its public key with --key."
        raise BadSetup(msg)
    log_key = VerifierKey.parse(_key(key))
    with held(state):
        witness = Witness(state, log_key, name=name)
        added = witness.cosign(Addition.parse(sys.stdin.read()))
    if as_json:
        document({"cosignature": added, "key": witness.public.text})
    else:
        sys.stdout.write(added)


def fork(
    *,
    because: Annotated[str, typer.Option(help="Why the log is not what was signed.")],
    as_json: Json = False,
) -> None:
    """Record that the log was forked, such as by a restore: it goes on under a new name.

    Stop the signer first. Tell auditors the new key, and why.
    """
    from adapters.sealing.signer import folder_of, record_fork  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    aside = record_fork(folder_of(read_settings()), because)
    if as_json:
        document({"aside": str(aside)})
    else:
        line(f"The old key and its last checkpoint are in {aside}; a new key is made next.")


@contextmanager
def _log() -> Iterator[Any]:
    """The sealed log of this instance, whole."""
    from adapters.postgres.database import Database  # noqa: PLC0415
    from adapters.sealing.bundle import WholeLog  # noqa: PLC0415
    from adapters.sealing.sealer import ROLE  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415

    with running_database() as url:
        database = Database(url, role=ROLE, size=2)
        database.open()
        try:
            yield WholeLog(database)
        finally:
            database.close()


def own_checkpoint() -> tuple[str, list[str]]:
    """The public key of the signer on this machine, and what it signed last, if any."""
    from adapters.sealing import key_file  # noqa: PLC0415
    from adapters.sealing.kept import FILE  # noqa: PLC0415
    from adapters.sealing.signer import KEY, folder_of  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    folder = folder_of(read_settings())
    if not (folder / KEY).exists() or not (folder / FILE).exists():
        return "", []
    return key_file.read(folder / KEY).public.text, [text_of(folder / FILE)]


def _key(given: str) -> str:
    """The key itself, or what is in the file of that name."""
    return text_of(Path(given)) if Path(given).is_file() else given


def text_of(path: Path) -> str:
    """What the file says; `BadSetup`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read."
        raise BadSetup(msg) from error
