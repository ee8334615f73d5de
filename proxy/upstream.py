"""The one way out of the proxy: HTTP/1.1 over pooled connections to checked addresses.

Nothing else in the proxy opens a connection to a vendor. No redirect is followed, no proxy
is taken from the environment, nothing is decompressed. A request goes out exactly as given,
plus Host, the body's framing and `Accept-Encoding: identity`.

    upstream = Upstream(resolver)
    answer = await upstream.send(origin, "POST", b"/v1/chat/completions", headers, body)
    while piece := await answer.read():
        ...
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Protocol

from domain.catalog import WEBSOCKET
from domain.destinations import Origin
from domain.errors import Refused, Unavailable
from proxy.answer import Answer, UpstreamCut, UpstreamError
from proxy.body import Body
from proxy.connection import Connection
from proxy.limits import Limits
from proxy.realtime.handshake import verified
from proxy.switched import SwitchingConnection, let_go

__all__ = ["Answer", "Limits", "Resolver", "Upstream", "UpstreamCut", "UpstreamError"]

_METHOD = re.compile(r"[A-Z]+")
_TARGET = re.compile(rb"/[!-~]*")
_READING = {"GET", "HEAD"}  # has no body, and may be done twice (RFC 9110, 9.2)

_Place = tuple[Origin, str]  # an origin and the checked address it was reached at


class Resolver(Protocol):
    """Says which address stands for an origin; played by `adapters/outbound.py`."""

    async def resolve(self, origin: Origin) -> str:
        """One checked address, in a time of its own; else `Refused` or `Unavailable`."""


class Upstream:
    """Sends calls and keeps connections for the next ones, the last used first.

    `tls` is the system's default context unless given. All of it lives in one event loop.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        limits: Limits = Limits(),  # noqa: B008  # frozen
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._resolver = resolver
        self._limits = limits
        self._tls = tls or _default_tls()
        self._idle: dict[_Place, list[Connection]] = {}
        self._all: set[Connection] = set()
        self._closed = False
        self._loop = cache(asyncio.get_running_loop)  # it asks the system for its pid

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The one that all of it lives in."""
        return self._loop()

    @property
    def total_seconds(self) -> float:
        """How long a call may take, with all its attempts."""
        return self._limits.total

    async def send(  # noqa: PLR0913  # what a request is
        self,
        origin: Origin,
        method: str,
        target: bytes,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes | Body,
        *,
        within: float | None = None,
    ) -> Answer:
        """Send one request and answer as soon as the headers of its answer are in.

        A WEBSOCKET is opened on a connection of its own: behind a 101, which has been
        verified, bytes go both ways (`Answer.line`), without any deadline of ours.
        `within` is what is left of the call's time, in seconds; None: all of it. Raises
        `UpstreamError`. What has been written is never written again, as the upstream may
        have done and billed it: only a GET that meets a dead kept connection, before a byte
        of the answer came, is sent again on a fresh one, once.
        """
        seconds = self._limits.total if within is None else within
        ends_at = self._loop().time() + seconds
        length = len(body) if isinstance(body, bytes) else body.length
        opens = method == WEBSOCKET
        method = "GET" if opens else method
        head = _request_head(origin, method, target, headers, length)
        head_only = method == "HEAD"
        try:
            place = (origin, await self._resolver.resolve(origin))
        except (Refused, Unavailable) as wrong:
            raise UpstreamError("upstream-unreachable", str(wrong), sent=False) from wrong
        kept = None if opens else self._take(place)
        if kept is not None:
            try:
                return await kept.exchange(head, body, head_only=head_only, ends_at=ends_at)
            except UpstreamError as wrong:
                late = wrong.code == "upstream-timeout"
                if method not in _READING or kept.heard or late or self._closed:
                    raise
        fresh = await self._connect(place, opens=opens)
        answer = await fresh.exchange(head, body, head_only=head_only, ends_at=ends_at)
        return verified(answer, headers) if opens else answer

    async def close(self) -> None:
        """Cut every call and close every connection; all sockets are closed afterwards."""
        self._closed = True
        closing = [connection.lost for connection in self._all]
        for connection in list(self._all):
            connection.abort("the proxy is shutting down")
        if closing:
            await asyncio.wait(closing)

    def _take(self, place: _Place) -> Connection | None:
        """The connection that was used last, out of the pool; those in doubt are closed."""
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            if connection.reusable:
                return connection
            connection.abort("closed by the upstream, or about to be")
        return None

    async def _connect(self, place: _Place, *, opens: bool) -> Connection:
        """A new connection to the address; TLS is verified for the origin's name."""
        origin, address = place
        secure = origin.scheme == "https"
        try:
            async with asyncio.timeout(self._limits.connect):
                _, connection = await self._loop().create_connection(
                    lambda: self._new_connection(place, opens=opens),
                    address,
                    origin.port,
                    ssl=self._tls if secure else None,
                    server_hostname=origin.host if secure else None,
                )
        except OSError as wrong:  # a timeout, a TLS error and a wrong certificate are too
            detail = f"no connection: {type(wrong).__name__}"
            raise UpstreamError("upstream-unreachable", detail, sent=False) from wrong
        if self._closed or not connection.usable:
            connection.abort("the proxy is shutting down")
            raise UpstreamError("upstream-unreachable", "closed at once", sent=False)
        self._all.add(connection)
        return connection

    def _new_connection(self, place: _Place, *, opens: bool) -> Connection:
        def on_idle(connection: Connection) -> None:
            idle = self._idle.setdefault(place, [])
            if self._closed or len(idle) >= self._limits.max_idle:
                connection.abort("enough connections are kept")
            else:
                idle.append(connection)

        def on_lost(connection: Connection) -> None:
            self._all.discard(connection)
            idle = self._idle.get(place, [])
            if connection in idle:
                idle.remove(connection)
            if not idle:
                self._idle.pop(place, None)

        if opens:
            return SwitchingConnection(self._limits, let_go, on_lost)
        return Connection(self._limits, on_idle, on_lost)


def _default_tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _request_head(
    origin: Origin,
    method: str,
    target: bytes,
    headers: Sequence[tuple[bytes, bytes]],
    body_bytes: int | None,
) -> bytes:
    """The request line and the header block; `UpstreamError` if one of its parts would
    break out of its line."""
    lines = [name + b": " + value for name, value in headers]
    if body_bytes is None:
        lines.append(b"transfer-encoding: chunked")
    elif body_bytes or method not in _READING:
        lines.append(b"content-length: %d" % body_bytes)
    lines.append(b"\r\n")
    head = _first_lines(origin, method) % target + b"\r\n".join(lines)
    breaks = len(lines) + 3
    if (
        head.count(b"\n") != breaks
        or head.count(b"\r") != breaks
        or b"\0" in head
        or not _TARGET.fullmatch(target)
    ):
        detail = "the request's target or a header holds bytes that cannot be sent"
        raise UpstreamError("upstream-unreachable", detail, sent=False)
    return head


@lru_cache(maxsize=1024)
def _first_lines(origin: Origin, method: str) -> bytes:
    """The lines before the caller's headers, with a place for the target."""
    if not _METHOD.fullmatch(method):
        raise UpstreamError("upstream-unreachable", "no such method", sent=False)
    host = origin.authority.encode("ascii")
    return b"%s %%s HTTP/1.1\r\nhost: %s\r\naccept-encoding: identity\r\n" % (
        method.encode("ascii"),
        host,
    )
