"""`clawbot operator`: who looks after this instance, and what they do about people."""

from __future__ import annotations

from typing import Annotated

import typer

from api.cli.output import Json, document, example, line

APPOINT = ("clawbot operator appoint ada@example.com",)
ERASE = ("clawbot operator erase ada@example.com",)
DISMISS = ("clawbot operator dismiss ada@example.com",)

Address = Annotated[str, typer.Argument(help="The e-mail address they sign in with.")]


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    operator = typer.Typer(
        help="Who looks after this instance, and whom it forgets. Each takes --json.",
        epilog=example(*APPOINT, *ERASE),
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    operator.command(epilog=example(*APPOINT))(appoint)
    operator.command(epilog=example(*DISMISS))(dismiss)
    operator.command(epilog=example(*ERASE))(erase)
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


def erase(
    who: Annotated[str, typer.Argument(metavar="WHO", help="An e-mail address, or an id.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask back.")] = False,
    as_json: Json = False,
) -> None:
    """Forget a person: their data is shredded, and nothing brings it back.

    The key that it is sealed with is deleted, here and in what the database still has of
    it on disk. Their sessions end, they leave every team; a team whose last owner they
    were goes to whoever has the highest role in it. The log tells that they were erased,
    under an id that is nobody's any more, and stays intact. A backup from before holds
    them: the id stands in erasures.txt of the data folder, by which a restore erases them
    again. Leaves with 1 if nobody is meant.
    """
    from adapters.bootstrap.control_plane import control_plane  # noqa: PLC0415
    from adapters.postgres.shredding import overwrite_deleted  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415
    from api.erasing import erase_person  # noqa: PLC0415
    from api.sign_in import user_meant  # noqa: PLC0415
    from application.event_log import Caller  # noqa: PLC0415

    with running_database() as url, control_plane(read_settings(), url) as plane:
        user_id = user_meant(plane, who)
        if not yes:
            typer.confirm(f"Forget {who} for ever?", abort=True, err=True)
        by = Caller(actor="system:command-line")
        position = erase_person(plane, user_id, by=by)
        overwrite_deleted(url)
    if as_json:
        document({"user_id": user_id, "erased": True, "position": position})
    else:
        line(f"{user_id} is erased, since fleet={position}; {plane.erasures.path} knows.")


def _mark(email: str, *, operator: bool, as_json: bool) -> None:
    from adapters.bootstrap.control_plane import control_plane  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from api.cli.settings import read_settings  # noqa: PLC0415
    from api.sign_in import user_meant  # noqa: PLC0415
    from application.accounts import MarkOperator  # noqa: PLC0415
    from application.event_log import Caller  # noqa: PLC0415

    with running_database() as url, control_plane(read_settings(), url) as plane:
        user_id = user_meant(plane, email)
        command = MarkOperator(user_id=user_id, operator=operator)
        position = plane.bus.handle(command, by=Caller(actor="system:command-line"))
    if as_json:
        document({"user_id": user_id, "operator": operator, "position": position})
    else:
        said = "looks after this instance" if operator else "is no operator"
        line(f"{email} {said}, since fleet={position}.")
