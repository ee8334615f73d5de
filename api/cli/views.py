"""`clawbot rebuild`: a view is what its logs say, or is made so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from api.cli.output import NO, Json, document, example, line


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    commands = ("clawbot rebuild usage_by_hour --check", "clawbot rebuild call_log")
    app.command(epilog=example(*commands))(rebuild)


def rebuild(
    view: Annotated[str, typer.Argument(metavar="VIEW", help="A view's name.")],
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a view what its logs say, or check that it is.

    Reads it anew beside the live one and compares. Leaves with 1 if they differed;
    everything else goes on meanwhile.
    """
    from adapters.rebuild import rebuild as run  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415

    with running_database() as url, reading() as progress:
        difference = run(url, view, check=check, progress=progress)
    if as_json:
        document({"view": view, "check": check, **asdict(difference)})
    elif difference:
        line(
            f"{view} differs: {difference.missing} rows missing, {difference.extra} extra."
        )
        for sample in difference.samples:
            line(f"  {sample}")
        line("Nothing was changed." if check else "It was put right.")
    else:
        line(f"{view} is what its logs say.")
    if difference:
        raise typer.Exit(NO)


@contextmanager
def reading(what: str = "reading the logs") -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, if that is a terminal, of what is done of all."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import Progress  # noqa: PLC0415

    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
