"""Streamable HTTP in front of a bot's plugins (MCP 2025-06-18 and 2025-11-25).

    POST    one message; a request is answered as JSON if that takes no time, else as SSE
    GET     what the server tells everybody, as SSE
    DELETE  the end of a session

A session is a bot's with one plugin, and ends with the plugin's process: then 404, upon
which a client begins another. A stream that broke off is not taken up again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from adapters.door.guard import code_of, status_of, words_of
from adapters.relays.bots import Bots
from adapters.relays.masked import read_body
from adapters.relays.mcp.forwarding import Forwarding
from adapters.relays.mcp.messages import Message, NotAMessage, is_request, read_message
from adapters.relays.mcp.server import Server
from adapters.relays.mcp.servers import Owned, Servers
from adapters.relays.mcp.sessions import Exchange, NoSession, Session
from adapters.relays.streamed import Streamed, while_listened
from domain.door_passes import DoorPass
from domain.equipment import PluginInstall
from domain.errors import Forbidden, Invalid, NotFound, Refused, Unavailable
from domain.mcp import SESSION, VERSION, VERSIONS, error_body

LARGEST_BODY = 4 * 1024 * 1024
AT_ONCE_SECONDS = 0.5  # an answer that takes longer is a stream
BEAT_SECONDS = 15.0
RETRY_AFTER = "5"
NO_CONTENT, ACCEPTED, NOT_ALLOWED = 204, 202, 405
JSON = "application/json"
BEAT = b": \n\n"  # a comment: it says that the stream is still there
EVENTS = {"content-type": "text/event-stream", "cache-control": "no-store"}


class NotInstalledHere(NotFound):
    """The bot has no plugin of that name, or runs it itself."""

    code = "no-such-plugin"


class FromABrowser(Forbidden):
    """A web page may not ask for a bot."""

    code = "origin-not-allowed"


class OtherVersion(Invalid):
    """The protocol version of the header is not spoken here."""

    code = "unsupported-protocol-version"


class McpRelaying:
    """Answers for the plugins of bots; lives in the door's loop."""

    def __init__(self, bots: Bots, servers: Servers, forwarding: Forwarding) -> None:
        self._bots = bots
        self._servers = servers
        self._forwarding = forwarding

    async def answer(self, request: Request, names: DoorPass) -> Response:
        """The plugin's answer, or ours as a JSON-RPC error."""
        try:
            owned = await self._owned(request, names)
            if owned.install.transport == "http":
                return await self._forwarding.answer(request, owned)
            return await self._answer(request, owned)
        except (Refused, Unavailable) as error:
            return _refusal(error)

    async def _owned(self, request: Request, names: DoorPass) -> Owned:
        if "origin" in request.headers:
            raise FromABrowser
        bot = await self._bots.served(names)
        slug = request.path_params["slug"]
        install = _of_slug(bot.equipment.plugins, slug)
        return Owned(team_id=names.team_id, bot_id=names.bot_id, install=install)

    async def _answer(self, request: Request, owned: Owned) -> Response:
        if request.headers.get(VERSION, VERSIONS[0]) not in VERSIONS:
            raise OtherVersion
        if request.method == "POST":
            return await self._post(request, owned)
        if request.method == "HEAD":
            return Response(status_code=NOT_ALLOWED)
        server = self._servers.there(owned)
        if server is None:
            raise NoSession
        session = server.session(request.headers.get(SESSION, ""))
        if request.method == "DELETE":
            server.close(session)
            return Response(status_code=NO_CONTENT)
        heard = server.listen(session)
        gone = partial(_listens_no_more, session, heard)
        return Streamed(_heard(heard), 200, EVENTS, closing=gone)

    async def _post(self, request: Request, owned: Owned) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != JSON:
            raise NotAMessage
        message = read_message(await read_body(request, LARGEST_BODY))
        if message.get("method") == "initialize" and is_request(message):
            server = await while_listened(request, self._servers.of(owned))
            session = server.open()
            about = server.about | {"protocolVersion": _spoken(server, message)}
            said = {"jsonrpc": "2.0", "id": message["id"], "result": about}
            return _json(said, {SESSION: session.id})
        running = self._servers.there(owned)
        if running is None:
            raise NoSession
        session = running.session(request.headers.get(SESSION, ""))
        if is_request(message):
            return await _asked(running, session, message)
        if message.get("method") == "notifications/cancelled":
            number = message.get("params", {}).get("requestId")
            if isinstance(number, str | int):
                await running.cancel(session, number)
        return Response(status_code=ACCEPTED)


def _spoken(server: Server, message: Message) -> str:
    """The older of what the client asks for and what the server speaks."""
    asked = message.get("params", {}).get("protocolVersion")
    spoken: str = server.about["protocolVersion"]
    if asked not in VERSIONS:
        return spoken
    return VERSIONS[max(VERSIONS.index(asked), VERSIONS.index(spoken))]


def _of_slug(plugins: tuple[PluginInstall, ...], slug: str) -> PluginInstall:
    for install in plugins:
        if install.slug == slug and not install.inside:
            return install
    raise NotInstalledHere


async def _asked(server: Server, session: Session, message: Message) -> Response:
    """As JSON if the answer is there at once, else as a stream that ends with it."""
    exchange = await server.ask(session, message)
    first: tuple[Message, bool] | None = None
    with suppress(TimeoutError):
        async with asyncio.timeout(AT_ONCE_SECONDS):
            first = await exchange.told.get()
    if first is not None and first[1]:
        return _json(first[0], {})
    # Who leaves before the answer has given the request up.
    gone = partial(server.give_up, exchange)
    return Streamed(_told(exchange, first), 200, EVENTS, closing=gone)


async def _told(
    exchange: Exchange, first: tuple[Message, bool] | None
) -> AsyncGenerator[bytes, None]:
    """Progress, and at last the answer."""
    coming = first
    while coming is None or not coming[1]:
        yield BEAT if coming is None else _event(coming[0])
        coming = await _next(exchange.told)
    yield _event(coming[0])


async def _heard(queue: asyncio.Queue[Message | None]) -> AsyncGenerator[bytes, None]:
    """What everybody is told, until the session is over or another listens."""
    yield BEAT
    while True:
        try:
            async with asyncio.timeout(BEAT_SECONDS):
                message = await queue.get()
        except TimeoutError:
            yield BEAT
            continue
        if message is None:
            return
        yield _event(message)


async def _next(told: asyncio.Queue[Any]) -> Any:
    """What is told next; None when nothing was for 15 s."""
    with suppress(TimeoutError):
        async with asyncio.timeout(BEAT_SECONDS):
            return await told.get()
    return None


async def _listens_no_more(session: Session, heard: asyncio.Queue[Message | None]) -> None:
    if session.heard is heard:
        session.heard = None


def _event(message: Message) -> bytes:
    return b"event: message\ndata: " + orjson.dumps(message) + b"\n\n"


def _json(message: Message, headers: dict[str, str]) -> Response:
    body = orjson.dumps(message)
    return Response(body, 200, headers, media_type=JSON)


def _refusal(error: Refused | Unavailable) -> Response:
    status = status_of(error)
    body = error_body(code=code_of(error), message=words_of(error))
    headers = {"retry-after": RETRY_AFTER} if isinstance(error, Unavailable) else {}
    return Response(body, status, headers, media_type=JSON)
