"""Commands about projections that stand still; handlers answer the position reached."""

from __future__ import annotations

from dataclasses import dataclass

from application.bus import Command
from application.event_log import EventLog
from domain.parking import ParkedProjection, ProjectionParked, projection_id


@dataclass(frozen=True, kw_only=True)
class ParkProjection(Command[int]):
    """Only the projector asks for this; harmless to ask for twice."""

    parked: ProjectionParked


def park_projection(command: ParkProjection, *, event_log: EventLog) -> int:
    stream = projection_id(command.parked.projection)
    projection = event_log.look(ParkedProjection(), stream)
    return event_log.append(projection, projection.state.park(command.parked))


@dataclass(frozen=True, kw_only=True)
class ResumeProjection(Command[int]):
    """What was wrong is put right; a projection that goes on is left as it is."""

    projection: str


def resume_projection(command: ResumeProjection, *, event_log: EventLog) -> int:
    projection = event_log.look(ParkedProjection(), projection_id(command.projection))
    return event_log.append(projection, projection.state.resume(command.projection))
