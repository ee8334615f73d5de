"""A tiny real vendor on loopback: it reads requests and does what its script says."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from domain.destinations import Origin
from proxy.upstream import Answer, Limits, Upstream

BOTH_LOOPS = [("asyncio", {"use_uvloop": uvloop}) for uvloop in (False, True)]


@dataclass
class Exchange:
    """One request as it came, and the way to answer it."""

    head: bytes
    body: bytes
    connection: int  # counted from 1
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close the way a crashed process does."""
        self.writer.transport.abort()


Script = Callable[[Exchange], Awaitable[None]]


@dataclass
class Vendor:
    """What the vendor has seen so far."""

    origin: Origin
    requests: list[Exchange] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    reads_bodies: bool = True

    async def until_open(self, count: int) -> None:
        """Wait until so many connections are open; the test's own timeout ends this."""
        async with asyncio.timeout(5):
            while self.open != count:  # noqa: ASYNC110  # a look every 5 ms is plenty
                await asyncio.sleep(0.005)


@asynccontextmanager
async def vendor(
    script: Script, *, tls: ssl.SSLContext | None = None, reads_bodies: bool = True
) -> AsyncIterator[Vendor]:
    """A vendor for the time of the block; every socket is closed afterwards."""
    seen = Vendor(Origin("http", "127.0.0.1", 1), reads_bodies=reads_bodies)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        seen.connections += 1
        seen.open += 1
        try:
            await _serve(seen, script, reader, writer, seen.connections)
            await writer.wait_closed()  # the script closed it: let it send what it has
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.transport.abort()  # the client left, or the test is over
        finally:
            seen.open -= 1

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    seen.origin = Origin("https" if tls else "http", "127.0.0.1", port)
    try:
        yield seen
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await server.wait_closed()
        await asyncio.sleep(0.01)  # aborted transports close in the loop's next rounds


async def _serve(
    seen: Vendor,
    script: Script,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    connection: int,
) -> None:
    while not writer.is_closing():
        head = await reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        body = await reader.readexactly(length) if seen.reads_bodies else b""
        exchange = Exchange(head, body, connection, reader, writer)
        seen.requests.append(exchange)
        await script(exchange)


def says(*pieces: bytes, close: bool = False) -> Script:
    """A script that sends these pieces, each by itself, to every request."""

    async def script(exchange: Exchange) -> None:
        for piece in pieces:
            await exchange.send(piece)
            await asyncio.sleep(0)
        if close:
            exchange.writer.close()

    return script


def plain(body: bytes = b"hello", *, extra: bytes = b"") -> bytes:
    """A whole answer with a length."""
    return b"HTTP/1.1 200 OK\r\n%scontent-length: %d\r\n\r\n%s" % (extra, len(body), body)


class Loopback:
    """Resolves every name to loopback: the client's own rules are what is tested."""

    async def resolve(self, origin: Origin) -> str:
        assert origin
        return "127.0.0.1"


@asynccontextmanager
async def calling(
    limits: Limits | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Upstream]:
    """A client for the time of the block; without `tls` it trusts nobody."""
    tls = tls or ssl.SSLContext(
        ssl.PROTOCOL_TLS_CLIENT
    )  # the default one takes 30 ms to make
    upstream = Upstream(Loopback(), limits=limits or Limits(), tls=tls)
    try:
        yield upstream
    finally:
        await upstream.close()
        await asyncio.sleep(0)


async def get(upstream: Upstream, origin: Origin) -> Answer:
    return await upstream.send(origin, "GET", b"/", [], b"")


async def whole(answer: Answer) -> bytes:
    """The body to its end."""
    pieces = []
    while piece := await answer.read():
        pieces.append(piece)
    return b"".join(pieces)
