"""The vendor's end of a session: it keeps what comes, and says what it is told to say."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha1

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


@dataclass
class Session:
    """One session, from its opening on."""

    line: socket.socket
    opening: bytes
    frames: bytearray = field(default_factory=bytearray)
    open: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def hold(self) -> None:
        """Say 101, and listen to the end."""
        key = self.header(b"sec-websocket-key") or b""
        accept = b64encode(sha1(key + MAGIC, usedforsecurity=False).digest())
        self.line.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
            b"connection: Upgrade\r\nserver: vendor/1.2\r\nset-cookie: a=b\r\n"
            b"x-ratelimit-limit-requests: 500\r\nsec-websocket-accept: %s\r\n\r\n" % accept
        )
        self.open.set()
        with suppress(OSError):  # that is an end, too
            while (data := self._heard()) != b"":
                self.frames += data or b""
        self.over.set()

    def _heard(self) -> bytes | None:
        """What comes next; None: nothing for as long as the test lets it take."""
        with suppress(TimeoutError):
            return self.line.recv(65536)
        return None

    def say(self, data: bytes) -> None:
        self.line.sendall(data)

    def header(self, name: bytes) -> bytes | None:
        for line in self.opening.split(b"\r\n"):
            if line.lower().startswith(name + b": "):
                return line.partition(b": ")[2]
        return None

    def messages(self) -> list[tuple[int, bytes]]:
        """The whole frames that have come: opcodes with FIN, and what they say.

        Fails if one is not masked.
        """
        found, rest = [], bytes(self.frames)
        while len(rest) >= 2:
            assert rest[1] & 0x80, "a frame to a server is masked"
            size, at = rest[1] & 0x7F, 2
            if size == 126:
                size, at = int.from_bytes(rest[2:4], "big"), 4
            elif size == 127:
                size, at = int.from_bytes(rest[2:10], "big"), 10
            end = at + 4 + size
            if len(rest) < end:
                break
            mask, hidden = rest[at : at + 4], rest[at + 4 : end]
            repeated = (mask * (size // 4 + 1))[:size]
            whole = int.from_bytes(hidden, "big") ^ int.from_bytes(repeated, "big")
            found.append((rest[0], whole.to_bytes(size, "big")))
            rest = rest[end:]
        return found
