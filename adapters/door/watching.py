"""The engine's side of the door: looks at containers for whoever asks.

Every question goes to the engine in a thread of its own pool, so that an engine that hangs
holds up nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from typing import TypeVar
from uuid import UUID

import httpx2

from application.engines import (
    ContainerStats,
    Engine,
    EngineUnavailable,
    LogLine,
    NoEngineHere,
    Orphan,
)
from application.fleet_watch import EngineStatus, RunFacts
from domain.containers import SeenContainer
from domain.errors import NotFound

ENGINE_SECONDS = 30.0
STATUS_SECONDS = 4.0  # whoever asks whether it answers wants to know soon
THREADS = 8
FOLLOWED_EVERY = 1.0  # seconds
LOOKS_A_BEAT = 15  # a stream that is silent for so long says that it is still there
LINES_A_LOOK = 1_000  # that are told
LINES_COUNTED = 10_000
PROXY_SECONDS = 3.0

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Housekeeping:
    """What the reconciler and the workspaces can be asked, from any thread."""

    orphans: Callable[[], Sequence[Orphan]]
    clean_up: Callable[[bool], Sequence[Orphan]]  # True: only say what would go
    workspace_in_step: Callable[[UUID], bool | None]


class Watching:
    """Answers what `FleetWatch` asks, in the event loop of the door."""

    def __init__(
        self, engine: Engine | None, housekeeping: Housekeeping, *, proxy_url: str
    ) -> None:
        self._engine = engine
        self._housekeeping = housekeeping
        self._proxy_url = proxy_url
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="door-engine")
        self._pinging: asyncio.Future[str] | None = None

    def close(self) -> None:
        """No question is asked any more; those under way are not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def status(self) -> EngineStatus:
        """Which engine there is, and whether it answers now."""
        name = "" if self._engine is None else self._engine.name
        try:
            version = await self._ping()
        except EngineUnavailable as error:
            absent = isinstance(error, NoEngineHere)
            return EngineStatus(name=name, version="", reachable=False, is_absent=absent)
        return EngineStatus(name=name, version=version, reachable=True)

    async def _ping(self) -> str:
        """One question at a time, however many want to know: it may hang, with a thread."""
        if self._pinging is None or self._pinging.done():
            ping = self._running.ping
            self._pinging = asyncio.get_running_loop().run_in_executor(self._threads, ping)
            self._pinging.add_done_callback(_seen)
        try:
            async with asyncio.timeout(STATUS_SECONDS):
                return await asyncio.shield(self._pinging)
        except TimeoutError as error:
            raise EngineUnavailable from error

    async def stats(self, bot_ids: Sequence[UUID]) -> Sequence[ContainerStats]:
        """Of those bots whose containers run."""
        wanted = frozenset(bot_ids)
        seen = await self._asked(self._running.containers)
        ids = [one.container_id for one in seen if one.bot_id in wanted]
        return await self._asked(partial(self._running.stats, ids)) if ids else []

    async def orphans(self) -> Sequence[Orphan]:
        return await self._asked(self._housekeeping.orphans)

    async def clean_up(self, *, dry_run: bool) -> Sequence[Orphan]:
        return await self._asked(partial(self._housekeeping.clean_up, dry_run))

    async def lines(
        self, bot_id: UUID, *, tail: int, since: datetime | None
    ) -> list[LogLine]:
        """The bot's last lines; `NotFound`: it has no container."""
        seen = await self._container(bot_id)
        if seen is None:
            raise NotFound
        ask = partial(self._running.logs, seen.container_id, tail=tail, since=since)
        return await self._asked(lambda: list(ask()))

    async def following(
        self, bot_id: UUID, last: list[LogLine], *, since: datetime | None = None
    ) -> AsyncIterator[LogLine | None]:
        """What comes after these lines, until the container is gone; None: still here.

        Without any, all that comes since that time. The engine is asked every second, so
        that no thread waits for a bot that is silent; one that does not answer for a while
        is asked again. Of more than 1,000 lines in a look the first are left out, and a
        line in their place says how many.
        """
        known = set(last)
        since = last[-1].at if last else since
        for look in count(1):
            await asyncio.sleep(FOLLOWED_EVERY)
            lines: list[LogLine] = []
            try:
                lines = await self.lines(bot_id, tail=LINES_COUNTED, since=since)
            except NotFound:
                return
            except EngineUnavailable:
                pass
            new = [line for line in lines if line not in known]
            for line in _shown(new):
                yield line
            if new:  # what has the time of the last may come again with the next look
                since = new[-1].at
                known = {line for line in (*known, *new) if line.at == since}
            elif look % LOOKS_A_BEAT == 0:
                yield None

    async def facts(self, bot_id: UUID) -> RunFacts:
        """What there is to see of the bot; an engine that is away is one of the facts."""
        status, proxy_ms = await asyncio.gather(self.status(), self._proxy_ms())
        container = None
        with suppress(EngineUnavailable):
            container = await self._container(bot_id)
        in_step = partial(self._housekeeping.workspace_in_step, bot_id)
        return RunFacts(
            engine=status,
            container=container,
            proxy_ms=proxy_ms,
            workspace_in_step=await self._asked(in_step),
        )

    async def _container(self, bot_id: UUID) -> SeenContainer | None:
        seen = await self._asked(self._running.containers)
        mine = [one for one in seen if one.bot_id == bot_id]
        return max(mine, key=lambda one: one.generation) if mine else None

    async def _proxy_ms(self) -> int | None:
        began = time.monotonic()
        try:
            async with httpx2.AsyncClient(timeout=PROXY_SECONDS, trust_env=False) as client:
                answer = await client.get(f"{self._proxy_url}/health")
        except httpx2.HTTPError:
            return None
        return int((time.monotonic() - began) * 1000) if answer.is_success else None

    @property
    def _running(self) -> Engine:
        if self._engine is None:
            raise NoEngineHere
        return self._engine

    async def _asked(self, ask: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(ENGINE_SECONDS):
                return await loop.run_in_executor(self._threads, ask)
        except TimeoutError as error:
            raise EngineUnavailable from error


def _seen(pinged: asyncio.Future[str]) -> None:
    """Perhaps nobody waited for it to the end: then its failure is no news to anybody."""
    if not pinged.cancelled():
        pinged.exception()


def _shown(new: list[LogLine]) -> list[LogLine]:
    """The last of the lines, behind one that says how many are left out."""
    left = len(new) - LINES_A_LOOK
    if left <= 0:
        return new
    number = f"{left} or more" if len(new) >= LINES_COUNTED else f"{left}"
    text = f"{number} lines left out"
    return [LogLine(at=None, stream="clawbot", text=text), *new[left:]]
