"""Reads HTTP answers for the load generator: no more than tells where each one ends."""

from __future__ import annotations


class Malformed(Exception):
    """The answer is none, or goes on where it should have ended."""


class AnswerReader:
    """One answer after another: `begin`, then `feed` until it says that all is in."""

    __slots__ = ("_chunked", "_left", "_pieces", "_rest", "_taken", "begun", "status")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """The next bytes start an answer."""
        self.status = 0
        self.begun = False  # whether some of the body has come
        self._chunked = False
        self._left = 0  # bytes, of a body of known length
        self._pieces: list[bytes] = []
        self._taken = 0
        self._rest = b""

    def feed(self, data: bytes) -> bool:
        """Read on; whether the answer is whole. Raises `Malformed`."""
        if self._rest:
            data = self._rest + data
            self._rest = b""
        at = 0
        if not self.status:
            at = self._head(data)
            if not at:
                self._rest = data
                return False
        if self._chunked:
            return self._chunks(data, at)
        self._left -= len(data) - at
        self.begun = self.begun or len(data) > at
        if self._left < 0:
            raise Malformed("bytes after the end of the answer")
        return not self._left

    def fresh(self) -> bytes:
        """What has come of a chunked body since this was asked last."""
        pieces = self._pieces[self._taken :]
        self._taken = len(self._pieces)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def events(self) -> int:
        """The server-sent events of a chunked answer."""
        body = b"".join(self._pieces)
        return body.count(b"\n\ndata: ") + body.startswith(b"data: ")

    def _head(self, data: bytes) -> int:
        """Where the body starts; 0 if that has not come yet."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return 0
        head = data[: end + 2].lower()
        if not (head.startswith(b"http/1.1 ") and head[9:12].isdigit()):
            raise Malformed("no status line")
        self.status = int(head[9:12])
        at = head.find(b"\r\ncontent-length:")
        if at >= 0:
            self._left = int(head[at + 17 : head.find(b"\r\n", at + 17)])
        elif b"\r\ntransfer-encoding: chunked\r\n" in head:
            self._chunked = True
        else:
            raise Malformed("an answer of unknown length")
        return end + 4

    def _chunks(self, data: bytes, at: int) -> bool:
        while True:
            line = data.find(b"\r\n", at)
            if line < 0:
                break
            size = int(data[at:line], 16)
            end = line + 2 + size
            if len(data) < end + 2:
                break
            if not size:
                if len(data) > end + 2:
                    raise Malformed("bytes after the last chunk")
                return True
            self._pieces.append(data[line + 2 : end])
            self.begun = True
            at = end + 2
        self._rest = data[at:]
        return False
