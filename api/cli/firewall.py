"""`clawbot firewall`: the rules of this instance on this host, and their end."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.output import NO, Json, document, example, line
from domain.errors import BadSetup

SHOW = ("clawbot firewall show", "clawbot firewall show --json")
REMOVE = ("clawbot firewall remove", "clawbot firewall remove --every-instance")

Every = Annotated[
    bool,
    typer.Option(
        "--every-instance", help="Of all on this host; needs no database and no key."
    ),
]


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    firewall = typer.Typer(
        help="The rules that keep bots and plugins in, on this host. Each takes --json.",
        epilog=example(*REMOVE),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    firewall.command(epilog=example(*SHOW))(show)
    firewall.command(epilog=example(*REMOVE))(remove)
    app.add_typer(firewall, name="firewall")


def show(*, every_instance: Every = False, as_json: Json = False) -> None:
    """Print the rules that are in force, as iptables and ip6tables save them.

    Needs root. Leaves with 1 if there are none.
    """
    from adapters.docker.host_rules import commands, of_instance  # noqa: PLC0415

    tags = _tags(every_instance)
    rules = [
        rule for tag in tags for version in commands() for rule in of_instance(tag, version)
    ]
    if as_json:
        document({"instances": tags if rules else [], "rules": rules})
    else:
        for rule in rules:
            line(rule)
    if not rules:
        if not as_json:
            line("There are no such rules on this host.")
        raise typer.Exit(NO)


def remove(*, every_instance: Every = False, as_json: Json = False) -> None:
    """Take the rules out of the host's firewall: the last step of an uninstall.

    Needs root. Stop the worker and the bots first: a worker that runs puts the rules up
    again, and bots that run are unguarded without them.
    """
    from adapters.docker.host_rules import commands, of_instance, remove_instance  # noqa: PLC0415

    removed = 0
    for tag in _tags(every_instance):
        removed += sum(len(of_instance(tag, command)) for command in commands())
        remove_instance(tag)
    if as_json:
        document({"removed": removed})
    else:
        line(f"{removed} rules were removed.")


def _tags(every_instance: bool) -> list[str]:  # noqa: FBT001 - as the option says
    """The digits by which the instances' rules are known; `BadSetup`."""
    from adapters.bootstrap.fleet_worker import engine_instance  # noqa: PLC0415
    from adapters.bootstrap.instance import open_instance  # noqa: PLC0415
    from adapters.docker.host_rules import instances  # noqa: PLC0415
    from adapters.docker.naming import Naming  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415
    from application.engines import CannotRun  # noqa: PLC0415

    try:
        found = instances()
    except CannotRun as error:
        msg = f"The host's firewall cannot be read: run this as root. ({error.detail})"
        raise BadSetup(msg) from error
    if every_instance:
        return found
    with running_database() as url:
        opened = open_instance(read_settings(), url, role="clawbot_worker", size=1)
        try:
            return [Naming(engine_instance(opened)).tag]
        finally:
            opened.database.close()
