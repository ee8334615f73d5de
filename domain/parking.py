"""Parking: a projection that cannot take an event stands still, and all others go on.

A projection here is a view's projector or a policy: whatever follows a log under a name.
Each has a stream of its own, in which stands when it stood still, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never
from uuid import UUID, uuid5

from domain.events import Event

_PROJECTIONS = UUID("5b0f5b8e-9a53-5f0c-8f7e-6d1f8a2f4c31")


def projection_id(name: str) -> UUID:
    """The stream of the projection of that name."""
    return uuid5(_PROJECTIONS, name)


@dataclass(frozen=True, kw_only=True)
class ProjectionParked(Event, topic="projection.parked"):
    """It has taken everything before that position of the log, and not what is there."""

    projection: str
    log: str
    position: int
    error: str  # what kind, and where in our code: nothing of the event itself


@dataclass(frozen=True, kw_only=True)
class ProjectionResumed(Event, topic="projection.resumed"):
    """Somebody says that it can go on."""

    projection: str


ProjectionEvent = ProjectionParked | ProjectionResumed


@dataclass(frozen=True, kw_only=True)
class ParkedProjection:
    """One projection, as far as it is known whether it stands still."""

    parked: ProjectionParked | None = None

    def park(self, event: ProjectionParked) -> list[ProjectionEvent]:
        """Stand still; once is enough."""
        return [] if self.parked else [event]

    def resume(self, name: str) -> list[ProjectionEvent]:
        """Go on; nothing, if it does."""
        return [ProjectionResumed(projection=name)] if self.parked else []

    def evolve(self, event: ProjectionEvent) -> ParkedProjection:
        match event:
            case ProjectionParked():
                return replace(self, parked=event)
            case ProjectionResumed():
                return replace(self, parked=None)
            case _:
                assert_never(event)
