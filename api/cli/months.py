"""`clawbot calls`: months of the calls log, out of the database and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli.output import Json, document, example, line

MONTHS = "clawbot calls months"
DETACH = "clawbot calls detach 2026-01 --out calls-2026-01.ndjson"
ATTACH = "clawbot calls attach 2026-01 calls-2026-01.ndjson"


def _month(text: str) -> str:
    from domain.calls_months import begin_of  # noqa: PLC0415
    from domain.errors import InvalidFields  # noqa: PLC0415

    try:
        begin_of(text)
    except InvalidFields as error:
        msg = f"{text!r} is not a month like 2026-01"
        raise typer.BadParameter(msg) from error
    return text


Month = Annotated[
    str,
    typer.Argument(metavar="MONTH", help="A month such as 2026-01.", parser=_month),
]


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    calls = typer.Typer(
        help="Months of the calls log: list them, take one out, bring one back.",
        epilog=example(MONTHS, DETACH, ATTACH) + " (each with --json)",
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    calls.command(epilog=example(MONTHS))(months)
    calls.command(epilog=example(DETACH))(detach)
    calls.command(epilog=example(ATTACH))(attach)
    app.add_typer(calls, name="calls")


def months(*, as_json: Json = False) -> None:
    """Show which months are here, and which are out."""
    from adapters.backup.writing import owner_of  # noqa: PLC0415
    from adapters.months.months import months as found_in  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415

    with running_database() as url, owner_of(url) as owner:
        found = found_in(owner)
    if as_json:
        document({"items": found})
        return
    for one in found:
        size = f"here, {one['bytes']:,} bytes" if one["here"] else "out"
        events = "" if one["here"] else f", {one['events']} events of root {one['root']}"
        line(f"{one['month']}: {size}{events}")


def detach(
    month: Month,
    *,
    out: Annotated[Path, typer.Option(help="The file to keep the month in.")],
    as_json: Json = False,
) -> None:
    """Take a month that is over out of the database, into a file that you keep.

    Its leaves stay in the sealed log, which says intact as before; the file can be compared
    with it by `verify_log.py --month`. Views keep what they added up. Replays of its calls
    find nothing, and no view is rebuilt, until it is attached. Leaves with 1 if something
    still needs the month: open calls, a view that is behind, no checkpoint over it.
    """
    from adapters.months import months as at_work  # noqa: PLC0415
    from application.calls_months import DetachCallsMonth  # noqa: PLC0415
    from domain.calls_months import CallsMonthDetached  # noqa: PLC0415

    with _opened() as (owner, plane, by):
        found = at_work.detach(
            owner,
            month,
            out,
            lambda file: plane.bus.handle(
                DetachCallsMonth(said=CallsMonthDetached(month=month, **asdict(file))),
                by=by,
            ),
        )
    if as_json:
        document({"month": month, "out": str(out), **asdict(found)})
        return
    line(f"{found.events} events of {month} are in {out}, and no more in the database.")
    line("Keep that file: it is the month, and nothing else has it.")


def attach(
    month: Month,
    kept: Annotated[Path, typer.Argument(metavar="FILE", help="What `detach` wrote.")],
    *,
    as_json: Json = False,
) -> None:
    """Bring a month back as it was. Leaves with 1 if the file is not what was taken out."""
    from adapters.months import months as at_work  # noqa: PLC0415
    from application.calls_months import AttachCallsMonth  # noqa: PLC0415
    from domain.calls_months import CallsMonth, MonthIsThere, month_stream  # noqa: PLC0415

    with _opened() as (owner, plane, by):
        at_work.part_of(month)
        said = plane.fleet.look(CallsMonth(), month_stream(month)).state.detached
        if said is None:
            raise MonthIsThere
        found = at_work.attach(
            owner,
            said,
            kept,
            lambda _: plane.bus.handle(AttachCallsMonth(month=month), by=by),
        )
    if as_json:
        document({"month": month, **asdict(found)})
    else:
        line(f"{found.events} events of {month} are in the log again.")


@contextmanager
def _opened() -> Iterator[tuple[Any, Any, Any]]:
    """The owner of the tables, the control plane, and who is at work."""
    from adapters.backup.writing import owner_of  # noqa: PLC0415
    from adapters.bootstrap.control_plane import control_plane  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415
    from application.event_log import Caller  # noqa: PLC0415

    with (
        running_database() as url,
        control_plane(read_settings(), url) as plane,
        owner_of(url) as owner,
    ):
        yield owner, plane, Caller(actor="system:command-line")
