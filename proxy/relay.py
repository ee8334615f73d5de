"""Passes an answer through and settles before its last byte.

Streamed bytes go on as they come. Held back is only the end: the piece after which the
client may think that the answer is over (a terminal mark, or the last byte of a body of
known length) waits for the commit of `CallSettled`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

from proxy.answer import Answer, UpstreamCut
from proxy.client import Client
from proxy.settlement import Settlement
from proxy.usage import Reading, UsageReader

DRAIN_SECONDS = 30.0  # after the client left
DRAIN_BYTES = 8 * 1024 * 1024
LINGER_SECONDS = 1.0  # after a terminal mark, for an upstream that does not end


class Filter(Protocol):
    """Changes passing bytes, and may hold some back until it knows more."""

    def feed(self, chunk: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Chained:
    """One filter behind another."""

    def __init__(self, first: Filter, second: Filter) -> None:
        self._first = first
        self._second = second

    def feed(self, chunk: bytes) -> bytes:
        return self._second.feed(self._first.feed(chunk))

    def flush(self) -> bytes:
        return self._second.feed(self._first.flush()) + self._second.flush()


class Relay:
    """One answer on its way to one client."""

    def __init__(
        self,
        answer: Answer,
        client: Client,
        reader: UsageReader,
        passing: Filter,
        settlement: Settlement,
    ) -> None:
        self._answer = answer
        self._client = client
        self._reader = reader
        self._filter = passing
        self._settlement = settlement
        self._progress = settlement.progress
        self._received = 0
        self._left_at: float | None = None
        self._received_when_left = 0

    async def run(self) -> None:
        """Relay to the end; the call is settled when this returns or raises.

        Raises `UpstreamCut` after settling what was relayed, and `LastByteHeld`.
        """
        held = b""
        try:
            while piece := await self._next():
                if self._progress.first_byte is None:
                    self._progress.first_byte = time.monotonic()
                self._received += len(piece)
                self._reader.feed(piece)
                passing = self._filter.feed(piece)
                if self._may_be_the_end():
                    held += passing
                elif self._progress.admitted.streaming or not held:
                    await self._pass(held + passing)
                    held = b""
                else:
                    await self._pass(held)
                    held = passing
        except UpstreamCut:
            if not self._reader.ended:
                self._progress.error = self._progress.error or "upstream-cut"
                await self._settlement.settle(self._read())
                await self._pass(held + self._filter.flush())
                raise
        await self._settlement.settle(self._read())
        if not self._client.left:
            await self._client.finish(held + self._filter.flush())

    def _may_be_the_end(self) -> bool:
        """Whether the client could take what was read so far for the whole answer.

        A plain body of unknown length may end with any piece.
        """
        length = self._answer.content_length
        if length is not None:
            return self._received >= length
        return self._reader.ended or not self._progress.admitted.streaming

    async def _next(self) -> bytes:
        """The next piece; b"" at the end, or when there is no point in reading on."""
        if self._client.left and not self._worth_draining():
            self._answer.abort()
            self._progress.error = "client-left"
            return b""
        if not self._reader.ended:
            return await self._answer.read()
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                return await self._answer.read()
        except TimeoutError:
            self._answer.abort()
            return b""

    def _worth_draining(self) -> bool:
        """Whether to read on for the usage although nobody listens any more."""
        now = time.monotonic()
        if self._left_at is None:
            self._left_at, self._received_when_left = now, self._received
        drained = self._received - self._received_when_left
        return drained <= DRAIN_BYTES and now - self._left_at <= DRAIN_SECONDS

    async def _pass(self, piece: bytes) -> None:
        if piece and not self._client.left:
            await self._client.put(piece)

    def _read(self) -> Reading:
        self._reader.end()
        return self._reader.reading()
