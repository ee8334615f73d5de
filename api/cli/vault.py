"""`clawbot vault`: what is sealed, and under which master key."""

from __future__ import annotations

from dataclasses import asdict

import typer

from api.cli.output import NO, Json, document, example, line
from api.cli.views import reading

REWRAP = ("clawbot vault rewrap", "clawbot vault rewrap --json")


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    vault = typer.Typer(
        help="What is sealed, and under which master key.",
        epilog=example(*REWRAP),
        no_args_is_help=True,
        rich_markup_mode=None,
    )

    @vault.callback()
    def one_of_several() -> None:
        """What is sealed, and under which master key."""

    vault.command(epilog=example(*REWRAP))(rewrap)
    app.add_typer(vault, name="vault")


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
            line(f"{done.left} still lie under other keys: the log names them.")
        else:
            line("The other keys can be taken out.")
    if done.left:
        raise typer.Exit(NO)
