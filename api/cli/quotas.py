"""`clawbot quota`: that the balances of quotas are what the calls say."""

from __future__ import annotations

from dataclasses import asdict

import typer

from api.cli.output import NO, Json, document, example, line
from api.cli.views import reading

VERIFY = ("clawbot quota verify", "clawbot quota verify --json")
SHOWN = 20  # the rest is counted; --json has them all


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    quota = typer.Typer(
        help="What quotas allow, and what of it is used.",
        epilog=example(*VERIFY),
        no_args_is_help=True,
        rich_markup_mode=None,
    )

    @quota.callback()
    def one_of_several() -> None:
        """What quotas allow, and what of it is used."""

    quota.command(epilog=example(*VERIFY))(verify)
    app.add_typer(quota, name="quota")


def verify(*, as_json: Json = False) -> None:
    """Check that every balance is what the calls log says.

    Folds the whole log and compares with the table that admission decides by, both at one
    position; everything else goes on meanwhile. Leaves with 1 if they differ.
    """
    from adapters.bootstrap.quota_verifying import verify_quotas  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415

    with running_database() as url, reading("reading the calls") as progress:
        found = verify_quotas(url, progress)
    if as_json:
        document(asdict(found))
    elif not found.differing:
        line(f"{found.windows} balances are what the log says at calls={found.position}.")
    else:
        line(
            f"{len(found.differing)} of {found.windows} balances differ from the log at "
            f"calls={found.position}:"
        )
        for one in found.differing[:SHOWN]:
            line(
                f"  quota {one.quota_id}, window from {one.window_start.isoformat()}: "
                f"settled {one.in_table.settled}, held {one.in_table.held}; the log says "
                f"settled {one.in_log.settled}, held {one.in_log.held}"
            )
        if len(found.differing) > SHOWN:
            line(f"  and {len(found.differing) - SHOWN} more (--json has them all)")
    if found.differing:
        raise typer.Exit(NO)
