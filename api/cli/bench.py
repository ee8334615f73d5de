"""`clawbot bench`: what the proxy does with metering on, measured here and now."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.output import Json, example


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    app.command(epilog=example("clawbot bench", "clawbot bench --rounds 2 --json"))(bench)


def bench(
    *,
    seconds: Annotated[float, typer.Option(help="Of one measurement.", min=0.2)] = 1.0,
    rounds: Annotated[int, typer.Option(help="Medians are over these.", min=1)] = 4,
    as_json: Json = False,
) -> None:
    """Measure the proxy beside nginx and the bare call, interleaved in one run.

    Auth and metering are on, and every commit is synchronous. Leaves with 1 if the log and
    the calls that were made do not agree.
    """
    from adapters.bench import run  # noqa: PLC0415

    raise typer.Exit(run(seconds=seconds, rounds=rounds, json=as_json))
