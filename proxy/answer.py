"""An upstream's answer as the relay sees it, and the two ways in which there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol


class UpstreamError(Exception):
    """No answer came. `code` is "upstream-unreachable" or "upstream-timeout".

    `sent` says whether the upstream may have seen some of the request.
    """

    def __init__(self, code: str, detail: str, *, sent: bool) -> None:
        super().__init__(detail)
        self.code = code
        self.sent = sent


class UpstreamCut(Exception):
    """The answer broke off, stalled or grew over a cap after its headers had come."""


class Source(Protocol):
    """The connection that an answer comes from, while it comes."""

    def resume(self) -> None:
        """The reader has taken what was there."""

    def abort(self, reason: str) -> None:
        """Close at once."""


class Line(Protocol):
    """A connection that has switched to another protocol: its bytes go both ways."""

    async def send(self, data: bytes) -> None:
        """Write, once there is room; raises `UpstreamCut`."""


class Answer:
    """An answer whose headers have come and whose body may still be on its way.

    Whoever has one reads it to its end or calls `abort`; one reader at a time. `put`,
    `wake` and `end` are for the connection.
    """

    __slots__ = (
        "_cut", "_loop", "_pieces", "_sink", "_source", "_waiter", "content_length",
        "headers", "line", "status", "unread",
    )  # fmt: skip

    def __init__(
        self,
        source: Source,
        status: int,
        headers: list[tuple[bytes, bytes]],
        content_length: int | None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.status = status
        self.headers = headers  # names in lower case, else as received, repetitions kept
        self.content_length = content_length  # None: chunked, or as long as it lasts
        self.unread = 0  # bytes
        self.line: Line | None = None  # behind a 101; `read` gives all that comes there
        self._source: Source | None = source  # None: nothing more will come
        self._loop = loop  # to ask for the running one is a system call
        self._cut: str | None = None
        self._pieces: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._sink: Callable[[bytes], bool] | None = None  # while it pours

    @property
    def whole(self) -> bool:
        """Whether all of it has come, read or not."""
        return self._source is None and self._cut is None

    @property
    def is_read(self) -> bool:
        """Whether all of it has come, and nothing is left to read."""
        return self._source is None and self._cut is None and not self._pieces

    async def read(self) -> bytes:
        """What has arrived, as soon as something has; b"" at the end; raises `UpstreamCut`.

        What came before a cut is answered before the cut is raised.
        """
        pieces = self._pieces
        while not pieces and self._source is not None:
            self._waiter = (self._loop or asyncio.get_running_loop()).create_future()
            await self._waiter
        if pieces:
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            self.unread = 0
            if self._source is not None:
                self._source.resume()
            return data
        if self._cut is not None:
            raise UpstreamCut(self._cut)
        return b""

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand each piece to the sink the moment it comes, until that has had enough.

        Returns when the sink has said so (False), or when something is there to be read:
        what came with the end, or the end itself. What the sink raises is raised.
        """
        if self._pieces or self._source is None:
            return
        self._waiter = (self._loop or asyncio.get_running_loop()).create_future()
        self._sink = sink
        try:
            await self._waiter
        finally:
            self._sink = None

    def abort(self) -> None:
        """Close the connection at once, unless the answer has come to its end."""
        self._pieces.clear()
        if self._source is not None:
            self._source.abort("the answer was given up")

    def put(self, piece: bytes) -> None:
        """A piece has come; `wake` follows when everything that came with it is in."""
        self._pieces.append(piece)
        self.unread += len(piece)

    def put_back(self, data: bytes) -> None:
        """What was read and is to be read again, before anything else."""
        if data:
            self._pieces.insert(0, data)
            self.unread += len(data)

    def wake(self) -> None:
        """Let a waiting reader look again."""
        sink = self._sink
        if sink is not None and self._source is not None and self._poured(sink):
            return
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _poured(self, sink: Callable[[bytes], bool]) -> bool:
        """Whether the sink has taken what was there and waits for more."""
        pieces = self._pieces
        if not pieces:
            return True
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.unread = 0
        try:
            if sink(data):
                return True
        except Exception as error:  # noqa: BLE001  # for who waits, not the connection
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(error)
        self._sink = None
        return False

    def end(self, cut: str | None) -> None:
        """Nothing more will come; `cut` says why that is too early, if it is."""
        self._source = None
        self._cut = cut
        self.wake()
