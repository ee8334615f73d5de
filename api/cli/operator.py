"""`clawbot operator`: who looks after this instance, apart from all teams."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.output import Json, document, example, line

APPOINT = ("clawbot operator appoint ada@example.com",)
DISMISS = ("clawbot operator dismiss ada@example.com",)

Address = Annotated[str, typer.Argument(help="The e-mail address they sign in with.")]


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    operator = typer.Typer(
        help="Who looks after this instance, apart from all teams. Each takes --json.",
        epilog=example(*APPOINT),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    operator.command(epilog=example(*APPOINT))(appoint)
    operator.command(epilog=example(*DISMISS))(dismiss)
    app.add_typer(operator, name="operator")


def appoint(email: Address, *, as_json: Json = False) -> None:
    """Let somebody see the instance's health and clean up, and nothing of a team's.

    In force within five seconds, in sessions that run too. Leaves with 1 if nobody has
    that address.
    """
    _mark(email, operator=True, as_json=as_json)


def dismiss(email: Address, *, as_json: Json = False) -> None:
    """Let them do it no more, within five seconds."""
    _mark(email, operator=False, as_json=as_json)


def _mark(email: str, *, operator: bool, as_json: bool) -> None:
    from adapters.bootstrap.control_plane import control_plane  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415
    from api.sign_in import hashed_address  # noqa: PLC0415
    from application.accounts import MarkOperator  # noqa: PLC0415
    from application.event_log import Caller  # noqa: PLC0415
    from application.sign_in import user_with_address  # noqa: PLC0415
    from domain.errors import NotFound  # noqa: PLC0415

    with running_database() as url, control_plane(read_settings(), url) as plane:
        user_id = user_with_address(plane.fleet, hashed_address(plane, email))
        if user_id is None:
            msg = "nobody has that address: they register first"
            raise NotFound(msg)
        command = MarkOperator(user_id=user_id, operator=operator)
        position = plane.bus.handle(command, by=Caller(actor="system:command-line"))
    if as_json:
        document({"user_id": user_id, "operator": operator, "position": position})
    else:
        said = "looks after this instance" if operator else "is no operator"
        line(f"{email} {said}, since fleet={position}.")
