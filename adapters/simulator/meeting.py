"""A realtime session's connection, from the 101 to its end, and its entry in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol as Frames
from websockets.protocol import Side
from websockets.utils import accept_key

from adapters.simulator.dialects.openai_realtime import (
    NOTHING,
    Conversation,
    Event,
    stated,
)
from adapters.simulator.dialects.vendors import encode
from adapters.simulator.ledger import Usage

Ended = Callable[[Usage | None, str], None]  # what was stated, and the outcome


class Meeting(asyncio.Protocol):
    """One session; it ends with its connection."""

    def __init__(self, conversation: Conversation, ended: Ended) -> None:
        self._conversation = conversation
        self._ended = ended
        self._frames = Frames(Side.SERVER, max_size=32 << 20)
        self._part = bytearray()
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self._stated = NOTHING
        self._under_way = 0  # responses that have begun and not ended
        self._outcome = "complete"
        self._transport: asyncio.Transport
        self._talking: asyncio.Task[None] | None = None
        self._lost: Callable[[Exception | None], None] = lambda _: None

    def take_over(
        self,
        transport: asyncio.BaseTransport,
        headers: dict[bytes, bytes],
        lost: Callable[[Exception | None], None],
    ) -> None:
        """The transport is this session's from now on; `lost` hears of its end."""
        self._transport, self._lost = cast(asyncio.Transport, transport), lost
        self._transport.set_protocol(self)
        key = headers.get(b"sec-websocket-key", b"").decode("latin-1")
        offered = headers.get(b"sec-websocket-protocol", b"").split(b",")
        chosen = b""
        if b"realtime" in [one.strip() for one in offered]:
            chosen = b"sec-websocket-protocol: realtime\r\n"
        self._transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
            b"connection: Upgrade\r\nsec-websocket-accept: %b\r\n%b\r\n"
            % (accept_key(key).encode(), chosen)
        )
        self._talking = asyncio.get_running_loop().create_task(self._talk())

    def data_received(self, data: bytes) -> None:
        self._frames.receive_data(data)
        for frame in self._frames.events_received():
            if isinstance(frame, Frame):
                self._take(frame)
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._talking is not None:
            self._talking.cancel()
        if self._under_way and self._outcome == "complete":
            self._outcome = "client_left"
        said = self._stated if self._outcome == "complete" or any(self._stated) else None
        self._ended(said, self._outcome)
        self._lost(exc)

    def _take(self, frame: Frame) -> None:
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            self._part += frame.data
            if frame.fin:
                self._heard.put_nowait(bytes(self._part))
                self._part.clear()

    def _flush(self) -> None:
        for data in self._frames.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    async def _talk(self) -> None:
        await self._say(self._conversation.opened())
        while True:
            await self._say(self._conversation.hear(await self._heard.get()))

    async def _say(self, events: list[Event]) -> None:
        """Each event, as script and pace allow; they count from a response's first one."""
        script = self._conversation.script
        is_response = bool(events) and events[0]["type"] == "response.created"
        for number, event in enumerate(events):
            if is_response and number == script.cut:
                self._outcome = "cut"
                self._transport.abort()
                return
            if is_response and number == script.stall:
                await asyncio.Event().wait()
            if number and script.pace:
                await asyncio.sleep(script.pace / 1000)
            self._count(event)
            self._frames.send_text(encode(event))
            self._flush()

    def _count(self, event: Event) -> None:
        self._under_way += event["type"] == "response.created"
        self._under_way -= event["type"] == "response.done"
        usage = stated(event)
        if usage is not None:
            before = self._stated
            self._stated = Usage(*(a + b for a, b in zip(before, usage, strict=True)))
