"""A client that sends what it is told and hears what there is to hear."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

SECONDS = 10.0
_FIRST_LINE = re.compile(rb"HTTP/1\.1 ([0-9]{3}) [^\r\n]*\r\n")


@dataclass(frozen=True, kw_only=True)
class Heard:
    """All that came until the server closed, or until time was up."""

    data: bytes
    closed: bool

    @property
    def statuses(self) -> list[int]:
        return [int(status) for status in _FIRST_LINE.findall(self.data)]

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0].lower()

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]

    def json(self) -> Any:
        return json.loads(self.body)

    def headers(self) -> dict[str, str]:
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {line.partition(": ")[0]: line.partition(": ")[2] for line in lines}


@contextmanager
def connected(port: int, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """A connection to this machine's port."""
    with socket.create_connection(
        ("127.0.0.1", port), timeout=SECONDS, source_address=(source, 0)
    ) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield line


def listen(line: socket.socket, *, seconds: float = SECONDS) -> Heard:
    """Hear until the server closes, for so many seconds at most."""
    ends = time.monotonic() + seconds
    data = bytearray()
    while (left := ends - time.monotonic()) > 0:
        line.settimeout(left)
        try:
            piece = line.recv(65536)
        except TimeoutError:
            break
        except ConnectionResetError:
            piece = b""
        if not piece:
            return Heard(data=bytes(data), closed=True)
        data += piece
    return Heard(data=bytes(data), closed=False)


def hear_one(line: socket.socket) -> Heard:
    """Hear one answer that has a content-length."""
    data = bytearray()
    line.settimeout(SECONDS)
    while (end := data.find(b"\r\n\r\n")) < 0 or len(data) < end + 4 + _length(data):
        piece = line.recv(65536)
        if not piece:
            return Heard(data=bytes(data), closed=True)
        data += piece
    return Heard(data=bytes(data), closed=False)


def _length(data: bytearray) -> int:
    found = re.search(rb"\r\ncontent-length: ([0-9]+)\r\n", bytes(data).lower())
    return int(found[1]) if found else 0


def say(port: int, *pieces: bytes, pause: float = 0.0) -> Heard:
    """Send these pieces over a connection of their own and hear until it is closed."""
    with connected(port) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
                if pause:
                    time.sleep(pause)
        except (BrokenPipeError, ConnectionResetError):  # refused before it was all said
            pass
        return listen(line)


def request(
    *headers: bytes, line: bytes = b"GET /health HTTP/1.1", host: bytes = b"localhost"
) -> bytes:
    """A request without a body."""
    return b"".join(one + b"\r\n" for one in (line, b"host: " + host, *headers, b""))
