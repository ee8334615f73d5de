"""The caller as the relay sees it: headers out, bytes out, and whether it left.

The relay knows nothing of ASGI; this is the one place that does.

The headers of a stream go out at once, unless its end is there too. Those of any other
answer wait for the first piece of its body, which waits for a commit: one system call and
one wake-up of the client less.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from proxy.incoming import Answering, Leaving, Message, Passing, Receive, Send

# For our own server (`adapters/http/exchange.py`): what comes next is the first piece.
BODY_FOLLOWS = "clawbot.body_follows"


class Client:
    """One ASGI request whose body has been read.

    `left` says that it has closed its side, since `left_at` (monotonic seconds).
    """

    __slots__ = (
        "_act", "_answering", "_at_once", "_head", "_leaving", "_passing", "_receive",
        "_send", "_watch", "left", "left_at", "started",
    )  # fmt: skip

    def __init__(
        self,
        receive: Receive,
        send: Send,
        leaving: Leaving | None = None,
        passing: Passing | None = None,
        answering: Answering | None = None,
    ) -> None:
        self._receive = receive
        self._send = send
        self._leaving = leaving
        self._passing = passing
        self._answering = answering
        self._at_once = False
        self._watch: asyncio.Task[None] | None = None
        self._head: Message | None = None  # while it waits
        self._act: Callable[[], None] | None = None
        self.left = False
        self.left_at = 0.0
        self.started = False

    async def start(
        self, status: int, headers: list[tuple[bytes, bytes]], *, whole: bool = False
    ) -> None:
        """Send the status line and the headers, at the latest with the first piece.

        Of a stream that is `whole` already, too: nobody can see it begin sooner.
        """
        self.started = True
        self._head = {"type": "http.response.start", "status": status, "headers": headers}
        if self._at_once and not whole:
            await self._send_head()

    async def put(self, piece: bytes) -> None:
        """Send a piece; returns when the client's buffer has room for the next.

        The connection closes on a client that takes nothing for 60 s; it has left then.
        """
        if self._head is not None:
            await self._send_head(body_follows=True)
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    def pass_on(self, piece: bytes = b"") -> bool:
        """Send a piece now, behind a head that is out; whether the next may go so too.

        Where it may not, `put` is to be used: it waits for room.
        """
        return self._passing is not None and self._head is None and self._passing(piece)

    async def finish(self, piece: bytes = b"") -> None:
        """Send the last piece."""
        head, answering = self._head, self._answering
        if head is not None:
            if answering is not None and answering(head["status"], head["headers"], piece):
                self._head = None
                return
            await self._send_head(body_follows=True)
        await self._send({"type": "http.response.body", "body": piece, "more_body": False})

    async def _send_head(self, *, body_follows: bool = False) -> None:
        head, self._head = self._head, None
        if head is not None:
            if body_follows and self._leaving is not None:
                head[BODY_FOLLOWS] = True
            await self._send(head)

    async def hear(self) -> Message:
        """What the client says, or that it has left, where nobody watches."""
        return await self._receive()

    def watch(self, *, streaming: bool = True) -> None:
        """Notice from now on when the client hangs up; a stream's headers will not wait.

        Of a server that does not tell, only streams are worth the task that it takes.
        """
        self._at_once = streaming
        if self._leaving is not None:
            self._leaving(self._hung_up)
        elif streaming and self._watch is None:
            self._watch = asyncio.create_task(self._until_left())

    def when_left(self, act: Callable[[], None] | None) -> None:
        """Do this, and nothing else, when the client hangs up; at once if it has."""
        self._act = act
        if self.left and act is not None:
            act()

    async def _until_left(self) -> None:
        message = await self._receive()
        while message["type"] != "http.disconnect":
            message = await self._receive()
        self._hung_up()

    def _hung_up(self) -> None:
        self.left, self.left_at = True, time.monotonic()
        if self._act is not None:
            self._act()

    async def close(self) -> None:
        """Stop to watch; an answer that was begun and has no end is seen to break off."""
        self._act = None
        if self._head is not None:
            await self._send_head()
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
