"""One request and its answer, as the ASGI application sees them (ASGI 3, HTTP 2.3)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Protocol

from adapters.http.answers import UNTIL_CLOSE, answer_head, framed
from adapters.http.head import Head, decoded

Message = MutableMapping[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

_ASGI = {"version": "3.0", "spec_version": "2.3"}
_WORTH_COPYING = 64 * 1024  # bytes; one more system call is cheaper than more of them
# In the message that starts an answer: its first piece comes without delay. (Ours.)
BODY_FOLLOWS = "clawbot.body_follows"
# Of a scope's extensions; see `Exchange.when_left`, `.pass_on` and `.answer`.
LEAVING, PASSING, ANSWERING = "clawbot.leaving", "clawbot.passing", "clawbot.answering"
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

log = logging.getLogger(__name__)


def scope_of(
    exchange: Exchange, addresses: tuple[Any, Any], state: dict[str, Any]
) -> dict[str, Any]:
    """What the application is told; `addresses` are ours and the client's."""
    head = exchange.head
    path, _, query = head.target.partition(b"?")
    return {
        "type": "http",
        "asgi": _ASGI,
        "http_version": "1.1" if head.minor else "1.0",
        "method": head.method,
        "scheme": "http",
        "path": decoded(path),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": head.headers,
        "server": addresses[0],
        "client": addresses[1],
        "state": state,
        "extensions": {
            LEAVING: exchange.when_left,
            PASSING: exchange.pass_on,
            ANSWERING: exchange.answer,
        },
    }


class Line(Protocol):
    """The connection, as far as an exchange needs it."""

    tasks: set[asyncio.Task[None]]  # those that run exchanges

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one that it lives in; to ask for the running one is a system call."""

    def write(self, data: bytes) -> None:
        """Send, without waiting."""

    @property
    def has_room(self) -> bool:
        """Whether there is room to write."""

    def room(self) -> asyncio.Future[None] | None:
        """Done when there is room to write; None if there is now."""

    def read_on(self) -> None:
        """The application has taken what was there."""

    def may_stay(self) -> bool:
        """Whether another exchange could follow this one."""

    def answered(self, *, stays: bool) -> None:
        """The answer is written, to its end."""

    def switch(self) -> None:
        """From now on the line's bytes belong to the application, both ways."""

    def refuse(self, status: int) -> None:
        """Nothing was answered: answer this, and close."""

    def cut(self, *, at_once: bool) -> None:
        """The answer breaks off here: close."""


