"""`clawbot rebuild` and `resume`: a view is what its logs say, or is made so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

import typer

from api.cli.output import NO, WRONG, Json, document, example, line, say

EXAMPLES = ("clawbot rebuild usage_rollup --check", "clawbot rebuild --all")


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    app.command(epilog=example(*EXAMPLES))(rebuild)
    app.command(epilog=example("clawbot resume call_log"))(resume)


def rebuild(
    view: Annotated[str, typer.Argument(metavar="[VIEW]", help="A view's name.")] = "",
    *,
    every: Annotated[bool, typer.Option("--all", help="Every view there is.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only compare; change nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make a view what its logs say, or check that it is.

    Reads it anew beside the live one, compares, and replaces what differs in one
    transaction. Leaves with 1 if they differed; everything else goes on meanwhile.
    """
    from adapters.bootstrap.followers import VIEWS  # noqa: PLC0415
    from adapters.garbage import spare_what_is_loaded  # noqa: PLC0415
    from adapters.rebuild import rebuild_views as run  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415

    if bool(view) is every:
        say("name one view, or ask for --all")
        raise typer.Exit(WRONG)
    spare_what_is_loaded()
    began = time.monotonic()
    with running_database() as url, reading() as progress:
        found = run(url, list(VIEWS) if every else [view], check=check, progress=progress)
    seconds = round(time.monotonic() - began, 1)
    for name, difference in found.items():
        told = {"view": name, "check": check, **asdict(difference)}
        if as_json:
            document({**told, "seconds": seconds})
        else:
            _tell(**told)
    if any(found.values()):
        raise typer.Exit(NO)


def resume(
    projection: Annotated[str, typer.Argument(help="A view's or a policy's name.")],
    *,
    as_json: Json = False,
) -> None:
    """Let a projection go on that stood still because it could not take an event.

    It tries that event again within seconds, and is parked again if it still cannot. Leaves
    with 1 if it is not parked.
    """
    from adapters.resuming import resume as run  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415

    with running_database() as url:
        was = run(url, projection)
    if as_json:
        document({"projection": projection, "resumed": was is not None})
    elif was is not None:
        line(f"{projection} goes on at {was.log}={was.position}.")
    else:
        line(f"{projection} is not parked.")
    if was is None:
        raise typer.Exit(NO)


def _tell(*, view: str, check: bool, missing: int, extra: int, samples: Any) -> None:
    if not missing and not extra:
        line(f"{view} is what its logs say.")
        return
    line(f"{view} differs: {missing} rows missing, {extra} extra.")
    for sample in samples:
        line(f"  {sample}")
    line("Nothing was changed." if check else "It was put right.")


@contextmanager
def reading(what: str = "reading the logs") -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, if that is a terminal, of what is done of all."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),  # events read, of those that there are
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
