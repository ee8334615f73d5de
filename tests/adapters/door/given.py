"""A door that is open, and an engine behind it that does what the test says."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from starlette.routing import Route

from adapters.door.client import DoorClient
from adapters.door.engine_routes import engine_routes
from adapters.door.serving import open_door
from adapters.door.watching import Housekeeping, Watching
from application.engines import ContainerStats, EngineUnavailable, LogLine, Orphan
from domain.containers import ContainerSpec, ContainerState, NetworkPolicy, SeenContainer

SECRET = b"the instance key of the door, in tests"
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class ScriptedEngine:
    """Plays `Engine`, as far as the door asks it."""

    name: str = "docker"
    seen: list[SeenContainer] = field(default_factory=list)
    written: list[LogLine] = field(default_factory=list)
    away: bool = False
    asked: int = 0  # for lines
    answers: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    def run(self, bot_id: UUID) -> None:
        self.seen.append(
            SeenContainer(
                container_id=f"c-{bot_id.hex[:6]}",
                bot_id=bot_id,
                generation=1,
                state=ContainerState.RUNNING,
            )
        )

    def write(self, text: str, *, after: float) -> None:
        self.write_all([(text, after)])

    def write_all(self, texts: Sequence[tuple[str, float]]) -> None:
        """At once, each so many seconds after noon."""
        self.written += [
            LogLine(at=NOON + timedelta(seconds=after), stream="stdout", text=text)
            for text, after in texts
        ]

    def was_asked(self, times: int) -> None:
        """It was asked for lines so often by now."""
        deadline = time.monotonic() + 10
        while self.asked < times:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _answer(self) -> None:
        self.answers.wait(10)
        if self.away:
            raise EngineUnavailable

    def ping(self) -> str:
        self._answer()
        return "28.5"

    def containers(self) -> Sequence[SeenContainer]:
        self._answer()
        return self.seen

    def stats(self, container_ids: Sequence[str]) -> Sequence[ContainerStats]:
        self._answer()
        return [
            ContainerStats(
                bot_id=one.bot_id,
                container_id=one.container_id,
                cpu_percent=1250,
                memory_bytes=1,
                memory_limit_bytes=2,
                network_rx_bytes=3,
                network_tx_bytes=4,
                disk_read_bytes=5,
                disk_write_bytes=6,
                pids=7,
            )
            for one in self.seen
            if one.container_id in container_ids
        ]

    def logs(
        self,
        container_id: str,  # noqa: ARG002
        *,
        tail: int,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        assert not follow, "it would hold a thread for a bot that is silent"
        self._answer()
        self.asked += 1
        lines = [one for one in self.written if since is None or (one.at or NOON) >= since]
        yield from lines[-tail:] if tail else []

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        raise AssertionError(bot_ids)  # the reconciler is asked, which knows the bots

    def create(self, spec: ContainerSpec) -> str:
        raise AssertionError(spec)

    def start(self, container_id: str) -> None:
        raise AssertionError(container_id)

    def stop(self, container_id: str, *, within_seconds: int) -> None:
        raise AssertionError(container_id, within_seconds)

    def remove(self, container_id: str) -> None:
        raise AssertionError(container_id)

    def update(self, container_id: str, spec: ContainerSpec) -> None:
        raise AssertionError(container_id, spec)

    def go_back(self, container_id: str) -> None:
        raise AssertionError(container_id)

    def set_network(self, container_id: str, policy: NetworkPolicy) -> None:
        raise AssertionError(container_id, policy)

    def discard(self, orphan: Orphan) -> None:
        raise AssertionError(orphan)

    def events(self) -> Iterator[UUID]:
        raise AssertionError


@dataclass
class Household:
    """What the reconciler would say."""

    lost: list[Orphan] = field(default_factory=list)
    cleaned: bool = False

    def orphans(self) -> Sequence[Orphan]:
        return self.lost

    def clean_up(self, dry_run: bool) -> Sequence[Orphan]:  # noqa: FBT001
        self.cleaned = self.cleaned or not dry_run
        return self.lost


LOST = Orphan(
    kind="network", id="n1", name="cbm-n1", bot_id=uuid4(), created_at=NOON, size_bytes=None
)


@dataclass
class Opened:
    """An open door, and what is behind it."""

    engine: ScriptedEngine
    household: Household
    client: DoorClient
    url: str


@contextmanager
def engine_door(
    *, engine: bool = True, proxy_url: str = "http://127.0.0.1:9", port: int = 0
) -> Iterator[Opened]:
    """The engine's side of a door."""
    scripted, household = ScriptedEngine(), Household(lost=[LOST])
    tidying = Housekeeping(
        orphans=household.orphans,
        clean_up=household.clean_up,
        workspace_in_step=lambda _: True,
    )

    @asynccontextmanager
    async def opening() -> AsyncIterator[list[Route]]:
        watching = Watching(scripted if engine else None, tidying, proxy_url=proxy_url)
        yield list(engine_routes(watching, SECRET))
        watching.close()

    with open_door(opening, host="127.0.0.1", port=port) as reached:
        url = f"http://127.0.0.1:{reached}"
        client = DoorClient(url, SECRET)
        try:
            yield Opened(scripted, household, client, url)
        finally:
            client.close()
