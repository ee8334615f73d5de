"""`clawbot replay`: one stream, event by event, or what changed in it meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from api.cli.output import Json, document, example, line
from domain.errors import BadSetup, InvalidFields, NotFound

FILE_WIDTH = 160  # characters, where the output is no terminal


def add_to(app: typer.Typer) -> None:
    """The commands of this module are known to `clawbot`."""
    an_id = "0197f0c0-0000-7000-8000-000000000000"
    commands = (
        f"clawbot replay bot {an_id}",
        f"clawbot replay call {an_id} --at 2026-01-31T12:00:00Z --json",
        f"clawbot replay bot {an_id} --since fleet=1042",
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


@dataclass(frozen=True, kw_only=True)
class Moment:
    """A time, or the position of a log, and how it was named."""

    text: str
    time: datetime | None = None
    log: str | None = None
    position: int | None = None


def a_moment(text: str) -> Moment:
    """A time, or a position like fleet=1042."""
    found = re.fullmatch(r"(fleet|calls)=([0-9]{1,18})", text)
    if found is None:
        return Moment(text=text, time=a_time(text))
    return Moment(text=text, log=found[1], position=int(found[2]))


def replay(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="bot, call, team, …")],
    stream_id: Annotated[UUID, typer.Argument(metavar="ID", help="The stream's id.")],
    *,
    at: Annotated[
        Moment | None,
        typer.Option(
            parser=a_moment,
            metavar="WHEN",
            help="Only what was recorded by that time, or position such as fleet=1042.",
        ),
    ] = None,
    since: Annotated[
        Moment | None,
        typer.Option(
            parser=a_moment, metavar="WHEN", help="Instead, what has changed since then."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the history of one thing, event by event.

    Reads the log itself, so it is never behind. Leaves with 1 if nothing is recorded.
    """
    from application.audit import KINDS  # noqa: PLC0415

    if kind not in KINDS:
        msg = f"There is no kind {kind}; there are {', '.join(KINDS)}."
        raise BadSetup(msg)
    try:
        if since is None:
            found = _replayed(kind, stream_id, at)
        else:
            found = _compared(kind, stream_id, since, at)
    except NotFound as error:
        when = f" by {at.text}" if at else ""
        msg = f"No {kind} {stream_id} is recorded{when}."
        raise NotFound(msg) from error
    if as_json:
        document(found)
    elif since is None:
        _show(f"{kind} {stream_id}", found["items"])
    else:
        _show_changes(f"{kind} {stream_id} since {since.text}", found)


def _replayed(kind: str, stream_id: UUID, at: Moment | None) -> dict[str, Any]:
    from api.audit_shapes import step_shown  # noqa: PLC0415
    from application.audit import replay as read  # noqa: PLC0415

    with _log_of(kind) as log:
        steps = list(read(log, kind, stream_id, until=_when(log.name, at)))
    items = [step_shown(*step).model_dump(mode="json") for step in steps]
    return {"kind": kind, "stream_id": stream_id, "items": items}


def _compared(
    kind: str, stream_id: UUID, since: Moment, at: Moment | None
) -> dict[str, Any]:
    from api.audit_shapes import comparison_shown  # noqa: PLC0415
    from application.audit import compare  # noqa: PLC0415

    with _log_of(kind) as log:
        ends = {"since": _when(log.name, since), "until": _when(log.name, at)}
        try:
            compared = compare(log, kind, stream_id, **ends)
        except InvalidFields as error:
            msg = "--since is later than --at."
            raise BadSetup(msg) from error
    return comparison_shown(compared).model_dump(mode="json", by_alias=True)


def _when(log: str, moment: Moment | None) -> Any:
    """What the event log is asked for."""
    from application.audit import NOW, When  # noqa: PLC0415

    if moment is None:
        return NOW
    if moment.log not in {None, log}:
        msg = f"{moment.text} is of another log: this is recorded in {log}."
        raise BadSetup(msg)
    return When(time=moment.time, position=moment.position)


@contextmanager
def _log_of(kind: str) -> Iterator[Any]:
    """The log in which streams of that kind are."""
    from adapters.event_store import EventMapper  # noqa: PLC0415
    from adapters.postgres.database import Database  # noqa: PLC0415
    from adapters.postgres.recorder import PostgresRecorder  # noqa: PLC0415
    from api.cli.database import running_database  # noqa: PLC0415
    from application.audit import KINDS  # noqa: PLC0415
    from application.event_log import EventLog  # noqa: PLC0415

    with running_database() as url:
        database = Database(url, role="clawbot_api", size=1)
        database.open()
        try:
            log = KINDS[kind][0]
            yield EventLog(log, PostgresRecorder(database, log), EventMapper())
        finally:
            database.close()


def _show(title: str, steps: list[dict[str, Any]]) -> None:
    """Each event with what it says, and what of the state changed by it."""
    from rich import box  # noqa: PLC0415
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
    _print(title, table)


def _show_changes(title: str, found: Mapping[str, Any]) -> None:
    """Each place that changed, before and after, and the events that did it."""
    from rich import box  # noqa: PLC0415
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table("place", "before", "after", box=box.SIMPLE)
    for one in found["changes"]:
        table.add_row(*(escape(str(one[name])) for name in ("path", "before", "after")))
    _print(title, table)
    for step in found["events"]:
        line(f"{step['version']}  {step['at']}  {step['type']}  {step['actor']}")


def _print(title: str, table: Any) -> None:
    from rich.console import Console  # noqa: PLC0415

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
