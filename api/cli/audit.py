"""`clawbot replay`: one stream, event by event, with the state after each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from api.cli.output import Json, document, example, line
from domain.errors import BadSetup, NotFound

FILE_WIDTH = 160  # characters, where the output is no terminal


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    an_id = "0197f0c0-0000-7000-8000-000000000000"
    commands = (
        f"clawbot replay bot {an_id}",
        f"clawbot replay call {an_id} --at 2026-01-31T12:00:00Z --json",
    )
    app.command(epilog=example(*commands))(replay)


def a_time(text: str) -> datetime:
    """An RFC 3339 time; one without an offset is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{text!r} is not a time like 2026-01-31T12:00:00Z"
        raise typer.BadParameter(msg) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def replay(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="bot, call, team, …")],
    stream_id: Annotated[UUID, typer.Argument(metavar="ID", help="The stream's id.")],
    *,
    at: Annotated[
        datetime | None,
        typer.Option(parser=a_time, metavar="TIME", help="Only what was recorded by then."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the history of one thing, event by event.

    Reads the log itself, so it is never behind. Leaves with 1 if nothing is recorded.
    """
    from api.cli.database import running_database  # noqa: PLC0415
    from application.audit import KINDS  # noqa: PLC0415

    if kind not in KINDS:
        msg = f"There is no kind {kind}; there are {', '.join(KINDS)}."
        raise BadSetup(msg)
    with running_database() as url:
        try:
            steps = list(_steps(url, kind, stream_id, at))
        except NotFound as error:
            when = f" by {at.isoformat()}" if at else ""
            msg = f"No {kind} {stream_id} is recorded{when}."
            raise NotFound(msg) from error
    if as_json:
        document({"kind": kind, "stream_id": stream_id, "items": steps})
    else:
        _show(f"{kind} {stream_id}", steps)


def _steps(
    url: str, kind: str, stream_id: UUID, at: datetime | None
) -> Iterator[dict[str, Any]]:
    from adapters.event_store import EventMapper  # noqa: PLC0415
    from adapters.postgres.database import Database  # noqa: PLC0415
    from adapters.postgres.recorder import PostgresRecorder  # noqa: PLC0415
    from api.audit_shapes import step_shown  # noqa: PLC0415
    from application.audit import KINDS  # noqa: PLC0415
    from application.audit import replay as read  # noqa: PLC0415
    from application.event_log import EventLog  # noqa: PLC0415

    database = Database(url, role="clawbot_api", size=1)
    database.open()
    try:
        log = KINDS[kind][0]
        event_log = EventLog(log, PostgresRecorder(database, log), EventMapper())
        for recorded, state in read(event_log, kind, stream_id, at=at):
            yield step_shown(recorded, state).model_dump(mode="json")
    finally:
        database.close()


def _show(title: str, steps: list[dict[str, Any]]) -> None:
    """Each event with what it says, and what of the state changed by it."""
    from rich import box  # noqa: PLC0415
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(
        "#",
        "recorded",
        "the event says",
        "the state after it, as changed",
        box=box.SIMPLE,
        show_lines=True,
    )
    before: Mapping[str, Any] = {}
    for step in steps:
        state = step["state"]
        changed = {
            name: value for name, value in state.items() if before.get(name, ...) != value
        }
        table.add_row(
            str(step["version"]),
            f"{step['type']}\n{step['at']}\n{step['actor']}",
            _listed(step["event"]),
            _listed(changed),
        )
        before = state
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    line(title)
    console.print(table)


def _listed(values: Mapping[str, Any]) -> str:
    """One `name: value` a line, without what is unset."""
    from rich.markup import escape  # noqa: PLC0415

    shown = {k: v for k, v in values.items() if v not in (None, [], {}, "")}
    return escape("\n".join(f"{name}: {value}" for name, value in shown.items()))
