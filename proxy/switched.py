"""A connection whose one request asks for an upgrade: behind a 101, bytes go both ways.

It has no deadline then but for writing: whoever has the answer ends it.
"""

from __future__ import annotations

import asyncio

from proxy.answer import Answer, UpstreamCut
from proxy.connection import Connection

A_DAY = 86_400.0  # seconds


class SwitchingConnection(Connection):
    """Plays the `Line` of an answer of 101, which has this instead of a body."""

    async def send(self, data: bytes) -> None:
        """Write, once there is room; raises `UpstreamCut`."""
        if self._writable is not None:
            done, _ = await asyncio.wait((self._writable,), timeout=self._limits.idle)
            if not done:
                self.abort("the upstream reads too slowly")
        if self._parser.answer is None or self._transport.is_closing():
            raise UpstreamCut("the connection is closed")
        self._transport.write(data)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._parser.may_switch = True

    def data_received(self, data: bytes) -> None:
        answer = self._parser.answer
        if answer is None or not self._parser.switched:
            super().data_received(data)
            answer = self._parser.answer
            if answer is not None and self._parser.switched:
                answer.line = self
        else:
            self._bring(answer, data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.resume_writing()  # who waits for room waits no more
        super().connection_lost(exc)

    def _bring(self, answer: Answer, data: bytes) -> None:
        answer.put(data)
        self._more_of(answer)

    def _expect_within(self, seconds: float) -> None:
        if self._parser.switched:
            self._expect_by(self._loop.time() + A_DAY)
        else:
            super()._expect_within(seconds)


def let_go(connection: Connection) -> None:
    """No other call may come upon a 101."""
    connection.abort("it has asked for an upgrade")
