"""What the reconciler and the pages about bots ask of a container engine, as a role.

`adapters/docker/` plays it on a Docker Engine and on a Swarm, `adapters/memory_engine.py`
from a script. Every method may raise `EngineUnavailable`; those that name a container
raise `NotFound` if it is gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.containers import ContainerSpec, NetworkPolicy, SeenContainer
from domain.errors import Unavailable


class EngineUnavailable(Unavailable):
    """The container engine does not answer."""


class NoEngineHere(EngineUnavailable):
    """There is no container engine: nothing listens where it should be."""


class CannotRun(Exception):
    """The engine refuses to make or start the container; trying again soon is no use.

    `code` is one of `image-missing`, `image-not-allowed`, `port-in-use`, `no-space`,
    `name-taken`, `engine-refused`; `detail` says it in the engine's words, without paths.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class ContainerStats:
    """What a container takes at this moment."""

    bot_id: UUID
    container_id: str
    cpu_percent: int  # of one CPU, in hundredths of a percent
    memory_bytes: int
    memory_limit_bytes: int
    network_rx_bytes: int
    network_tx_bytes: int
    disk_read_bytes: int
    disk_write_bytes: int
    pids: int


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line that a bot wrote, cut at 16 KiB."""

    at: datetime | None
    stream: str  # "stdout", "stderr", or "clawbot" where we say that lines are left out
    text: str


@dataclass(frozen=True, kw_only=True)
class Orphan:
    """Something of this instance that no bot of the log has; never something foreign."""

    kind: str  # "container", "network", "volume", "workspace"
    id: str
    name: str
    bot_id: UUID | None
    created_at: datetime | None
    size_bytes: int | None


class Engine(Protocol):
    """Runs containers of bots, at most one each. Sees nothing but its instance's own."""

    @property
    def name(self) -> str:
        """`docker` or `swarm`: the runtime of the bots that it runs."""

    def ping(self) -> str:
        """The engine's version."""

    def containers(self) -> Sequence[SeenContainer]:
        """Every container with our label, in one question."""

    def create(self, spec: ContainerSpec) -> str:
        """The bot's container and network are there, not started: its id.

        One that is there already, of the same generation, is left as it is. `CannotRun`.
        """

    def start(self, container_id: str) -> None:
        """It runs, or has run; one that runs is left alone. `CannotRun`."""

    def stop(self, container_id: str, *, within_seconds: int) -> None:
        """It does not run any more; killed after that time."""

    def remove(self, container_id: str) -> None:
        """It is gone, whatever it did; its network too, if no other container has it."""

    def update(self, container_id: str, spec: ContainerSpec) -> None:
        """It is on its way to what the spec says; if that fails, it goes back by itself.

        Only of what is seen as `is_changed_in_place`. `CannotRun`: it runs as before.
        """

    def go_back(self, container_id: str) -> None:
        """It is on its way back to what it was before its last update. `CannotRun`."""

    def set_network(self, container_id: str, policy: NetworkPolicy) -> None:
        """From now on the container reaches what the policy says, running or not."""

    def stats(self, container_ids: Sequence[str]) -> Sequence[ContainerStats]:
        """Of those that run; others are left out."""

    def logs(
        self,
        container_id: str,
        *,
        tail: int,
        since: datetime | None = None,
        follow: bool = False,
    ) -> Iterator[LogLine]:
        """The last lines, oldest first; with `follow` it goes on until it is closed."""

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        """What carries our label and belongs to none of these bots."""

    def discard(self, orphan: Orphan) -> None:
        """The orphan is gone."""

    def events(self) -> Iterator[UUID]:
        """The bots of whose containers something changed, as it changes; never ends."""
