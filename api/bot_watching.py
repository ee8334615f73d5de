"""What a bot's container says and takes: logs, numbers, and those of all the team's bots.

The worker is asked, the only process with an engine; 503 if it cannot say.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractContextManager, aclosing, suppress
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi import Query as FromQuery
from pydantic import BaseModel, Field
from starlette.responses import StreamingResponse

from api.bot_reading import TheBots
from api.callers import NoteRead, TheUser
from api.lasting import Lasting, TheLasting
from api.live_feed import LiveFeed
from api.paging import TheCursors
from api.positions import reached
from api.shapes import ListQuery, Moment, Page, Query
from api.wired import TheSystem, Wired
from application.engines import ContainerStats, LogLine
from domain.bot_events import Runtime
from domain.bots import BotHasNoContainer
from domain.errors import NotFound, Unavailable
from domain.ids import TeamId

router = APIRouter(prefix="/api/bot", tags=["bots"])

MOST_BOTS = 1000


class LogQuery(Query):
    tail: int = Field(default=100, ge=0, le=10_000)
    since: Moment | None = None
    follow: bool = False


class LogLineOut(BaseModel):
    at: datetime | None
    stream: str
    text: str


class StatsOut(BaseModel):
    """What a container takes now; `cpu_percent` is of one CPU."""

    hostname: str
    container_id: str
    cpu_percent: float
    memory_bytes: int
    memory_limit_bytes: int
    network_rx_bytes: int
    network_tx_bytes: int
    disk_read_bytes: int
    disk_write_bytes: int
    pids: int


@router.get("/stats")
def stats_of_all(
    query: Annotated[ListQuery, FromQuery()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[StatsOut]:
    """What the containers of the team's running bots take."""
    reached(response, system.fleet.head())
    names = _hostnames(system, user.team_id)
    found = system.fleet_watch.stats(list(names)) if names else ()
    shown = [stats_shown(one, names[one.bot_id]) for one in found]
    shown.sort(key=lambda one: one.hostname)
    return cursors.whole(shown, query, lambda one: one.hostname)


@router.get("/{hostname}/stats")
def stats(hostname: str, bots: TheBots, system: TheSystem, response: Response) -> StatsOut:
    """What the bot's container takes; 404 while it does not run."""
    reached(response, system.fleet.head())
    _needs_container(bots.row(hostname).runtime)
    found: Sequence[ContainerStats] = system.fleet_watch.stats([bots.id_of(hostname)])
    if not found:
        raise NotFound
    return stats_shown(found[0], hostname)


@router.get(
    "/{hostname}/logs",
    response_model=Page[LogLineOut],
    responses={200: {"content": {"text/event-stream": {}}}},
)
def logs(  # noqa: PLR0913, PLR0917 - what the framework hands in
    hostname: str,
    query: Annotated[LogQuery, FromQuery()],
    request: Request,
    bots: TheBots,
    user: TheUser,
    lasting: TheLasting,
    system: TheSystem,
    note_read: NoteRead,
) -> object:
    """The last lines, oldest first; with `follow`, as server-sent events from there on.

    The stream ends with the access of whoever opened it; it counts among their ten. Of more
    than 1,000 lines in a second it leaves the first out: one of stream `clawbot` says so.
    """
    _needs_container(bots.row(hostname).runtime)
    note_read(hostname)
    bot_id, watch = bots.id_of(hostname), system.fleet_watch
    if not query.follow:
        found = watch.logs(bot_id, tail=query.tail, since=query.since)
        return Page(items=[line_shown(line) for line in found])
    feed: LiveFeed = request.app.state.live_feed
    feed.refuse_crowd(user.principal)
    watch.logs(bot_id, tail=0)  # what is wrong is said before the stream begins
    lines = watch.following(bot_id, tail=query.tail, since=query.since)
    told = _counted(_events(lines, lasting), feed.counted(user.principal))
    return StreamingResponse(told, media_type="text/event-stream")


async def _events(
    lines: AsyncGenerator[LogLine | None, None], lasting: Lasting
) -> AsyncGenerator[str, None]:
    """Without an `end` where the worker or its engine went away."""
    async with aclosing(lines):
        with suppress(Unavailable):
            async for line in lines:
                if not await lasting.lasts():
                    break
                if line is None:
                    yield ": \n\n"
                else:
                    yield f"event: line\ndata: {line_shown(line).model_dump_json()}\n\n"
            yield "event: end\ndata: {}\n\n"


async def _counted(
    told: AsyncGenerator[str, None], counted: AbstractContextManager[None]
) -> AsyncIterator[str]:
    with counted:
        async with aclosing(told):
            async for text in told:
                yield text


def line_shown(line: LogLine) -> LogLineOut:
    """A line as it goes out."""
    return LogLineOut(at=line.at, stream=line.stream, text=line.text)


def stats_shown(found: ContainerStats, hostname: str) -> StatsOut:
    """Numbers as they go out."""
    return StatsOut(
        hostname=hostname,
        container_id=found.container_id,
        cpu_percent=found.cpu_percent / 100,
        memory_bytes=found.memory_bytes,
        memory_limit_bytes=found.memory_limit_bytes,
        network_rx_bytes=found.network_rx_bytes,
        network_tx_bytes=found.network_tx_bytes,
        disk_read_bytes=found.disk_read_bytes,
        disk_write_bytes=found.disk_write_bytes,
        pids=found.pids,
    )


def _hostnames(system: Wired, team_id: TeamId) -> dict[UUID, str]:
    rows = system.bot_directory.of_team(team_id, after="", limit=MOST_BOTS)
    return {row.bot_id: row.hostname for row in rows if row.runtime is not Runtime.EXTERNAL}


def _needs_container(runtime: Runtime) -> None:
    if runtime is Runtime.EXTERNAL:
        raise BotHasNoContainer
