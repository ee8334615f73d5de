"""The live feed: one reader of the fleet log in a process, shared by all open streams.

It reads while somebody listens. A listener that is slower than its queue is long is cut: it
comes back with the last id that it saw, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from starlette.concurrency import run_in_threadpool

from api.wired import Wired
from domain.errors import LimitReached, Unavailable
from domain.happenings import NOTICES, happenings_of
from domain.log import Placed

PAGE = 500
QUEUE = 1000
LOOK_SECONDS = 0.2
LAG_TURNS = 25  # looks between two of how far the views are behind
MOST_STREAMS = 10

log = logging.getLogger(__name__)


class TooManyStreams(LimitReached):
    """Somebody has at most ten streams open at once; close some."""

    code = "too-many-streams"


@dataclass(eq=False)
class Listener:
    """An open stream: what it has yet to send, in order, from behind `since`."""

    team_id: UUID
    principal: str
    since: int = 0
    cut: bool = False
    queue: asyncio.Queue[tuple[int | None, str]] = field(
        default_factory=lambda: asyncio.Queue(QUEUE)
    )

    def take(self, position: int | None, text: str) -> None:
        """Queue it, or be cut; what is of no position is told wherever one is."""
        try:
            self.queue.put_nowait((position, text))
        except asyncio.QueueFull:
            self.cut = True


class LiveFeed:
    """Lives in one event loop."""

    def __init__(self, system: Wired) -> None:
        self._system = system
        self._listeners: set[Listener] = set()
        self._streams: Counter[str] = Counter()
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._reading = False
        self._lag = ""
        self.position = 0  # everything up to here was told to all who listened

    def refuse_crowd(self, principal: str) -> None:
        """`TooManyStreams` if one more would be too many of theirs."""
        if self._streams[principal] >= MOST_STREAMS:
            raise TooManyStreams

    async def join(self, team_id: UUID, principal: str) -> Listener:
        """Hear everything of the team that is recorded behind the listener's `since`."""
        listener = Listener(team_id, principal)
        async with self._starting:
            if not self._reading:
                self.position = await run_in_threadpool(self._system.fleet.head)
            listener.since = self.position
            self._listeners.add(listener)
            self._one_more(principal)
            if self._reading and self._lag:
                listener.take(None, self._lag)
            if not self._reading:
                self._lag = ""
                self._reading = True
                self._task = asyncio.create_task(self._read())
        return listener

    def leave(self, listener: Listener) -> None:
        """Hear no more."""
        self._listeners.discard(listener)
        self._one_less(listener.principal)

    @contextmanager
    def counted(self, principal: str) -> Iterator[None]:
        """One more stream of theirs is open, which hears something else."""
        self._one_more(principal)
        try:
            yield
        finally:
            self._one_less(principal)

    def _one_more(self, principal: str) -> None:
        self._streams[principal] += 1

    def _one_less(self, principal: str) -> None:
        self._streams[principal] -= 1
        if self._streams[principal] <= 0:
            del self._streams[principal]

    async def _read(self) -> None:
        turns = 0
        try:
            while self._listeners:
                try:
                    await self._look()
                    if turns % LAG_TURNS == 0:
                        await self._look_at_lag()
                except Unavailable as error:
                    log.warning("feed.waits", extra={"error": str(error)})
                turns += 1
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._reading = False
            for listener in self._listeners:  # only if this is a bug: they come again
                listener.cut = True

    async def _look(self) -> None:
        page = self._system.fleet.page
        while True:
            found = await run_in_threadpool(page, after=self.position, limit=PAGE)
            for placed in found.events:
                team_id = placed.recorded.team_id
                for listener in self._listeners:
                    if listener.team_id == team_id:
                        for text in messages_of(placed, listener.principal):
                            listener.take(placed.position, text)
            self.position = found.upto
            if len(found.events) < PAGE:
                return

    async def _look_at_lag(self) -> None:
        look = await run_in_threadpool(self._system.readiness.look)
        behind: dict[str, int] = {}
        for one in look.views:
            behind[one.log] = max(one.behind, behind.get(one.log, 0))
        text = f"event: lag\ndata: {json.dumps(behind, sort_keys=True)}\n\n"
        if text != self._lag:
            self._lag = text
            for listener in self._listeners:
                listener.take(None, text)


def messages_of(placed: Placed, principal: str) -> Iterator[str]:
    """What the event means to them, as server-sent events; the last one has its position.

    Whoever has seen only a part of them resumes before all of them.
    """
    happenings = [
        one
        for one in happenings_of(placed.recorded)
        if one.only_for is None or str(one.only_for) == principal
    ]
    for count, one in enumerate(happenings, start=1):
        data = {
            "id": str(one.id),
            "kind": one.kind.value,
            "subject": {"kind": one.subject_kind, "id": str(one.subject_id)},
            "facts": dict(one.facts),
            "at": placed.recorded.at.isoformat(),
        }
        name = "notice" if one.kind in NOTICES else one.kind.value
        place = f"id: {placed.position}\n" if count == len(happenings) else ""
        yield f"{place}event: {name}\ndata: {json.dumps(data)}\n\n"
