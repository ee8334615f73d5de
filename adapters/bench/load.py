"""The load generator: so many connections, on each one call after another, for so long.

An asyncio.Protocol on uvloop with the request's bytes ready made: it shares a CPU with the
simulator and the database, so what it takes is missing there (10 µs a call or so).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

import uvloop

from adapters.bench.answers import AnswerReader, Malformed

CONNECT_SECONDS = 10.0
DRAIN_SECONDS = 10.0  # for the calls that are under way when the time is up
OK = 200

SampleT = TypeVar("SampleT")


@dataclass(frozen=True, kw_only=True, slots=True)
class Load:
    """What is sent where, on how many connections, for how many seconds."""

    port: int  # of 127.0.0.1
    request: bytes
    connections: int
    seconds: float
    lead: float = 0.0  # seconds of calls before those that count


@dataclass(kw_only=True, slots=True)
class Outcome(Generic[SampleT]):
    """What came of it; latencies are in seconds. `before` and `after` frame the seconds.

    `calls` and `events` count a call that was under way at an edge as the part of its time
    that lies within: a slow target answers all connections at once, then none for long.
    """

    before: SampleT
    after: SampleT
    seconds: float = 0.0
    calls: float = 0.0  # answered with 200, as far as within the seconds
    in_time: int = 0  # of those, the ones that ended within
    completed: int = 0  # all that were answered with 200: those before and after, too
    abandoned: int = 0  # still not answered when we stopped to wait
    failed: int = 0  # answered with another status, or cut
    events: float = 0.0  # server-sent events of `calls`
    latencies: list[float] = field(default_factory=list)  # of the calls in time
    first_bytes: list[float] = field(default_factory=list)  # of their bodies

    @property
    def per_second(self) -> float:
        return self.calls / self.seconds


def drive(load: Load, sample: Callable[[], SampleT]) -> Outcome[SampleT]:
    """The outcome, once every connection is closed; `sample` is called at both edges.

    Raises OSError if the target cannot be reached.
    """
    return uvloop.run(_drive(load, sample))


async def _drive(load: Load, sample: Callable[[], SampleT]) -> Outcome[SampleT]:
    loop = asyncio.get_running_loop()
    callers: list[_Caller] = []
    async with asyncio.timeout(CONNECT_SECONDS):
        for _ in range(load.connections):
            _, caller = await loop.create_connection(
                lambda: _Caller(load.request), "127.0.0.1", load.port
            )
            callers.append(caller)
    before = sample()
    outcome = Outcome(before=before, after=before)
    began = time.perf_counter()
    for caller in callers:
        caller.start(
            cast("Outcome[object]", outcome),
            since=began + load.lead,
            until=began + load.lead + load.seconds,
        )
    if load.lead:
        await asyncio.sleep(load.lead)
        outcome.before, began = sample(), time.perf_counter()
    await asyncio.sleep(load.seconds)
    outcome.seconds = time.perf_counter() - began
    outcome.after = sample()
    await asyncio.wait([caller.done for caller in callers], timeout=DRAIN_SECONDS)
    for caller in callers:
        outcome.abandoned += not caller.done.done()
        caller.close()
    await asyncio.sleep(0)  # the transports close
    return outcome


class _Caller(asyncio.Protocol):
    """One connection: calls until the time is up or something is wrong."""

    def __init__(self, request: bytes) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._request = request
        self._reader = AnswerReader()
        self._since = self._until = 0.0
        self._sent = 0.0
        self._first = 0.0
        self._outcome: Outcome[object]

    def start(self, outcome: Outcome[object], *, since: float, until: float) -> None:
        self._outcome, self._since, self._until = outcome, since, until
        self._call(time.perf_counter())

    def close(self) -> None:
        """A call that is still under way is no failure: nobody waited for its end."""
        if not self.done.done():
            self.done.set_result(None)
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        reader = self._reader
        try:
            whole = reader.feed(data)
        except (Malformed, ValueError):
            self._fail()
            return
        now = time.perf_counter()
        if reader.begun and not self._first:
            self._first = now
        if whole:
            self._answered(now)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if self._until and not self.done.done():
            self._fail()

    def _call(self, now: float) -> None:
        self._reader.begin()
        self._first = 0.0
        self._sent = now
        self._transport.write(self._request)

    def _answered(self, now: float) -> None:
        outcome = self._outcome
        if self._reader.status != OK:
            self._fail()
            return
        outcome.completed += 1
        within = min(now, self._until) - max(self._sent, self._since)
        if within > 0:
            part = within / (now - self._sent)
            outcome.calls += part
            outcome.events += part * self._reader.events()
        if now > self._until:
            self.done.set_result(None)
            return
        if now >= self._since:
            outcome.in_time += 1
            outcome.latencies.append(now - self._sent)
            outcome.first_bytes.append(self._first - self._sent)
        self._call(now)

    def _fail(self) -> None:
        if not self.done.done():
            self._outcome.failed += 1
            self.done.set_result(None)
            self._transport.abort()