class Exchange:
    """What the application is called with; the connection feeds it and may end it."""

    __slots__ = (
        "_act", "_begun", "_framing", "_left", "_line", "_pieces", "_stays", "_taken",
        "_waiter", "answered", "gone", "head", "started", "task", "unread", "whole",
    )  # fmt: skip

    def __init__(self, head: Head, line: Line) -> None:
        self.head = head
        self._line = line
        self._pieces: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._begun = b""  # the answer's head, until something is written
        self._framing = 0
        self._stays = False
        self._taken = False  # the whole request, by the application
        self._left = False
        self._act: Callable[[], None] | None = None
        self.whole = False  # the request
        self.unread = 0  # bytes that the application has not taken
        self.started = False
        self.answered = False
        self.gone = False
        self.task: asyncio.Task[None] | None = None  # that runs it

    # for the connection

    def put(self, piece: bytes) -> None:
        """A piece of the body has come."""
        self._pieces.append(piece)
        self.unread += len(piece)
        self._wake()

    def end(self, body: bytes = b"") -> None:
        """The request is whole; the body, if it is given, has come with the head."""
        self.whole = True
        if body:
            self._pieces.append(body)
        if self._waiter is not None:
            self._wake()

    def leave(self) -> None:
        """The client says nothing more; it may still listen."""
        self._left = True
        self._tell()

    def lose(self) -> None:
        """There is nobody to answer to any more."""
        self.gone = self._left = True
        self._tell()

    def _tell(self) -> None:
        act, self._act = self._act, None
        if act is not None:
            act()
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # for the application

    async def run(self, application: Application, scope: dict[str, Any]) -> None:
        """Afterwards the client has its answer, or sees that it was cut off."""
        try:
            await application(scope, self.receive, self.send)
        except Exception:
            log.exception("request.failed")
        finally:
            self._act = None
            if not (self.answered or self.gone):
                self._break_off()
            if self.task is not None:  # as a callback of the task's, this would cost more
                self._line.tasks.discard(self.task)

    def when_left(self, act: Callable[[], None]) -> None:
        """Do this once as soon as the client says nothing more, at once if that is so
        already. A way to know that needs no task which waits for `receive`."""
        if self._left:
            act()
        else:
            self._act = act

    def _break_off(self) -> None:
        if self.started:
            self._write(b"")
            # Where only the connection's end ends an answer, it must not look like that.
            self._line.cut(at_once=self._framing == UNTIL_CLOSE)
        elif self._left:
            self._line.cut(at_once=True)
        else:
            log.error("request.not_answered")
            self._line.refuse(500)

    async def receive(self) -> Message:
        """What has come of the body since; or that the client has left."""
        pieces = self._pieces
        while not (pieces or self._left or self.answered or self.whole > self._taken):
            if self.head.expects_continue and not self.started:
                self.head.expects_continue = False
                self._line.write(_CONTINUE)
            self._waiter = self._line.loop.create_future()
            await self._waiter
        if self.gone or self.answered or not (pieces or self.whole > self._taken):
            return {"type": "http.disconnect"}
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.unread = 0
        self._taken = self.whole
        if not self.whole:
            self._line.read_on()
        return {"type": "http.request", "body": body, "more_body": not self.whole}

    async def send(self, message: Message) -> None:
        """Send the head or a piece, once there is room; nothing, to who is gone."""
        while not self.gone and (room := self._line.room()) is not None:
            await room
        if self.gone:
            return
        if message["type"] == "http.response.start":
            self._start(message["status"], message.get("headers", ()))
            # With the body in one system call, if the body comes now; else soon.
            if not message.get(BODY_FOLLOWS):
                self._line.loop.call_soon(self._write, b"")
        else:
            last = not message.get("more_body", False)
            self._send_piece(message.get("body", b""), last=last)

    def pass_on(self, piece: bytes) -> bool:
        """Send a piece at once, behind a head that was sent; whether another may follow
        so, or must be sent in the usual way: because that waits, or nobody is there."""
        if piece and not self.gone:
            self._send_piece(piece, last=False)
        return self.started and not self.gone and self._line.has_room

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send the whole answer at once; False: it must be sent in the usual way, as that
        waits, or was begun."""
        if self.started or self.gone or not self._line.has_room:
            return False
        self._start(status, headers)
        self._send_piece(body, last=True)
        return True

    def _start(self, status: int, headers: Headers) -> None:
        head = self.head
        block, self._framing, self._stays = answer_head(
            status,
            headers,
            head_only=head.method == "HEAD",
            may_chunk=head.minor == 1,
            stays=head.keep_alive and self.whole and self._line.may_stay(),
        )
        self.started = True
        self._begun = block

    def _send_piece(self, piece: bytes, *, last: bool) -> None:
        data, self._framing = framed(piece, self._framing, last=last)
        self._write(data)
        if last:
            self.answered = True
            if self._waiter is not None:
                self._wake()
            self._line.answered(stays=self._stays)

    def _write(self, data: bytes) -> None:
        """What has been begun goes out, and this behind it."""
        begun, self._begun = self._begun, b""
        if self.gone:
            return
        if begun and len(data) > _WORTH_COPYING:
            self._line.write(begun)
            begun = b""
        if begun or data:
            self._line.write(begun + data)
