"""One side of a session: whole messages in, whole messages out (RFC 6455).

Pings are answered here, on each side by itself. Nothing is read ahead of whoever takes the
messages, so a slow side slows the other. A side that has ended, by a Close, by its line or
by breaking the rules, gets its last frame only when `close` is called: until then the
other side can be heard out and the call settled.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import Protocol as Frames
from websockets.protocol import Side, State

from proxy.realtime.lines import Pipe

MESSAGE_BYTES = 16 * 1024 * 1024  # more is held three times over on its way than may be
SLICE = 4 * 1024  # so much is read of a piece before others may have their turn
TURN_SECONDS = 0.002  # and for so long at most

# The library's own log would hold every frame, or a line for every session.
_log = logging.getLogger(__name__)
_log.setLevel(logging.ERROR)


class Said(NamedTuple):
    """One message."""

    text: bool
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a side has ended: by its own Close; else it broke the rules, or is gone."""

    code: int  # of its Close, or of ours to it; 1006: its line has ended
    reason: str = ""
    by_close: bool = False

    @property
    def gone(self) -> bool:
        return self.code == CloseCode.ABNORMAL_CLOSURE


class Socket:
    """A side; one task takes its messages, any may send."""

    def __init__(
        self, pipe: Pipe, side: Side, *, message_bytes: int = MESSAGE_BYTES
    ) -> None:
        self.ended: Ended | None = None
        self._pipe = pipe
        self._frames = Frames(side, max_size=message_bytes, logger=_log)
        self._whole: deque[Said] = deque()
        self._part = bytearray()
        self._is_text = False
        self._sending = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._waits_since: float | None = None
        self.said_at = self._loop.time()  # when the last message came

    @property
    def silent_for(self) -> float:
        """Seconds for which we have waited for a byte; 0 while we do not."""
        return 0 if self._waits_since is None else self._loop.time() - self._waits_since

    async def receive(self) -> Said | None:
        """The next message; None when there will be no more, and `ended` says why."""
        while not self._whole:
            if self.ended is not None:
                return None
            self._waits_since = self._loop.time()
            try:
                data = await self._pipe.read()
            finally:
                self._waits_since = None
            await self._take(data)
        return self._whole.popleft()

    async def send(self, said: Said) -> None:
        """Send a message once there is room; nothing, to a side that has ended."""
        if self.ended is None and self._frames.state is State.OPEN:
            (self._frames.send_text if said.text else self._frames.send_binary)(said.data)
            await self._flush()

    async def ping(self) -> None:
        """Make the side say something, if it lives."""
        if self.ended is None and self._frames.state is State.OPEN:
            self._frames.send_ping(b"")
            await self._flush()

    async def close(self, code: int, reason: str = "") -> None:
        """The side gets its last frame: this one, unless another was due to it."""
        if self._frames.state is State.OPEN:
            if code == CloseCode.NO_STATUS_RCVD:
                self._frames.send_close()
            else:
                self._frames.send_close(code, reason)
        await self._flush()

    async def _take(self, data: bytes) -> None:
        """Read a piece, in turns: a piece full of tiny frames is long work."""
        if not data:
            self._frames.receive_eof()
            self._look()
            return
        turn_ends = self._loop.time() + TURN_SECONDS
        for start in range(0, len(data), SLICE):
            if self.ended is not None:
                return
            self._frames.receive_data(data[start : start + SLICE])
            for frame in self._frames.events_received():
                if isinstance(frame, Frame):  # an opening is not read by this
                    self._add(frame)
            self._look()
            if self._loop.time() > turn_ends:
                await asyncio.sleep(0)
                turn_ends = self._loop.time() + TURN_SECONDS
        if self.ended is None:
            await self._flush()

    def _add(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self._is_text = frame.opcode is Opcode.TEXT
        elif frame.opcode is not Opcode.CONT:
            return
        if frame.fin and not self._part:
            whole = bytes(frame.data)
        else:
            self._part += frame.data
            if not frame.fin:
                return
            whole = bytes(self._part)
            self._part = bytearray()
        self._whole.append(Said(self._is_text, whole))
        self.said_at = self._loop.time()

    def _look(self) -> None:
        """See whether that was the end of it."""
        frames = self._frames
        if frames.close_rcvd is not None and frames.parser_exc is None:
            code, reason = frames.close_rcvd.code, frames.close_rcvd.reason
            self.ended = Ended(code=code, reason=reason, by_close=True)
        elif frames.parser_exc is not None:
            sent = frames.close_sent
            code = CloseCode.ABNORMAL_CLOSURE if sent is None else sent.code
            self.ended = Ended(code=code)

    async def _flush(self) -> None:
        async with self._sending:
            for data in self._frames.data_to_send():
                if data:  # else: the end of the line, which is for others to close
                    await self._pipe.write(data)
