"""Whether a process can do its work, as a role; adapters play it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.parking import ProjectionParked


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """Something outside that we work with."""

    name: str
    ready: bool
    needed: bool = True  # without it nothing is served; else something does its work


@dataclass(frozen=True, kw_only=True)
class Lag:
    """How far something is behind the head of a log: in positions, and in seconds.

    The seconds are those since the first event that it has yet to read was recorded.
    """

    name: str
    log: str
    behind: int
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found at one look around."""

    dependencies: Sequence[Dependency]
    views: Sequence[Lag]  # and policies
    copies: Sequence[Lag] = ()  # of views that are being rebuilt, each by its view's name
    parked: Sequence[ProjectionParked] = ()
    sealing: Sequence[Lag] = ()


class Readiness(Protocol):
    """Whether this process can do its work."""

    def look(self) -> Look:
        """Asks every dependency, within two seconds; what does not answer is not ready."""
