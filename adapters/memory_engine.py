"""A container engine that follows a script: for tests of what asks one.

It keeps what an engine keeps, fails when it is told to, and complains by itself where the
rules are broken: two containers of one bot, or a touch of one that is not ours.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID, uuid4

from application.engines import (
    CannotRun,
    ContainerStats,
    EngineUnavailable,
    LogLine,
    Orphan,
)
from domain.containers import (
    Change,
    ContainerSpec,
    ContainerState,
    Health,
    NetworkPolicy,
    SeenContainer,
)
from domain.errors import NotFound

Result = TypeVar("Result")

KILLED = 137


class RuleBroken(AssertionError):
    """Whoever asked did what must never be done."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with the next call; `after` it took effect, or instead of that."""

    error: BaseException
    after: bool = False


class MemoryEngine:
    """Plays `Engine`; safe to use from threads."""

    name = "docker"

    def __init__(self, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.containers_by_id: dict[str, SeenContainer] = {}
        self.foreign = {uuid4().hex: "somebody else's"}
        self.away = False
        self.hangs = 0.0  # seconds, until it is given up
        self.refuses: dict[UUID, CannotRun] = {}  # bots that cannot be started
        self.health: Health | None = None  # of what is started from now on
        self.in_place = False  # changes containers as a Swarm changes services
        self.broken: set[str] = set()  # images that do not come up
        self.faults: deque[Fault | None] = deque()  # of the next changing calls, in order
        self.calls = 0
        self.leftovers: list[Orphan] = []  # of deleted bots: networks, volumes
        self._clock = clock
        self._lock = threading.RLock()
        self._listeners: list[queue.SimpleQueue[UUID | None]] = []

    def ping(self) -> str:
        self._answer()
        return "scripted 1.0"

    def containers(self) -> Sequence[SeenContainer]:
        self._answer()
        with self._lock:
            return list(self.containers_by_id.values())

    def create(self, spec: ContainerSpec) -> str:
        return self._change(lambda: self._create(spec))

    def start(self, container_id: str) -> None:
        self._change(lambda: self._start(container_id))

    def stop(self, container_id: str, *, within_seconds: int) -> None:
        del within_seconds
        self._change(lambda: self._end(container_id, 0))

    def remove(self, container_id: str) -> None:
        self._change(lambda: self._remove(container_id))

    def update(self, container_id: str, spec: ContainerSpec) -> None:
        self._change(lambda: self._update(container_id, spec))

    def go_back(self, container_id: str) -> None:
        self._change(
            lambda: self._put(replace(self._own(container_id), change=Change.WENT_BACK))
        )

    def set_network(self, container_id: str, policy: NetworkPolicy) -> None:
        self._change(lambda: self._put(replace(self._own(container_id), network=policy)))

    def stats(self, container_ids: Sequence[str]) -> Sequence[ContainerStats]:
        self._answer()
        return [
            ContainerStats(
                bot_id=one.bot_id,
                container_id=one.container_id,
                cpu_percent=100,
                memory_bytes=2**20,
                memory_limit_bytes=2**29,
                network_rx_bytes=0,
                network_tx_bytes=0,
                disk_read_bytes=0,
                disk_write_bytes=0,
                pids=1,
            )
            for one in map(self._own, container_ids)
            if one.state is ContainerState.RUNNING
        ]

    def logs(
        self,
        container_id: str,
        *,
        tail: int,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        del since, follow
        self._answer()
        lines = [LogLine(at=None, stream="stdout", text=self._own(container_id).image)]
        return iter(lines[:tail])

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        self._answer()
        with self._lock:
            lost = [
                Orphan(
                    kind="container",
                    id=one.container_id,
                    name=f"cbm-{one.bot_id.hex}",
                    bot_id=one.bot_id,
                    created_at=one.created_at,
                    size_bytes=None,
                )
                for one in self.containers_by_id.values()
                if one.bot_id not in bot_ids
            ]
            return [*lost, *(one for one in self.leftovers if one.bot_id not in bot_ids)]

    def discard(self, orphan: Orphan) -> None:
        if orphan in self.leftovers:
            self._change(lambda: self.leftovers.remove(orphan))
        else:
            self._change(lambda: self._remove(orphan.id))

    def events(self) -> Iterator[UUID]:
        self._answer()
        mine: queue.SimpleQueue[UUID | None] = queue.SimpleQueue()
        self._listeners.append(mine)
        while (bot_id := mine.get()) is not None:
            yield bot_id
        raise EngineUnavailable

    def crash(self, bot_id: UUID, *, exit_code: int = 1) -> None:
        """The bot's container ends by itself, if it runs."""
        for one in self.of(bot_id):
            if one.state is ContainerState.RUNNING:
                self._end(one.container_id, exit_code)

    def leave(self) -> None:
        """The engine is gone: nothing answers, and its events end."""
        self.away = True
        for listener in self._listeners:
            listener.put(None)
        self._listeners.clear()

    def come_back(self, *, containers_ended: bool = False) -> None:
        """The engine answers again; perhaps all that ran has ended with it."""
        if containers_ended:
            for one in list(self.containers_by_id.values()):
                self.crash(one.bot_id, exit_code=KILLED)
        self.away = False

    def of(self, bot_id: UUID) -> list[SeenContainer]:
        """The containers of one bot."""
        with self._lock:
            all_of_them = list(self.containers_by_id.values())
        return [one for one in all_of_them if one.bot_id == bot_id]

    def put(self, container: SeenContainer) -> None:
        """One that somebody else made, with our label."""
        with self._lock:
            self.containers_by_id[container.container_id] = container

    def _create(self, spec: ContainerSpec) -> str:
        for one in self.of(spec.bot_id):
            if one.generation == spec.generation:
                return one.container_id
            raise RuleBroken(f"a second container of {spec.bot_id}")
        if spec.bot_id in self.refuses:
            raise self.refuses[spec.bot_id]
        container_id = uuid4().hex
        self._put(
            SeenContainer(
                container_id=container_id,
                bot_id=spec.bot_id,
                generation=spec.generation,
                state=ContainerState.CREATED,
                image=spec.image,
                network=spec.network,
                created_at=self._clock(),
                is_changed_in_place=self.in_place,
            )
        )
        return container_id

    def _update(self, container_id: str, spec: ContainerSpec) -> None:
        """All at once: it has come up, or it has gone back."""
        one = replace(
            self._own(container_id), changed_at=self._clock(), changed_to=spec.generation
        )
        if spec.bot_id in self.refuses:
            raise self.refuses[spec.bot_id]
        if spec.image in self.broken:
            self._put(replace(one, change=Change.WENT_BACK, error="unhealthy container"))
            return
        new = replace(one, generation=spec.generation, image=spec.image, change=None)
        self._put(replace(new, network=spec.network, error=""))

    def _start(self, container_id: str) -> None:
        one = self._own(container_id)
        if one.bot_id in self.refuses:
            raise self.refuses[one.bot_id]
        if one.state is not ContainerState.RUNNING:
            now = self._clock()
            up = replace(one, state=ContainerState.RUNNING, started_at=now, exit_code=None)
            self._put(replace(up, health=self.health, address="10.0.0.2"))

    def _end(self, container_id: str, exit_code: int) -> None:
        one = self._own(container_id)
        if one.state is ContainerState.RUNNING:
            ended = replace(one, state=ContainerState.EXITED, exit_code=exit_code)
            self._put(replace(ended, health=None, address=None))

    def _remove(self, container_id: str) -> None:
        with self._lock:
            gone = self._own(container_id)
            del self.containers_by_id[container_id]
        self._tell(gone.bot_id)

    def _own(self, container_id: str) -> SeenContainer:
        if container_id in self.foreign:
            raise RuleBroken("a foreign container was touched")
        with self._lock:
            found = self.containers_by_id.get(container_id)
        if found is None:
            raise NotFound
        return found

    def _put(self, container: SeenContainer) -> None:
        self.put(container)
        self._tell(container.bot_id)

    def _tell(self, bot_id: UUID) -> None:
        for listener in list(self._listeners):
            listener.put(bot_id)

    def _answer(self) -> None:
        if self.hangs:
            time.sleep(self.hangs)
            raise EngineUnavailable
        if self.away:
            raise EngineUnavailable

    def _change(self, act: Callable[[], Result]) -> Result:
        self._answer()
        with self._lock:
            self.calls += 1
            fault = self.faults.popleft() if self.faults else None
            if fault is not None and not fault.after:
                raise fault.error
            result = act()
        if fault is not None:
            raise fault.error
        return result
