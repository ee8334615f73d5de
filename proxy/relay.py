"""Passes an answer through and settles before its last byte.

Streamed bytes go on as they come. Held back is only the end: the piece after which the
client may think that the answer is over (a terminal mark, or the last byte of a body of
known length) waits for the commit of `CallSettled`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable
from dataclasses import dataclass

from proxy.allowance import AHEAD
from proxy.answer import Answer, UpstreamCut
from proxy.asking import UsageWithheld
from proxy.client import Client
from proxy.cutting import Cutting
from proxy.mask import KeyMask
from proxy.settlement import CLIENT_LEFT, Settlement, usage_of
from proxy.usage import UsageReader

DRAIN_SECONDS = 30.0  # after the client left
DRAIN_BYTES = 8 * 1024 * 1024
LINGER_SECONDS = 1.0  # after a terminal mark, for an upstream that does not end
LINGER_BYTES = 64 * 1024
PLAIN_BYTES = 32 * 1024 * 1024


@dataclass(kw_only=True, slots=True)
class Filters:
    """What the answer's bytes pass through, in this order."""

    mask: KeyMask
    withheld: UsageWithheld | None
    cutting: Cutting | None = None  # of a stream that a budget may end


class Relay:
    """One answer on its way to one client."""

    def __init__(
        self,
        answer: Answer,
        client: Client,
        reader: UsageReader,
        filters: Filters,
        settlement: Settlement,
    ) -> None:
        self._answer = answer
        self._client = client
        self._reader = reader
        self._mask = filters.mask
        self._withheld = filters.withheld
        self._cutting = filters.cutting
        self._settlement = settlement
        self._drain = True
        self._progress = settlement.progress
        self._streaming = settlement.progress.admitted.streaming
        self._held = b""  # until the end is on record
        self._received = 0
        self._ended_at: float | None = None
        self._received_at_end = 0
        self._received_when_left: int | None = None
        self._timer: asyncio.TimerHandle | None = None  # since the client left

    async def run(self, *, drain: bool) -> None:
        """Relay to the end; the call is settled when this returns or raises.

        Without `drain` the vendor is cut as soon as the client of a stream has left.
        Raises `UpstreamCut` after settling what was relayed, and `LastByteHeld`.
        """
        self._drain = drain
        self._client.when_left(self._nobody_listens)
        try:
            await self._run()
        except asyncio.CancelledError:
            self._answer.abort()
            self._progress.error = self._progress.error or "proxy-stopped"
            raise
        finally:  # whatever ended it, what was read so far is known
            self._client.when_left(None)
            if self._timer is not None:
                self._timer.cancel()
            if not self._settlement.done:
                await self._settlement.settle(self._reader.reading())

    async def _run(self) -> None:
        try:
            while piece := await self._next():
                for part in self._parts(piece):
                    passing = self._take(part)
                    if self._is_over():
                        self._held += passing
                    elif not await self._covered():
                        await self._cut(self._held + passing)
                        return
                    elif self._streaming or self._answer.content_length is not None:
                        await self._pass(self._held + passing)
                        self._held = b""
                    else:  # a plain body of unknown length may end with any piece
                        await self._pass(self._held)
                        self._held = passing
                if self._answer.is_read:
                    break
        except UpstreamCut:
            if not (self._reader.ended or self._progress.error == CLIENT_LEFT):
                held = self._held + self._rest()
                self._progress.error = self._progress.error or "upstream-cut"
                await self._settlement.settle(self._reader.reading())
                await self._pass(held)
                raise
        held = self._held + self._rest()
        await self._settlement.settle(self._reader.reading())
        if self._listens():
            await self._client.finish(held)

    def _flows(self) -> bool:
        """Whether pieces may go on as they come: nothing waits, neither do they."""
        free = self._streaming and self._cutting is None and self._ended_at is None
        return free and not (self._held or self._client.left) and self._client.pass_on()

    def _at_once(self, piece: bytes) -> bool:
        """Read along and pass on, in no task's turn; whether the next may come so too."""
        passing = self._take(piece)
        if self._client.left or self._is_over():
            self._held = passing
            return False
        return not passing or self._client.pass_on(passing)

    def _parts(self, piece: bytes) -> Iterable[bytes]:
        """The piece, where a budget may end the stream no longer than it asks ahead."""
        if self._cutting is None or len(piece) <= AHEAD:
            return (piece,)
        return (piece[at : at + AHEAD] for at in range(0, len(piece), AHEAD))

    async def _covered(self) -> bool:
        """Whether the budget has room for what was read so far, be it for nobody."""
        if self._cutting is None:
            return True
        return await self._cutting.allowance.covers(self._reader.output_bytes)

    async def _cut(self, passing: bytes) -> None:
        """End the stream here: its client is told that it has reached a limit."""
        cutting = self._cutting
        if cutting is None:
            return
        self._answer.abort()
        self._progress.error = cutting.allowance.refused
        await self._pass(passing)
        reading = self._reader.reading()
        await self._settlement.settle(reading)
        if self._listens():
            await self._client.finish(cutting.close(usage_of(self._progress, reading)))

    def _take(self, piece: bytes) -> bytes:
        """Read along in what is masked already, so that no event can hold the key."""
        now = time.monotonic()
        if self._progress.first_byte is None:
            self._progress.first_byte = now
        self._received += len(piece)
        self._progress.relayed = self._received
        if not self._streaming and self._received > PLAIN_BYTES:
            self._answer.abort()
            self._progress.error = "upstream-too-large"
            raise UpstreamCut(self._progress.error)
        masked = self._mask.feed(piece)
        self._reader.feed(masked)
        if self._reader.ended and self._ended_at is None:
            self._ended_at, self._received_at_end = now, self._received
        passing = masked if self._withheld is None else self._withheld.feed(masked)
        return passing if self._cutting is None else self._cutting.feed(passing)

    def _rest(self) -> bytes:
        """What the filters hold, when nothing more will come."""
        rest = self._mask.flush()
        self._reader.feed(rest)
        self._reader.end()
        if self._withheld is not None:
            rest = self._withheld.feed(rest) + self._withheld.flush()
        if self._cutting is not None:
            rest = self._cutting.feed(rest) + self._cutting.rest()
        return rest

    def _is_over(self) -> bool:
        """Whether the client could take what was read so far for the whole answer."""
        length = self._answer.content_length
        return self._reader.ended or (length is not None and self._received >= length)

    async def _next(self) -> bytes:
        """The next piece; b"" at the end, or when there is no point in reading on."""
        piece: bytes | None
        if self._client.left:
            piece = await self._drained() if self._drain else None
            if piece is None:
                self._progress.error = CLIENT_LEFT
        elif self._ended_at is None:
            if self._flows():
                await self._answer.pour(self._at_once)
                if self._client.left or self._ended_at is not None:
                    return await self._next()
            return await self._answer.read()
        else:
            piece = await self._lingering(self._ended_at)
        if piece is None:
            self._answer.abort()
        return piece or b""

    def _nobody_listens(self) -> None:
        """The client has left: its answer is waited for only so long."""
        if self._drain:
            left = self._client.left_at + DRAIN_SECONDS - time.monotonic()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0, left), self._give_up)
        else:
            self._give_up()

    def _give_up(self) -> None:
        """The vendor is cut, which stops its meter."""
        if not self._reader.ended:
            self._progress.error = CLIENT_LEFT
        self._answer.abort()

    async def _drained(self) -> bytes | None:
        """The next piece that nobody listens to, for the usage in it; None: enough."""
        if self._received_when_left is None:
            self._received_when_left = self._received
        if self._received - self._received_when_left > DRAIN_BYTES:
            return None
        return await self._answer.read()

    async def _lingering(self, ended_at: float) -> bytes | None:
        """The next piece behind the terminal mark; None: enough."""
        if self._received - self._received_at_end > LINGER_BYTES:
            return None
        if self._answer.whole:
            return await self._answer.read()  # as nearly always: nothing is waited for
        return await self._read_by(ended_at + LINGER_SECONDS)

    async def _read_by(self, deadline: float) -> bytes | None:
        """The next piece, b"" at the end; None when the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0, deadline - time.monotonic())):
                return await self._answer.read()
        return None

    def _listens(self) -> bool:
        """Whether the answer is sent on. A plain one is, as long as it is read anyway: who
        has closed one side may still listen on the other."""
        given_up = self._progress.error == CLIENT_LEFT
        return not (self._client.left and (given_up or self._streaming))

    async def _pass(self, piece: bytes) -> None:
        if piece and self._listens():
            await self._client.put(piece)
