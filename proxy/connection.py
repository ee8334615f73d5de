"""One connection to an upstream: one call at a time, and what is due by when.

    IDLE --exchange--> HEAD --headers--> BODY --last byte--> IDLE (kept) or CLOSED

Bytes go from the transport through the parser into the answer, in as many pieces as there
were: nothing waits for more to arrive. Time costs one timer per connection, not per call:
`_expect_by` notes a later deadline, and the timer looks at the note when it goes off.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from enum import Enum, auto
from typing import cast

from proxy.answer import Answer, UpstreamError
from proxy.answer_parser import AnswerParser, Malformed
from proxy.body import Body
from proxy.limits import Limits
from proxy.sooner import sooner

UPLOAD_PIECE = 128 * 1024  # a body is handed to the transport in pieces of so many bytes
CLOCK_STEP = 0.002  # seconds; a timer that is early by less than this is on time
LAST_CHUNK = b"0\r\n\r\n"
KEEPALIVE_MARGIN = 1.0  # seconds; so much earlier than the upstream we let go


class _Phase(Enum):
    IDLE = auto()
    HEAD = auto()
    BODY = auto()
    CLOSED = auto()


class Connection(asyncio.Protocol):
    """A connection; `on_idle` hears when it can be used again, `on_lost` when it is gone.

    `heard` says whether anything of the current answer has come, and `lost` is done when
    the socket is closed.
    """

    def __init__(
        self,
        limits: Limits,
        on_idle: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.heard = False
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._limits = limits
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._parser = AnswerParser(
            self, header_bytes=limits.header_bytes, answer_bytes=limits.answer_bytes
        )
        self._transport: asyncio.Transport
        self._incoming = select.poll()
        self._phase = _Phase.IDLE
        self._reading_paused = False
        self._uploading = False
        self._writable: asyncio.Future[None] | None = None  # set while writing is paused
        self._ends_at = 0.0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Whether a call can begin here, as far as we have heard."""
        return self._phase is _Phase.IDLE and not self._transport.is_closing()

    @property
    def reusable(self) -> bool:
        """Whether another call can: its time is not over, and the socket is silent.

        The end may have come already without the event loop having got to it.
        """
        return (
            self._phase is _Phase.IDLE
            and self._loop.time() < self._deadline
            and not self._transport.is_closing()
            and not self._incoming.poll(0)
        )

    async def exchange(
        self, head: bytes, body: bytes | Body, *, head_only: bool, ends_at: float
    ) -> Answer:
        """Send the request and wait for the answer's headers, until `ends_at` (loop time).

        Raises `UpstreamError`, and what reading the body raises; then, and when the caller
        is cancelled, this is closed.
        """
        coming: asyncio.Future[Answer] = self._loop.create_future()
        self._parser.begin(coming, head_only=head_only)
        self._phase = _Phase.HEAD
        self._ends_at = ends_at
        self.heard = False
        self._expect_within(self._limits.first_byte)
        try:
            if not isinstance(body, bytes):
                self._transport.write(head)
                await self._pass_on(body, coming)
            elif len(body) <= UPLOAD_PIECE:
                self._transport.write(head + body)
            else:
                self._transport.write(head)
                await self._upload(memoryview(body), coming)
            return await coming
        except asyncio.CancelledError:
            coming.cancel()
            if coming.cancelled():
                self.abort("the caller left")
            elif coming.exception() is None:
                # The answer may be whole already, and the connection in other hands.
                coming.result().abort()
            raise

    def resume(self) -> None:
        """The reader has taken what was there: go on reading if that was paused."""
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
            self._expect_within(self._limits.idle)  # the pause was not the vendor's

    def abort(self, reason: str) -> None:
        """Close at once; whoever waits for an answer here is told why."""
        self._fail("upstream-unreachable", reason)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._incoming.register(transport.get_extra_info("socket"), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        if self._phase is _Phase.IDLE or self._phase is _Phase.CLOSED:
            self.abort("bytes came that nobody had asked for")
            return
        self.heard = True
        parser = self._parser
        try:
            parser.feed(data)
        except Malformed as wrong:
            self._fail("upstream-unreachable", f"the answer is malformed: {wrong}")
            return
        if parser.complete:
            self._finish()
        elif parser.answer is not None:
            self._more_of(parser.answer)

    def eof_received(self) -> None:
        self._closed_by_peer(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._closed_by_peer(exc)
        self._on_lost(self)
        if not self.lost.done():
            self.lost.set_result(None)

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)

    # one call after another

    async def _upload(self, body: memoryview, coming: asyncio.Future[Answer]) -> None:
        """Hand over the body as it drains; stop when an answer or an error is there."""
        self._uploading = True
        for start in range(0, len(body), UPLOAD_PIECE):
            if not await self._has_room(coming):
                return
            self._transport.write(body[start : start + UPLOAD_PIECE])
            self._expect_within(self._limits.first_byte)
        self._uploading = False

    async def _pass_on(self, body: Body, coming: asyncio.Future[Answer]) -> None:
        """The same with a body that is still coming: as fast as both sides go."""
        self._uploading = True
        left = body.length
        try:
            while left != 0 and (piece := await sooner(coming, body.read())):
                if not await self._has_room(coming):
                    return
                if left is None:
                    piece = b"%x\r\n%b\r\n" % (len(piece), piece)
                else:
                    left -= len(piece)
                self._transport.write(piece)
                self._expect_within(self._limits.first_byte)
        except BaseException:
            if not coming.cancel() and not coming.cancelled():
                coming.exception()  # what is raised says more
            self.abort("the request broke off")
            raise
        if left is None and not coming.done():
            self._transport.write(LAST_CHUNK)
            left = 0
        self._uploading = left != 0

    async def _has_room(self, coming: asyncio.Future[Answer]) -> bool:
        """Wait for room to write; False: there is an answer or an error instead."""
        while self._writable is not None and not coming.done():
            await asyncio.wait(
                (self._writable, coming), return_when=asyncio.FIRST_COMPLETED
            )
        return not coming.done()

    def _more_of(self, answer: Answer) -> None:
        self._phase = _Phase.BODY
        answer.wake()
        if answer.unread > self._limits.unread_bytes and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
        self._expect_within(self._limits.idle)

    def _finish(self) -> None:
        """The answer is whole: let the next call in, or close."""
        if self._reading_paused:
            self._reading_paused = False
            self._transport.resume_reading()
        half_sent = self._uploading or self._writable is not None
        seconds = self._kept_for() if self._parser.reusable and not half_sent else 0
        if seconds > 0 and not self._transport.is_closing():
            self._phase = _Phase.IDLE
            self._expect_by(self._loop.time() + seconds)
            self._end_answer(None)
            self._on_idle(self)
        else:
            self._close()
            self._end_answer(None)

    def _kept_for(self) -> float:
        """Seconds until the upstream might close what we do not use."""
        said = self._parser.keep_alive
        if said is None:
            return self._limits.keepalive
        return min(said - KEEPALIVE_MARGIN, self._limits.longest_keepalive)

    def _fail(self, code: str, reason: str) -> None:
        if self._phase is _Phase.CLOSED:
            return
        waited_for = self._phase is not _Phase.IDLE and not self._parser.head.done()
        self._close()
        if waited_for:
            self._parser.head.set_exception(UpstreamError(code, reason, sent=True))
        self._end_answer(reason)

    def _end_answer(self, cut: str | None) -> None:
        answer, self._parser.answer = self._parser.answer, None
        if answer is not None:
            answer.end(cut)

    def _closed_by_peer(self, exc: Exception | None) -> None:
        if self._phase is _Phase.BODY and self._parser.until_close and exc is None:
            self._finish()
        else:
            self._fail("upstream-unreachable", "the upstream closed too early")

    def _close(self) -> None:
        self._phase = _Phase.CLOSED
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._transport.is_closing():  # asyncio's abort fails on one that is lost
            self._transport.abort()

    # time

    def _expect_within(self, seconds: float) -> None:
        self._expect_by(min(self._loop.time() + seconds, self._ends_at))

    def _expect_by(self, when: float) -> None:
        self._deadline = when
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = self._loop.time()
        if self._reading_paused:  # it is the reader who is slow
            self._deadline = min(now + self._limits.idle, self._ends_at)
        if now + CLOCK_STEP < self._deadline:
            self._expect_by(self._deadline)
        else:
            self._fail("upstream-timeout", "the upstream took too long")
