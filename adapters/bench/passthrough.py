"""A bare pass-through on one HTTP client: what the client costs, and nothing around it.

Raw ASGI on uvicorn; no token, no metering, no log. Each client does the same behind one
seam: send what was asked, say what the answer begins with, pass on each piece as it comes.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

import uvicorn

from adapters.outbound import CheckedResolver
from domain.destinations import Origin, parse_origin

Headers = Sequence[tuple[bytes, bytes]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

OWN = frozenset({b"host", b"content-length", b"connection", b"transfer-encoding"})
KEPT_SECONDS = 600  # a client can keep the loop busy for longer than uvicorn's own five
PLAINLY = (b"accept-encoding", b"identity")


class Answering:
    """The way back to who asked."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def begin(self, status: int, headers: Headers) -> None:
        """The answer's head is out, and what it says of its body's length with it."""
        kept = [
            (name.lower(), value)
            for name, value in headers
            if name.lower() not in OWN or name.lower() == b"content-length"
        ]
        start = {"type": "http.response.start", "status": status, "headers": kept}
        await self._send(start)

    async def piece(self, data: bytes) -> None:
        """Some of the body is out."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """All of it is."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


class Client(ABC):
    """An HTTP client, as the pass-through knows it."""

    @abstractmethod
    async def post(self, path: str, headers: Headers, body: bytes, to: Answering) -> None:
        """The vendor's answer was begun and passed on, piece by piece."""

    @abstractmethod
    async def close(self) -> None:
        """Its connections are closed."""


class HttpxClient(Client):
    """httpx, or httpx2, which is called alike."""

    def __init__(self, module: str, base: str) -> None:
        httpx: Any = importlib.import_module(module)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self._client = httpx.AsyncClient(base_url=base, limits=limits, timeout=None)

    async def post(self, path: str, headers: Headers, body: bytes, to: Answering) -> None:
        async with self._client.stream("POST", path, headers=headers, content=body) as got:
            await to.begin(got.status_code, got.headers.raw)
            async for data in got.aiter_raw():
                await to.piece(data)

    async def close(self) -> None:
        await self._client.aclose()


class AiohttpClient(Client):
    """aiohttp, without its own limit of connections."""

    def __init__(self, base: str) -> None:
        aiohttp: Any = importlib.import_module("aiohttp")
        connector = aiohttp.TCPConnector(limit=0)
        self._base = base
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)

    async def post(self, path: str, headers: Headers, body: bytes, to: Answering) -> None:
        named = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
        ]
        async with self._session.post(self._base + path, headers=named, data=body) as got:
            await to.begin(got.status, got.raw_headers)
            async for data in got.content.iter_any():
                await to.piece(data)

    async def close(self) -> None:
        await self._session.close()


class OurAnswer(Protocol):
    """What `proxy/upstream.py` answers with."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> list[tuple[bytes, bytes]]: ...

    async def read(self) -> bytes: ...


class OurUpstream(Protocol):
    """What `proxy/upstream.py` is; nothing in here may import it."""

    async def send(
        self, origin: Origin, method: str, target: bytes, headers: Headers, body: bytes
    ) -> OurAnswer: ...

    async def close(self) -> None: ...


class OurClient(Client):
    """Ours, with its check of where it goes."""

    def __init__(
        self, upstream: Callable[[CheckedResolver], OurUpstream], base: str
    ) -> None:
        self._upstream = upstream(CheckedResolver(egress_allow=(base,)))
        self._origin = parse_origin(base)

    async def post(self, path: str, headers: Headers, body: bytes, to: Answering) -> None:
        sent = [header for header in headers if header != PLAINLY]  # it adds that itself
        got = await self._upstream.send(self._origin, "POST", path.encode(), sent, body)
        await to.begin(got.status, got.headers)
        while data := await got.read():
            await to.piece(data)

    async def close(self) -> None:
        await self._upstream.close()


def client(name: str, base: str, ours: Callable[[CheckedResolver], OurUpstream]) -> Client:
    """The client of that name, in the running event loop."""
    if name == "ours":
        return OurClient(ours, base)
    return AiohttpClient(base) if name == "aiohttp" else HttpxClient(name, base)


def serve(
    name: str, port: int, base: str, ours: Callable[[CheckedResolver], OurUpstream]
) -> None:
    """Pass calls to this port on to the base URL, by the client named, until SIGTERM."""
    up: list[Client] = []

    async def app(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        headers = [header for header in scope["headers"] if header[0] not in OWN]
        body = await _body(receive)
        answering = Answering(send)
        await up[0].post(scope["path"], [*headers, PLAINLY], body, answering)
        await answering.end()

    async def _lifespan(receive: Receive, send: Send) -> None:
        await receive()
        up.append(client(name, base, ours))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await up[0].close()
        await send({"type": "lifespan.shutdown.complete"})

    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
        backlog=4096,
        timeout_keep_alive=KEPT_SECONDS,
    )


async def _body(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
