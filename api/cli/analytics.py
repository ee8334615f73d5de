"""`clawbot analytics`: a database login for a team's own tools, which read its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer

from api.cli.output import Json, document, example, line
from domain.analytics_logins import AnalyticsLoginEvent
from domain.ids import TeamId

TEAM = "01a20359-4d7e-7c1a-9f0e-2b6a4c8d1e3f"
CREATE = (f"clawbot analytics create {TEAM}",)
ROTATE = (f"clawbot analytics rotate {TEAM} --json",)
DROP = (f"clawbot analytics drop {TEAM}",)

TeamArgument = Annotated[UUID, typer.Argument(help="The id of the team.", metavar="TEAM")]


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    analytics = typer.Typer(
        help="Logins with which a team's tools read its usage. Each takes --json.",
        epilog=example(*CREATE),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    analytics.command(epilog=example(*CREATE))(create)
    analytics.command(epilog=example(*ROTATE))(rotate)
    analytics.command(epilog=example(*DROP))(drop)
    app.add_typer(analytics, name="analytics")


def create(team: TeamArgument, *, as_json: Json = False) -> None:
    """Make a login that reads schema `analytics` of one team, and nothing else.

    Its password is shown once. Leaves with 1 if there is no such team, or it has a login.
    """
    from adapters.postgres.analytics_logins import create_login  # noqa: PLC0415

    with _at_work(team) as (url, tell):
        login = create_login(url, team, tell)
    _show(asdict(login), as_json=as_json)


def rotate(team: TeamArgument, *, as_json: Json = False) -> None:
    """Give the login another password, and end what is connected with the old one."""
    from adapters.postgres.analytics_logins import rotate_login  # noqa: PLC0415

    with _at_work(team) as (url, tell):
        login = rotate_login(url, team, tell)
    _show(asdict(login), as_json=as_json)


def drop(team: TeamArgument, *, as_json: Json = False) -> None:
    """Take the login away, and end what is connected with it."""
    from adapters.postgres.analytics_logins import drop_login, login_name  # noqa: PLC0415

    with _at_work(team) as (url, tell):
        drop_login(url, team, tell)
    if as_json:
        document({"user": login_name(team), "dropped": True})
    else:
        line(f"{login_name(team)} is no more.")


@contextmanager
def _at_work(team: UUID) -> Iterator[tuple[str, Callable[[AnalyticsLoginEvent], int]]]:
    """The owner's database, and how the log is told of what is done there."""
    from adapters.bootstrap.control_plane import control_plane  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415
    from application.analytics_logins import TellOfAnalyticsLogin  # noqa: PLC0415
    from application.event_log import Caller  # noqa: PLC0415

    by = Caller(actor="system:command-line", team_id=team)
    with running_database() as url, control_plane(read_settings(), url) as plane:
        yield (
            url,
            lambda said: plane.bus.handle(
                TellOfAnalyticsLogin(team_id=TeamId(team), said=said), by=by
            ),
        )


def _show(login: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        document(login)
        return
    for name in ("host", "port", "database", "user", "password"):
        line(f"{name:<9} {login[name]}")
    line()
    line("The password is shown only now. The views are in schema analytics.")
