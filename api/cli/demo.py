"""`clawbot demo`: the main job from end to end, on one's own eyes."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from api.cli.output import NO, Json, document, example


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    running = "clawbot demo --url http://127.0.0.1:3100 --simulator-port 8099"
    app.command(epilog=example("clawbot demo", running))(demo)


def demo(
    *,
    url: Annotated[
        str | None,
        typer.Option(
            help="A running control plane, with EGRESS_ALLOW=http://127.0.0.1:PORT."
        ),
    ] = None,
    simulator_port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes a free one.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Walk the main job against a simulated vendor.

    Signs up, stores a key, makes a bot, calls three vendors, shows the usage and replays a
    call. Leaves with 1 if our settled tokens are not those of the vendor's own ledger.
    Without --url it runs an instance of its own, and leaves nothing behind.
    """
    from adapters.demo.transcript import Transcript  # noqa: PLC0415
    from adapters.demo.walk import tell_comparison, walk  # noqa: PLC0415

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it clears up
    transcript = Transcript(quiet=as_json)
    outcome = walk(url, simulator_port, transcript)
    tell_comparison(outcome, transcript)
    if as_json:
        document(
            {
                "equal": outcome.equal,
                "key_was_shown": outcome.key_was_shown,
                "settled": outcome.ours,
                "ledger": outcome.ledger,
                "summary": outcome.summary,
                "stream": outcome.stream,
            }
        )
    if not outcome.equal or outcome.key_was_shown:
        raise typer.Exit(NO)
