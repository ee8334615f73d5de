"""What the api asks through the door: the engine, logs, numbers, orphans, facts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from adapters.door import shapes
from adapters.door.guard import Answering, guarded
from adapters.door.watching import Watching
from application.engines import LogLine
from domain.door_passes import DoorPass, Purpose
from domain.errors import Invalid

MOST_LINES = 10_000


def engine_routes(watching: Watching, secret: bytes) -> Sequence[Route]:
    """The routes, each for a pass of the purpose `engine`."""
    asked = _Asked(watching)
    table: list[tuple[str, str, Answering]] = [
        ("GET", "/engine", asked.status),
        ("GET", "/engine/logs/{bot_id:uuid}", asked.logs),
        ("POST", "/engine/stats", asked.stats),
        ("GET", "/engine/orphans", asked.orphans),
        ("POST", "/engine/clean-up", asked.clean_up),
        ("GET", "/engine/facts/{bot_id:uuid}", asked.facts),
    ]
    return [
        Route(path, guarded(Purpose.ENGINE, secret, answering), methods=[method])
        for method, path, answering in table
    ]


class _Asked:
    """One method for each route."""

    def __init__(self, watching: Watching) -> None:
        self._watching = watching

    async def status(self, _request: Request, _pass: DoorPass) -> Response:
        return said(shapes.STATUS, await self._watching.status())

    async def stats(self, request: Request, _pass: DoorPass) -> Response:
        bot_ids = await told(shapes.BOT_IDS, request)
        return said(shapes.STATS, await self._watching.stats(bot_ids))

    async def orphans(self, _request: Request, _pass: DoorPass) -> Response:
        return said(shapes.ORPHANS, await self._watching.orphans())

    async def clean_up(self, request: Request, _pass: DoorPass) -> Response:
        dry_run = await told(shapes.DRY_RUN, request)
        return said(shapes.ORPHANS, await self._watching.clean_up(dry_run=dry_run))

    async def facts(self, request: Request, _pass: DoorPass) -> Response:
        return said(shapes.FACTS, await self._watching.facts(_bot_id(request)))

    async def logs(self, request: Request, _pass: DoorPass) -> Response:
        """NDJSON, a line for each line; with `follow` an empty one when nothing comes."""
        bot_id, query = _bot_id(request), request.query_params
        try:
            tail = min(max(int(query.get("tail", "100")), 0), MOST_LINES)
            text = query.get("since")
            since = datetime.fromisoformat(text) if text else None
        except ValueError as error:
            raise Invalid from error
        lines = await self._watching.lines(bot_id, tail=tail, since=since)
        following = None
        if query.get("follow") == "true":
            # Who wants none of the old ones hears what comes after the newest of them.
            seen = (
                lines if tail else await self._watching.lines(bot_id, tail=1, since=since)
            )
            following = self._watching.following(bot_id, seen, since=since)
        return StreamingResponse(
            _stream(lines, following), media_type="application/x-ndjson"
        )


async def _stream(
    lines: list[LogLine], following: AsyncIterator[LogLine | None] | None
) -> AsyncIterator[bytes]:
    for line in lines:
        yield shapes.LINE.dump_json(line) + b"\n"
    if following is not None:
        async for coming in following:
            yield b"\n" if coming is None else shapes.LINE.dump_json(coming) + b"\n"


def said(shape: TypeAdapter[Any], value: object) -> Response:
    """The value as JSON."""
    body = shape.dump_json(value)
    return Response(body, HTTPStatus.OK, media_type="application/json")


async def told(shape: TypeAdapter[Any], request: Request) -> Any:
    """What the request's body says; `Invalid`."""
    try:
        return shape.validate_json(await request.body())
    except ValidationError as error:
        raise Invalid from error


def _bot_id(request: Request) -> UUID:
    bot_id: UUID = request.path_params["bot_id"]
    return bot_id
