"""Whether a process can do its work, as a role; adapters play it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """Something outside that we work with."""

    name: str
    ready: bool
    needed: bool = True  # without it nothing is served; else something does its work


@dataclass(frozen=True, kw_only=True)
class ViewLag:
    """How many positions of a log a view has yet to read."""

    view: str
    log: str
    behind: int


@dataclass(frozen=True, kw_only=True)
class Look:
    """What was found at one look around."""

    dependencies: Sequence[Dependency]
    views: Sequence[ViewLag]


class Readiness(Protocol):
    """Whether this process can do its work."""

    def look(self) -> Look:
        """Asks every dependency, within two seconds; what does not answer is not ready."""
