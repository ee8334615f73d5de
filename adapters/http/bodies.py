"""The two ways in which a body may be framed: by its length, or in chunks.

A framing is fed what the socket brings and answers with the part that is body, and with
what follows it once the body is over.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Protocol

from adapters.http.refusals import Refusal

LONGEST_LINE = 256  # bytes of a chunk's size with its extensions
MOST_OVERHEAD = 16 * 1024  # bytes of framing beyond what honest chunks need
TRAILER_BYTES = 8 * 1024
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[\t ]*+;[\t -~]*+)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++:[\t -~\x80-\xff]*+")
_HONEST = 16  # bytes of framing that a chunk of any size may have


class _State(Enum):
    SIZE = auto()
    GAP = auto()  # the line end behind a chunk
    TRAILER = auto()


class Framing(Protocol):
    """Where a body ends."""

    def is_whole(self, data: bytes) -> bool:
        """Whether these bytes are all of the body, plainly, and nothing beside it."""

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The body's bytes in it, and what follows the body; None while it goes on.

        Raises `Refusal` if this is no body framed so.
        """


class Sized:
    """A body of so many bytes, at least one."""

    __slots__ = ("_left",)

    def __init__(self, length: int) -> None:
        self._left = length

    def is_whole(self, data: bytes) -> bool:
        return len(data) == self._left

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        left = self._left = self._left - len(data)
        if left > 0:
            return data, None
        return (data, b"") if left == 0 else (data[:left], data[left:])


class Chunked:
    """A body in chunks (RFC 9112, 7.1). Extensions and trailers are read over."""

    __slots__ = ("_left", "_line", "_overhead", "_state", "_trailers")

    def __init__(self) -> None:
        self._left = 0  # bytes of the chunk that has begun
        self._line = bytearray()  # of a line that has begun
        self._state = _State.SIZE  # what the next line is
        self._overhead = 0
        self._trailers = 0

    def is_whole(self, data: bytes) -> bool:  # noqa: ARG002
        return False

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        pieces, at = [], 0
        while at < len(data):
            if self._left:
                piece = data[at : at + self._left]
                self._left -= len(piece)
                at += len(piece)
                pieces.append(piece)
                if not self._left:
                    self._state = _State.GAP
                continue
            end = data.find(b"\n", at)
            self._line += data[at:] if end < 0 else data[at : end + 1]
            if len(self._line) > LONGEST_LINE and self._state is not _State.TRAILER:
                raise Refusal(400)
            if len(self._line) + self._trailers > TRAILER_BYTES:
                raise Refusal(431)
            if end < 0:
                break
            at = end + 1
            if self._line[-2:-1] != b"\r":
                raise Refusal(400)
            line = bytes(self._line[:-2])
            self._line.clear()
            if self._read(line):
                return b"".join(pieces), data[at:]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), None

    def _read(self, line: bytes) -> bool:
        """Take a line in; whether it was the last one."""
        if self._state is _State.SIZE:
            self._begin_chunk(line)
        elif self._state is _State.TRAILER:
            return self._is_last(line)
        elif line:
            raise Refusal(400)
        else:
            self._state = _State.SIZE
        return False

    def _begin_chunk(self, line: bytes) -> None:
        found = _SIZE.fullmatch(line)
        if found is None:
            raise Refusal(400)
        self._left = int(found[1], 16)
        # A megabyte of one-byte chunks with long extensions is work for nothing.
        self._overhead += max(0, len(line) + 4 - _HONEST - 2 * self._left)
        if self._overhead > MOST_OVERHEAD:
            raise Refusal(400)
        if not self._left:
            self._state = _State.TRAILER

    def _is_last(self, line: bytes) -> bool:
        if not line:
            return True
        if not _TRAILER.fullmatch(line):
            raise Refusal(400)
        self._trailers += len(line) + 2
        return False
