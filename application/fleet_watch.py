"""What the control plane asks of the worker, the only process with an engine, as a role.

`adapters/door/client.py` plays it. Every method raises `Unavailable` if the worker does not
answer, and `EngineUnavailable` if it does and its engine does not, or there is none.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.engines import ContainerStats, LogLine, Orphan
from application.workspace_store import ShownWorkspace
from domain.containers import SeenContainer
from domain.errors import Unavailable


class WorkerIsAway(Unavailable):
    """Nothing listens where the worker should be."""


@dataclass(frozen=True, kw_only=True)
class EngineStatus:
    """Which engine the worker has, and whether it answers within a few seconds."""

    name: str  # `docker` or `swarm`; anything else: it has none
    version: str  # empty unless it answers
    reachable: bool
    is_absent: bool = False  # nothing listens where it should be


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What a diagnosis wants to know of a bot and only the worker can tell."""

    engine: EngineStatus
    container: SeenContainer | None  # None: there is none, or the engine does not answer
    proxy_ms: int | None  # until the proxy answered where bots reach it; None: it did not
    workspace_in_step: bool | None  # None: the bot has none


@dataclass(frozen=True, kw_only=True)
class ChannelVerdict:
    """What came of trying a channel's credentials.

    `code` is `ok`, `nothing-to-test`, `missing-credential`, `malformed-credential`,
    `credential-refused`, `rate-limited`, `upstream-unreachable`, `upstream-timeout` or
    `upstream-failed`; `message` says it in English, without what was tried.
    """

    ok: bool
    code: str
    message: str
    latency_ms: int | None = None


class FleetWatch(Protocol):
    """Looks at what runs, and tidies up."""

    def engine_status(self) -> EngineStatus:
        """Whether an engine answers; never `EngineUnavailable`."""

    def logs(
        self, bot_id: UUID, *, tail: int, since: datetime | None = None
    ) -> Sequence[LogLine]:
        """The bot's last lines, oldest first; `NotFound`: it has no container."""

    def following(
        self, bot_id: UUID, *, tail: int, since: datetime | None = None
    ) -> AsyncGenerator[LogLine | None, None]:
        """The same and what comes after, until it is closed or the container is gone.

        None: nothing was written for a while. Of what is written within a second the last
        1,000 lines are told. It holds no thread.
        """

    def stats(self, bot_ids: Sequence[UUID]) -> Sequence[ContainerStats]:
        """Of those bots whose containers run."""

    def orphans(self) -> Sequence[Orphan]:
        """What this instance has left on the engine and no bot of the log has."""

    def clean_up(self, *, dry_run: bool) -> Sequence[Orphan]:
        """The orphans are gone, or would be: which."""

    def facts(self, bot_id: UUID) -> RunFacts:
        """What there is to see of the bot now; never `EngineUnavailable`."""

    def workspace(self, bot_id: UUID) -> ShownWorkspace:
        """The bot's files; never `EngineUnavailable`."""

    def test_channel(self, bot_id: UUID, channel_id: UUID) -> ChannelVerdict:
        """The channel's stored credentials are tried where they belong.

        `NotFound`: the bot has no such channel.
        """
