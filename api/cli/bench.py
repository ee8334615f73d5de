"""`clawbot bench`: what the proxy does with metering on, measured here and now."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.output import Json, example
from domain.errors import BadSetup


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    app.command(
        epilog=example("clawbot bench", "clawbot bench --peers", "clawbot bench --guard")
    )(bench)


def bench(  # noqa: PLR0913  # each an option
    *,
    seconds: Annotated[float, typer.Option(help="Of one measurement.", min=0.2)] = 1.0,
    rounds: Annotated[int, typer.Option(help="Medians are over these.", min=1)] = 4,
    peers: Annotated[bool, typer.Option(help="LiteLLM and Portkey too; installs them.")] = (
        False
    ),
    clients: Annotated[bool, typer.Option(help="HTTP clients instead, each bare.")] = False,
    guard: Annotated[
        bool, typer.Option(help="The CPU of a call instead, beside an earlier revision's.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Measure the proxy beside nginx and the bare call, interleaved in one run.

    Auth and metering are on, and every commit is synchronous. Leaves with 1 if the log and
    the calls that were made do not agree, or a floor that is hard is missed.
    """
    from adapters import bench as measuring  # noqa: PLC0415
    from adapters.bench.clients import compare  # noqa: PLC0415
    from adapters.bench.guard import hold  # noqa: PLC0415

    if peers + clients + guard > 1:
        raise BadSetup("Choose one of --peers, --clients and --guard.")
    if guard:
        code = hold(json=as_json)
    elif clients:
        code = compare(seconds=seconds, rounds=rounds, json=as_json)
    else:
        code = measuring.run(seconds=seconds, rounds=rounds, peers=peers, json=as_json)
    raise typer.Exit(code)
