"""The worker's side of the fleet, played in memory for tests of the control plane."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from uuid import UUID

from application.engines import ContainerStats, EngineUnavailable, LogLine, Orphan
from application.fleet_watch import ChannelVerdict, EngineStatus, RunFacts
from application.workspace_store import ShownWorkspace
from domain.errors import NotFound, Unavailable


class MemoryFleetWatch:
    """Plays `FleetWatch`: shows what a test has put into it."""

    def __init__(self) -> None:
        self.engine: EngineStatus | None = EngineStatus(
            name="docker", version="29.1", reachable=True
        )
        self.lines: dict[UUID, list[LogLine]] = {}
        self.taken: dict[UUID, ContainerStats] = {}
        self.left_over: list[Orphan] = []
        self.seen: dict[UUID, RunFacts] = {}
        self.workspaces: dict[UUID, ShownWorkspace] = {}
        self.verdicts: dict[UUID, ChannelVerdict] = {}

    def engine_status(self) -> EngineStatus:
        if self.engine is None:
            msg = "the worker does not answer"
            raise Unavailable(msg)
        return self.engine

    def logs(
        self, bot_id: UUID, *, tail: int, since: datetime | None = None
    ) -> Sequence[LogLine]:
        self._needs_engine()
        if bot_id not in self.lines:
            raise NotFound
        late = (
            line
            for line in self.lines[bot_id]
            if since is None or line.at is None or line.at >= since
        )
        return list(late)[-tail:] if tail else []

    async def following(
        self, bot_id: UUID, *, tail: int, since: datetime | None = None
    ) -> AsyncGenerator[LogLine | None, None]:
        """It ends where the lines end, after a while of silence."""
        for line in self.logs(bot_id, tail=tail, since=since):
            yield line
        yield None

    def stats(self, bot_ids: Sequence[UUID]) -> Sequence[ContainerStats]:
        self._needs_engine()
        return [self.taken[one] for one in bot_ids if one in self.taken]

    def orphans(self) -> Sequence[Orphan]:
        self._needs_engine()
        return list(self.left_over)

    def clean_up(self, *, dry_run: bool) -> Sequence[Orphan]:
        found = self.orphans()
        if not dry_run:
            self.left_over.clear()
        return found

    def facts(self, bot_id: UUID) -> RunFacts:
        nothing = RunFacts(
            engine=self.engine_status(),
            container=None,
            proxy_ms=None,
            workspace_in_step=None,
        )
        return self.seen.get(bot_id, nothing)

    def workspace(self, bot_id: UUID) -> ShownWorkspace:
        self.engine_status()
        if bot_id not in self.workspaces:
            raise NotFound
        return self.workspaces[bot_id]

    def test_channel(self, bot_id: UUID, channel_id: UUID) -> ChannelVerdict:  # noqa: ARG002
        self._needs_engine()
        if channel_id not in self.verdicts:
            raise NotFound
        return self.verdicts[channel_id]

    def _needs_engine(self) -> None:
        if not self.engine_status().reachable:
            raise EngineUnavailable
