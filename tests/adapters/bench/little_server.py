"""A server that answers every request alike and counts what it has answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class LittleServer:
    """Its port, and how many whole answers it sent."""

    answers: list[bytes]  # in turn; after an empty one it hangs up
    seconds: float = 0.0  # before each
    port: int = 0
    answered: int = 0
    connections: int = 0
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        async with server:
            await self.stop.wait()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                answer = self.answers[self.answered % len(self.answers)]
                if not answer:
                    return
                await asyncio.sleep(self.seconds)
                self.answered += 1
                for at in range(0, len(answer), 40):  # in pieces, as networks do
                    writer.write(answer[at : at + 40])
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@contextmanager
def little_server(*answers: bytes, seconds: float = 0.0) -> Iterator[LittleServer]:
    """It serves in a thread of its own until the block ends."""
    ready = threading.Event()
    started: list[tuple[LittleServer, asyncio.AbstractEventLoop]] = []

    async def main() -> None:
        server = LittleServer(list(answers), seconds)
        started.append((server, asyncio.get_running_loop()))
        await server.run(ready)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    assert ready.wait(5)
    [(server, loop)] = started
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(server.stop.set)
        thread.join(5)
