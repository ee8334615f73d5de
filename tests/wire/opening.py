"""WebSockets by hand, from this side: an opening with any header, and what follows it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.frames import CLOSE
from tests.journeys.plane import TestBot
from tests.journeys.proxy_process import until
from tests.wire.conftest import Served
from tests.wire.raw import SECONDS, connected
from tests.wire.session import Session

PATH = b"/api/v1/openai/v1/realtime"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455, section 1.3
USUAL = {
    b"host": b"localhost",
    b"upgrade": b"websocket",
    b"connection": b"Upgrade",
    b"sec-websocket-version": b"13",
    b"sec-websocket-key": KEY,
}


def opening(
    *more: bytes,
    line: bytes = b"GET " + PATH + b"?model=m HTTP/1.1",
    **changed: bytes | None,
) -> bytes:
    """An opening; keyword arguments change its headers, None leaves one out."""
    fields: dict[bytes, bytes | None] = {**USUAL}
    fields |= {name.replace("_", "-").encode(): value for name, value in changed.items()}
    headers = [name + b": " + value for name, value in fields.items() if value is not None]
    return b"\r\n".join([line, *headers, *more, b"", b""])


def bearer(bot: TestBot) -> bytes:
    return b"authorization: Bearer " + bot.token.encode()


@dataclass
class Open:
    """An open session, seen from both of its ends."""

    bot: TestBot
    line: socket.socket
    head: bytes
    vendor: Session
    unread: bytes = b""

    def send(self, *frames: bytes) -> None:
        self.line.sendall(b"".join(frames))

    def frame(self) -> tuple[int, bytes]:
        """The next frame, which is not masked: its first byte, and what it says."""
        size, at = self._at_least(2)[1], 2
        if size == 126:
            size, at = int.from_bytes(self._at_least(4)[2:4], "big"), 4
        elif size == 127:
            size, at = int.from_bytes(self._at_least(10)[2:10], "big"), 10
        data = self._at_least(at + size)
        self.unread = data[at + size :]
        return data[0], data[at : at + size]

    def closed(self) -> int:
        """The code of the Close that comes next."""
        first, payload = self.frame()
        assert first == 0x80 | CLOSE
        return int.from_bytes(payload[:2], "big")

    def _at_least(self, size: int) -> bytes:
        while len(self.unread) < size:
            piece = self.line.recv(65536)
            assert piece, "the line has ended"
            self.unread += piece
        return self.unread


@contextmanager
def opened(served: Served, port: int, *more: bytes, behind: bytes = b"") -> Iterator[Open]:
    """A session of a new bot."""
    bot, before = served.plane.new_bot(), len(served.vendor.sessions)
    with connected(port) as line:
        line.settimeout(SECONDS)
        line.sendall(opening(bearer(bot), *more) + behind)
        data = b""
        while b"\r\n\r\n" not in data:
            piece = line.recv(65536)
            assert piece, data
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        until(lambda: len(served.vendor.sessions) > before)
        yield Open(bot, line, head.lower(), served.vendor.sessions[-1], rest)


def heard_by_vendor(session: Session, count: int) -> list[tuple[int, bytes]]:
    """So many frames have reached the vendor; it waits for them."""
    deadline = time.monotonic() + SECONDS
    while len(found := session.messages()) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found
