"""An answer that is passed on as it comes, and let go the moment nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

T = TypeVar("T")


class Cut(Exception):
    """The answer broke off, or grew too large: whoever reads it is to see that."""


class Streamed(Response):
    """What is to be closed is closed when this has been answered, whatever ends it.

    Where it raises `Cut` the answer has no end, so that the server cuts the connection.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        status: int,
        headers: Mapping[str, str],
        *,
        closing: Callable[[], Awaitable[object]],
    ) -> None:
        super().__init__(None, status, dict(headers))
        if "content-length" not in headers:
            del self.headers["content-length"]
        self._pieces = pieces
        self._closing = closing  # a generator that was never begun would not do it

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        head = {
            "type": "http.response.start",
            "status": self.status_code,
            "headers": self.raw_headers,
        }
        listening = asyncio.ensure_future(_until_gone(receive))
        answering = asyncio.ensure_future(self._answer(head, send))
        try:
            await asyncio.wait([listening, answering], return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                with suppress(Cut):
                    answering.result()
        finally:
            for task in (listening, answering):
                task.cancel()
                with suppress(asyncio.CancelledError, Cut):
                    await task
            await self._pieces.aclose()
            await self._closing()

    async def _answer(self, head: dict[str, Any], send: Send) -> None:
        await send(head)
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def while_listened(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What the work gives; it is cancelled, and `ClientDisconnect` raised, if the client
    goes first. The request's body must have been read."""
    listening = asyncio.ensure_future(_until_gone(request.receive))
    working = asyncio.ensure_future(work)
    try:
        await asyncio.wait([listening, working], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        for task in (listening, working):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task


async def _until_gone(receive: Receive) -> None:
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
