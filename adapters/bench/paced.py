"""The upstream of the open streams: one piece every 20 ms, each stamped as it leaves.

The simulator can pace its streams too; what is measured here is how late a piece comes,
and for that it has to say when it left: in nanoseconds of the monotonic clock, which is
one clock for all processes of a machine (clock_gettime(2)).

    python -m adapters.bench.paced PORT
"""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from typing import cast

import uvloop

SPACING_SECONDS = 0.02
FEWEST = 1
STAMP = re.compile(rb'"content":"@(\d+)"')
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
PIECES = re.compile(rb'"max_(?:completion_)?tokens": *(\d+)')
HEAD = (
    b"HTTP/1.1 200 OK\r\nserver: paced\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
CHUNK = (
    b'data: {"id":"chatcmpl-paced","object":"chat.completion.chunk","created":1,'
    b'"model":"gpt-5-mini","choices":['
)
BEFORE = CHUNK + b'{"index":0,"delta":{"content":"@'
AFTER = b'"},"finish_reason":null}]}\n\n'
STOP = CHUNK + b'{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = CHUNK + (
    b'],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}\n\n'
)
DONE = b"data: [DONE]\n\n"
EVENTS_BESIDES = 3  # what a stream has beyond its pieces
PROMPT_TOKENS = 200


class Paced(asyncio.Protocol):
    """One connection: whoever has asked gets a stream, then may ask again."""

    def __init__(self) -> None:
        self._asked = b""
        self._left = 0  # pieces
        self._pieces = 0
        self._next = 0.0  # on the loop's clock

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._asked += data
        head, found, body = self._asked.partition(b"\r\n\r\n")
        length = LENGTH.search(head + b"\r\n")
        if not found or length is None or len(body) < int(length[1]):
            return
        self._asked = b""
        pieces = PIECES.search(body)
        self._pieces = self._left = max(FEWEST, int(pieces[1]) if pieces else FEWEST)
        self._transport.write(HEAD)
        self._next = asyncio.get_running_loop().time()
        self._send()

    def _send(self) -> None:
        """The next piece, or the ending; late ones do not delay those that follow."""
        if self._transport.is_closing():
            return
        if not self._left:
            self._end()
            return
        event = BEFORE + b"%d" % time.monotonic_ns() + AFTER
        self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
        self._left -= 1
        self._next += SPACING_SECONDS
        asyncio.get_running_loop().call_at(self._next, self._send)

    def _end(self) -> None:
        used = (PROMPT_TOKENS, self._pieces, PROMPT_TOKENS + self._pieces)
        for event in (STOP, USAGE % used, DONE):
            self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
        self._transport.write(b"0\r\n\r\n")


async def serve(port: int) -> None:
    """Streams on this port of 127.0.0.1 until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(Paced, "127.0.0.1", port, backlog=4096)
    await stop.wait()
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
