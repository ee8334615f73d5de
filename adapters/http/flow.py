"""How fast a line may be written to and read from: two halves of back-pressure."""

from __future__ import annotations

import asyncio


class Flow(asyncio.Protocol):
    """A line whose writers wait for room, and which is not read while enough is unread."""

    _loop: asyncio.AbstractEventLoop
    _transport: asyncio.Transport

    def __init__(self) -> None:
        self._room: list[asyncio.Future[None]] | None = None  # set while writing is paused
        self._reading_paused = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def pause_writing(self) -> None:
        self._room = []

    def resume_writing(self) -> None:
        waiting, self._room = self._room, None
        for waiter in waiting or ():
            if not waiter.done():
                waiter.set_result(None)

    def write(self, data: bytes) -> None:
        """Send, without waiting."""
        self._transport.write(data)

    @property
    def has_room(self) -> bool:
        """Whether a writer need not wait."""
        return self._room is None

    def room(self) -> asyncio.Future[None] | None:
        """Done when there is room to write; None if there is now."""
        if self._room is None:
            return None
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._room.append(waiter)
        return waiter

    def read_on(self) -> None:
        """What had come was taken."""
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()

    def _pause_reading(self) -> None:
        if not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
