"""The audit trail: every event of both logs by actor, kind, stream, type and time.

It says where an event is and what is true of all events; what it holds is read from the
log, which alone is the truth.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from domain.events import made_often
from domain.log import CALLS, FLEET, Placed
from projections.view import Key, Projector, View


@made_often
@dataclass(frozen=True, kw_only=True)
class AuditRow:
    KEY: ClassVar[tuple[str, ...]] = ("log", "position")
    log: str
    position: int
    team_id: UUID | None
    stream_id: UUID
    version: int
    kind: str
    type: str
    actor: str
    at: datetime
    correlation_id: str
    causation_id: str


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """Which events of a team: None asks for all. Times are [from, to).

    `actors`: recorded by one of these; without any, by whoever it was.
    """

    team_id: UUID
    actors: tuple[str, ...] = ()
    kind: str | None = None
    stream_id: UUID | None = None
    type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    correlation_id: str | None = None


class AuditTrail(View[AuditRow]):
    """What can be asked of the trail."""

    @abstractmethod
    def select(
        self, wanted: AuditFilter, *, before: tuple[datetime, str, int] | None, limit: int
    ) -> list[AuditRow]:
        """The team's events that match, newest first, from behind `before`."""


class AuditTrailProjector(Projector[AuditRow]):
    name = "audit_trail"
    logs = (FLEET, CALLS)
    row = AuditRow
    appends = True

    def key(self, placed: Placed) -> Key | None:
        return (placed.log, placed.position)

    def project(self, row: AuditRow | None, placed: Placed) -> AuditRow | None:  # noqa: ARG002
        recorded = placed.recorded
        topic = recorded.event.TOPIC
        return AuditRow(
            log=placed.log,
            position=placed.position,
            team_id=recorded.team_id,
            stream_id=recorded.originator_id,
            version=recorded.originator_version,
            kind=topic.partition(".")[0],
            type=topic,
            actor=recorded.actor,
            at=recorded.at,
            correlation_id=recorded.correlation_id,
            causation_id=recorded.causation_id,
        )
