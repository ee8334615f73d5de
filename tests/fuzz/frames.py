"""A WebSocket's frames: alike however they are cut, and no event of a vendor breaks us."""

from __future__ import annotations

import asyncio
from functools import cache
from itertools import pairwise

from websockets.protocol import Side

from proxy.realtime.socket import Ended, Said, Socket
from proxy.usage.openai_realtime import OpenAiRealtime, asks_for

MESSAGE_BYTES, MOST_PIECES = 256, 512


class _Line:
    """Brings these pieces and ends."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = [piece for piece in pieces if piece]

    async def read(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""

    async def write(self, data: bytes) -> None:
        assert data


def frames(data: bytes) -> None:
    """Wherever a line is cut, the same messages come and the same end.

    Bytes: side, two places to cut at; then the line.
    """
    if len(data) < 3:
        return
    side, line = (Side.SERVER, Side.CLIENT)[data[0] % 2], data[3:]
    places = sorted({0, data[1] % (len(line) + 1), data[2] % (len(line) + 1), len(line)})
    cut = [line[start:end] for start, end in pairwise(places)]
    run = _loop().run_until_complete
    messages, ended = run(_read(side, [line]))
    assert run(_read(side, cut)) == (messages, ended)
    if len(line) < MOST_PIECES:
        assert run(_read(side, [bytes([byte]) for byte in line])) == (messages, ended)
    assert sum(len(said.data) for said in messages) <= len(line)
    tally = OpenAiRealtime()
    for said in messages:
        assert len(said.data) <= MESSAGE_BYTES
        if (ask := asks_for(said.data)) is not None:
            tally.asked(ask)
        tally.event(said.data)
    tally.reading("m")


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """One for all runs: to make one takes longer than a run."""
    return asyncio.new_event_loop()


async def _read(side: Side, pieces: list[bytes]) -> tuple[list[Said], Ended | None]:
    socket = Socket(_Line(pieces), side, message_bytes=MESSAGE_BYTES)
    messages = []
    while (said := await socket.receive()) is not None:
        messages.append(said)
    return messages, socket.ended
