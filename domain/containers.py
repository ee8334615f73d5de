"""Containers of bots: what one is made from, and what an engine shows of it.

An engine is Docker's on one machine or a Swarm's; the words here are common to both. A
container's `generation` grows with every start, restart and change that needs a new one,
so that an older container can be told from the one that is wanted. A Swarm's service is one
container here, and is changed into the next generation in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.errors import InvalidFields

MEMORY_MB = range(64, 65_537)
CPU_MILLIS = range(50, 64_001)
PIDS = range(16, 4_097)


class ContainerState(StrEnum):
    """What the engine says of a bot's container."""

    ABSENT = "absent"
    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"
    UNKNOWN = "unknown"  # the engine does not answer


class Health(StrEnum):
    """What a container says of itself."""

    STARTING = "starting"
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class Change(StrEnum):
    """How far an engine is with changing a container in its place."""

    UNDER_WAY = "under-way"  # the new generation is not known to be up
    GOING_BACK = "going-back"  # it did not come up
    WENT_BACK = "went-back"  # what was there before is there again


class NetworkPolicy(StrEnum):
    """What a bot can reach from inside."""

    ISOLATED = "isolated"  # the proxy's port and nothing else
    EGRESS = "egress"  # the internet as well, for a channel that must dial out
    CUT = "cut"  # nothing at all: quarantine


@dataclass(frozen=True, kw_only=True)
class Resources:
    """The most that a container may take; swap is never added to the memory."""

    memory_mb: int = 512
    cpu_millis: int = 1000
    pids: int = 512

    def check(self) -> None:
        """Refuse what no container can run in, or what one should not have."""
        for name, value, bounds in (
            ("memory_mb", self.memory_mb, MEMORY_MB),
            ("cpus", self.cpu_millis, CPU_MILLIS),
            ("pids", self.pids, PIDS),
        ):
            if value not in bounds:
                raise InvalidFields(**{f"resources.{name}": "out-of-range"})


SMALL = Resources()
OPENCLAW = Resources(memory_mb=2048)  # 1 GiB is not enough (reference/openclaw.md)


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """Everything that one container is made from, but the content of its folders."""

    bot_id: UUID
    team_id: UUID
    hostname: str
    generation: int
    image: str
    resources: Resources
    network: NetworkPolicy
    port: int | None = None  # of the host, leased; None: none is published


@dataclass(frozen=True, kw_only=True)
class SeenContainer:
    """One container that carries our instance's label."""

    container_id: str
    bot_id: UUID
    generation: int
    state: ContainerState
    health: Health | None = None
    exit_code: int | None = None
    out_of_memory: bool = False
    error: str = ""  # the engine's own words for why it does not run
    address: str | None = None  # where the manager reaches it
    image: str = ""
    network: NetworkPolicy = NetworkPolicy.ISOLATED
    started_at: datetime | None = None
    created_at: datetime | None = None
    is_changed_in_place: bool = False  # whether the engine can, and goes back by itself
    change: Change | None = None  # the last one, until it has come up
    changed_at: datetime | None = None
    changed_to: int = 0  # the generation that the last change led to, whatever came of it
