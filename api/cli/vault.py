"""`clawbot vault`: what is sealed, and under which master key."""

from __future__ import annotations

from dataclasses import asdict

import typer

from api.cli.output import NO, Json, document, example, line
from api.cli.views import reading

STATUS = ("clawbot vault status", "clawbot vault status --json")
REWRAP = ("clawbot vault rewrap", "clawbot vault rewrap --json")


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    vault = typer.Typer(
        help="What is sealed, and under which master key.",
        epilog=example(*REWRAP),
        no_args_is_help=True,
        rich_markup_mode=None,
    )

    vault.command(epilog=example(*STATUS))(status)
    vault.command(epilog=example(*REWRAP))(rewrap)
    app.add_typer(vault, name="vault")


def status(*, as_json: Json = False) -> None:
    """Show how many data keys lie under each master key.

    Leaves with 1 if one of them has so many that it is time for another.
    """
    import psycopg  # noqa: PLC0415

    from adapters.postgres.wraps import MOST, wraps  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415

    with running_database() as url, psycopg.connect(url, connect_timeout=2) as owner:
        found = wraps(owner)
    if as_json:
        items = [asdict(one) | {"too_many": one.too_many} for one in found]
        document({"items": items, "most": MOST})
    else:
        for one in found:
            line(f"{one.kek_id}: {one.data_keys} data keys")
            if one.too_many:
                line(f"  Put a new key in front of {one.kek_id}, and run vault rewrap.")
    if any(one.too_many for one in found):
        raise typer.Exit(NO)


def rewrap(*, as_json: Json = False) -> None:
    """Wrap everything that is sealed under the keyring's first key, while all goes on.

    To change the master key: put the new one in front of the old one, restart the
    processes, run this, take the old one out. Leaves with 1 if something did not open.
    """
    from adapters.bootstrap.rewrapping import rewrap_vault  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415

    with running_database() as url, reading("wrapping anew") as progress:
        done = rewrap_vault(read_settings(), url, progress)
    if as_json:
        document(asdict(done))
    else:
        line(f"{done.rewrapped} records were wrapped anew under {done.kek_id}.")
        if done.left:
            said = "Run this once more; the log names what does not open."
            line(f"{done.left} still lie under other keys. {said}")
        else:
            line("The other keys can be taken out.")
    if done.left:
        raise typer.Exit(NO)
