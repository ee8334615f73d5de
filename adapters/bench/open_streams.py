"""Streams that stay open: so many at once, each piece timed from the vendor to us.

The streams begin one after another, so that they do not tick in step; what is counted
begins when all are open. Each one that ends is followed by the next on its connection.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

import uvloop

from adapters.bench.answers import AnswerReader, Malformed
from adapters.bench.load import CONNECT_SECONDS, OK
from adapters.bench.paced import EVENTS_BESIDES, SPACING_SECONDS, STAMP

DRAIN_SECONDS = 5.0  # beyond the length of a stream

SampleT = TypeVar("SampleT")


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenLoad:
    """So many streams at once, of so many pieces; counted for so many seconds."""

    port: int  # of 127.0.0.1
    request: bytes
    streams: int
    pieces: int
    seconds: float

    @property
    def stream_seconds(self) -> float:
        """How long one lasts."""
        return self.pieces * SPACING_SECONDS


@dataclass(kw_only=True, slots=True)
class Flow(Generic[SampleT]):
    """What came; `before` and `after` frame the seconds that count."""

    before: SampleT
    after: SampleT
    whole: int = 0  # streams of which every event came, before and after too
    broken: int = 0  # streams cut, refused, short of events or never ended
    events: int = 0  # of the whole ones
    delays: array[float] = field(default_factory=lambda: array("d"))  # s, in time


def flow(load: OpenLoad, sample: Callable[[], SampleT]) -> Flow[SampleT]:
    """What came, once every connection is closed; `sample` is called at both edges.

    Raises OSError if the target cannot be reached.
    """
    return uvloop.run(_flow(load, sample))


async def _flow(load: OpenLoad, sample: Callable[[], SampleT]) -> Flow[SampleT]:
    loop = asyncio.get_running_loop()
    first = sample()
    result = Flow(before=first, after=first)
    listeners = []
    async with asyncio.timeout(CONNECT_SECONDS):
        for _ in range(load.streams):
            _, listener = await loop.create_connection(
                lambda: _Listener(load, cast("Flow[object]", result)),
                "127.0.0.1",
                load.port,
            )
            listeners.append(listener)
    since = time.monotonic() + load.stream_seconds
    for number, listener in enumerate(listeners):
        wait = load.stream_seconds * number / load.streams
        loop.call_later(wait, listener.start, since, since + load.seconds)
    await asyncio.sleep(load.stream_seconds)
    result.before = sample()
    await asyncio.sleep(load.seconds)
    result.after = sample()
    ends = load.stream_seconds + DRAIN_SECONDS
    _, left = await asyncio.wait([one.done for one in listeners], timeout=ends)
    result.broken += len(left)
    for listener in listeners:
        listener.close()
    await asyncio.sleep(0)  # the transports close
    return result


class _Listener(asyncio.Protocol):
    """One connection: a stream after another until the time is up."""

    def __init__(self, load: OpenLoad, result: Flow[object]) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._load = load
        self._result = result
        self._reader = AnswerReader()
        self._since = self._until = 0.0

    def start(self, since: float, until: float) -> None:
        """Ask for the first stream; pieces between these moments are timed."""
        self._since, self._until = since, until
        self._ask()

    def close(self) -> None:
        """A stream that is still open has been counted as broken."""
        if not self.done.done():
            self.done.set_result(None)
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            whole = self._reader.feed(data)
        except (Malformed, ValueError):
            self._fail()
            return
        now = time.monotonic_ns()
        fresh = self._reader.fresh()
        if self._since <= now / 1e9 < self._until:
            delays = self._result.delays
            for stamp in STAMP.finditer(fresh):
                delays.append((now - int(stamp[1])) / 1e9)
        if whole:
            self._ended(now / 1e9)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._fail()

    def _ask(self) -> None:
        self._reader.begin()
        self._transport.write(self._load.request)

    def _ended(self, now: float) -> None:
        events = self._reader.events()
        if self._reader.status != OK or events != self._load.pieces + EVENTS_BESIDES:
            self._fail()
            return
        self._result.whole += 1
        self._result.events += events
        if now < self._until:
            self._ask()
        else:
            self.done.set_result(None)

    def _fail(self) -> None:
        if not self.done.done():
            self._result.broken += 1
            self.done.set_result(None)
            self._transport.abort()
