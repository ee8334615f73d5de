"""The caller as the relay sees it: headers out, bytes out, and whether it left.

The relay knows nothing of ASGI; this is the one place that does.
"""

from __future__ import annotations

import asyncio
import contextlib

from proxy.incoming import Receive, Send


class Client:
    """One ASGI request whose body has been read."""

    __slots__ = ("_receive", "_send", "_watch", "left", "started")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._watch: asyncio.Task[None] | None = None
        self.left = False
        self.started = False

    async def start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the status line and the headers."""
        self.started = True
        await self._send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )

    async def put(self, piece: bytes) -> None:
        """Send a piece; returns when the client's buffer has room for the next."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def finish(self, piece: bytes = b"") -> None:
        """Send the last piece."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": False})

    def watch(self) -> None:
        """Notice from now on when the client hangs up."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._until_left())

    async def _until_left(self) -> None:
        message = await self._receive()
        while message["type"] != "http.disconnect":
            message = await self._receive()
        self.left = True

    async def close(self) -> None:
        """Stop to watch."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
