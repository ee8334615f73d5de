"""`clawbot reprice`: calls of a time cost what they would cost by today's prices."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from api.cli.audit import a_time
from api.cli.output import Json, document, example, line
from api.cli.views import reading
from domain.errors import BadSetup


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    january = "clawbot reprice --from 2026-01-01T00:00Z --to 2026-02-01T00:00Z"
    app.command(epilog=example(f"{january} --dry-run"))(reprice)


def reprice(
    *,
    since: Annotated[
        datetime,
        typer.Option(
            "--from", parser=a_time, metavar="TIME", help="Admitted then or later."
        ),
    ],
    until: Annotated[
        datetime,
        typer.Option("--to", parser=a_time, metavar="TIME", help="Admitted before."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count; record nothing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Charge settled calls again, by the prices that are known today.

    A call whose cost is another gets a correction, which every total follows. A second run
    finds nothing to correct.
    """
    from adapters.bootstrap.repricing import repricing  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415

    if since >= until:
        msg = "--from has to be before --to."
        raise BadSetup(msg)
    with running_database() as url, repricing(url) as prices, reading() as progress:
        found = prices.run(since, until, dry=dry_run, progress=progress)
    if as_json:
        document({"dry_run": dry_run, **asdict(found)})
        return
    change = (found.now_micro_usd - found.before_micro_usd) / 1_000_000
    done = "would be corrected" if dry_run else "corrected"
    line(f"{found.calls} settled calls: {found.repriced} {done}, {change:+.6f} USD.")
    if found.unknown:
        line(f"Of {found.unknown} the cost is not known.")
