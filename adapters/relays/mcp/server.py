"""One running MCP server, and the sessions that share it.

A server over stdio has one session by nature: we hold it, as a client that offers nothing,
and share it out. Each caller's requests get numbers of ours on the way in and their own
back on the way out, progress tokens too, so that no caller hears another's answers. What
the server tells everybody goes to every session's listener. A server that writes what is no
message, or more than anybody could read, is ended, and its sessions with it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

from adapters.relays.mcp.messages import (
    Id,
    Message,
    NotAMessage,
    failure,
    is_request,
    line,
    notification,
    read_message,
)
from adapters.relays.mcp.sandbox import Running
from adapters.relays.mcp.sessions import (
    UNDER_WAY,
    Busy,
    Exchange,
    NoSession,
    Pace,
    ServerEnded,
    Session,
)
from domain.mcp import NO_SUCH_METHOD, VERSIONS

SESSIONS = 32
HEARD = 256  # messages that wait for a listener
GARBAGE = 100  # lines that are no message, before it is given up
WRITE_SECONDS = 10.0
SHORTEST_MASKED = 8  # characters: shorter ones are no secrets, but parts of everything

log = logging.getLogger(__name__)


class Server:
    """Lives in one event loop, from `begin` until `ended` is set."""

    def __init__(self, running: Running, secret_values: Sequence[str] = ()) -> None:
        self.running = running
        self.sessions: dict[str, Session] = {}
        self.about: Message = {}  # its answer to `initialize`
        self.ended = asyncio.Event()
        self.used_at = time.monotonic()
        self._under_way: dict[int, Exchange] = {}
        self._numbers = count(1)
        self._writing = asyncio.Lock()
        self._masked = [
            line({"": value})[5:-3]
            for value in secret_values
            if len(value) >= SHORTEST_MASKED
        ]
        self._reading = asyncio.create_task(self._read())

    @property
    def idle_seconds(self) -> float:
        """Since anybody asked; 0 while a request is under way."""
        return 0.0 if self._under_way else time.monotonic() - self.used_at

    async def begin(self) -> None:
        """The server has said who it is, in a version that we speak; `ServerEnded`."""
        asked = {
            "protocolVersion": VERSIONS[0],
            "capabilities": {},
            "clientInfo": {"name": "clawbot", "version": "1"},
        }
        session = Session()
        message = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": asked}
        exchange = await self.ask(session, message)
        answer, _ = await exchange.told.get()
        about = answer.get("result")
        if not isinstance(about, dict) or about.get("protocolVersion") not in VERSIONS:
            self.stop()
            raise ServerEnded
        self.about = about
        await self._write(notification("notifications/initialized"))

    def open(self) -> Session:
        """A session of its own; the longest unused one goes, where there are too many."""
        if len(self.sessions) >= SESSIONS:
            busy = {exchange.session for exchange in self._under_way.values()}
            unused = [
                one
                for one in self.sessions.values()
                if one.heard is None and one not in busy
            ]
            if not unused:
                raise Busy
            self.close(min(unused, key=lambda one: one.used_at))
        session = Session()
        self.sessions[session.id] = session
        return session

    def session(self, session_id: str) -> Session:
        """The session of that id; `NoSession`."""
        session = self.sessions.get(session_id)
        if session is None or self.ended.is_set():
            raise NoSession
        session.used_at = self.used_at = time.monotonic()
        return session

    def close(self, session: Session) -> None:
        """The session is over; who listens is told so."""
        self.sessions.pop(session.id, None)
        session.hang_up()

    def listen(self, session: Session) -> asyncio.Queue[Message | None]:
        """What the server tells everybody, from now on; None: it is over.

        Who listened in this session before hears nothing more.
        """
        session.hang_up()
        session.heard = asyncio.Queue(HEARD)
        return session.heard

    async def ask(self, session: Session, message: Message) -> Exchange:
        """The request is with the server; `Busy`, `ServerEnded`."""
        if len(self._under_way) >= UNDER_WAY:
            raise Busy
        ours, params = next(self._numbers), dict(message.get("params", {}))
        meta, token = params.get("_meta"), None
        if isinstance(meta, dict) and "progressToken" in meta:
            token = meta["progressToken"]
            params["_meta"] = {**meta, "progressToken": ours}
        exchange = Exchange(session=session, number=message["id"], token=token)
        self._under_way[ours] = exchange
        going = {**message, "id": ours}
        if "params" in message:
            going["params"] = params
        try:
            await self._write(going)
        except ServerEnded:
            self._under_way.pop(ours, None)
            raise
        return exchange

    async def give_up(self, exchange: Exchange) -> None:
        """Nobody waits for the answer any more; the server is told, if it still works."""
        for ours, one in list(self._under_way.items()):
            if one is exchange:
                del self._under_way[ours]
                self.used_at = time.monotonic()
                with suppress(ServerEnded):
                    await self._write(
                        notification("notifications/cancelled", requestId=ours)
                    )

    async def cancel(self, session: Session, number: Id) -> None:
        """The session does not want the answer to this request of its own any more."""
        for exchange in list(self._under_way.values()):
            if exchange.session is session and exchange.number == number:
                await self.give_up(exchange)
                gone = failure(number, "The request was cancelled.", code="cancelled")
                exchange.told.put_nowait((gone, True))

    def stop(self) -> None:
        """It is ended: the reader sees that, and tells everybody."""
        self._reading.cancel()

    async def _write(self, message: Message) -> None:
        stdin = self.running.process.stdin
        if stdin is None or self.ended.is_set():
            raise ServerEnded
        try:
            async with asyncio.timeout(WRITE_SECONDS), self._writing:
                stdin.write(line(message))
                await stdin.drain()
        except (OSError, TimeoutError) as error:  # it does not read: it never will again
            self.stop()
            raise ServerEnded from error

    async def _read(self) -> None:
        reason = "stopped"
        try:
            reason = await self._read_on()
        except (OSError, ValueError, ServerEnded) as error:
            reason = type(error).__name__
        finally:
            self.ended.set()
            log.info("mcp.server_ended", extra={"reason": reason})
            for exchange in self._under_way.values():
                gone = failure(
                    exchange.number, "The plugin's server has ended.", code=ServerEnded.code
                )
                exchange.told.put_nowait((gone, True))
            self._under_way.clear()
            for session in list(self.sessions.values()):
                self.close(session)

    async def _read_on(self) -> str:
        """Every message of the server, until it is over: why."""
        stdout, garbage = self.running.process.stdout, 0
        pace = Pace()
        # `ValueError`: a line is longer than a message may be.
        while stdout is not None and (text := await stdout.readline()):
            if not pace.allows(len(text)):
                return "flood"
            for value in self._masked:
                text = text.replace(value, b"*" * 8)
            try:
                message = read_message(text)
            except NotAMessage:
                garbage += 1
                if garbage > GARBAGE:
                    return "garbage"
                continue
            await self._take(message)
        return "end"

    async def _take(self, message: Message) -> None:
        if "method" not in message:
            exchange = self._under_way.pop(_number(message.get("id")), None)
            if exchange is not None:
                self.used_at = time.monotonic()
                exchange.told.put_nowait(({**message, "id": exchange.number}, True))
        elif is_request(message):
            await self._write(_answer_to(message))
        elif message["method"] == "notifications/progress":
            self._take_progress(message)
        elif message["method"] != "notifications/cancelled":
            self._tell_everybody(message)

    def _take_progress(self, message: Message) -> None:
        params = message.get("params", {})
        exchange = self._under_way.get(_number(params.get("progressToken")))
        if exchange is None or exchange.token is None:
            return
        if exchange.told.qsize() < HEARD:
            params = {**params, "progressToken": exchange.token}
            exchange.told.put_nowait(({**message, "params": params}, False))

    def _tell_everybody(self, message: Message) -> None:
        for session in self.sessions.values():
            if session.heard is not None:
                try:
                    session.heard.put_nowait(message)
                except asyncio.QueueFull:
                    session.hang_up()


def _number(value: object) -> int:
    return value if isinstance(value, int) else -1


def _answer_to(message: Message) -> Message:
    """What we say to a server that asks its client: we offer nothing but to be there."""
    if message["method"] == "ping":
        return {"jsonrpc": "2.0", "id": message["id"], "result": {}}
    return failure(
        message["id"], "Not offered here.", code="not-offered", kind=NO_SUCH_METHOD
    )
