"""A person's open sessions: found in the audit trail, judged by their own streams."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Response

from api.auth_shapes import SessionOut
from api.doorkeeper import SignedIn
from api.positions import FLEET_ONLY, read_at
from api.wired import Wired
from domain.ids import SessionId
from domain.sessions import Session, SessionStarted
from domain.users import User
from projections.audit_trail import AuditFilter, AuditRow

MOST_LOOKED_AT = 200  # sign-ins in each team, the latest


def open_sessions(system: Wired, user: SignedIn, response: Response) -> list[SessionOut]:
    """Those whose tokens work, the oldest first, and the position they were found at."""
    person = system.fleet.look(User(), user.user_id).state
    trail = system.audit_trail

    def started() -> list[AuditRow]:
        return [
            row
            for team_id in (*person.teams, *person.former)
            for row in trail.select(
                AuditFilter(
                    team_id=team_id,
                    actors=(f"user:{user.user_id}",),
                    type=SessionStarted.TOPIC,
                ),
                before=None,
                limit=MOST_LOOKED_AT,
            )
        ]

    rows = {row.stream_id: row for row in read_at(response, trail, FLEET_ONLY, started)}
    now, shown = datetime.now(UTC), []
    for stream in system.fleet.read_all(Session(), list(rows)):
        session, session_id = stream.state, SessionId(stream.id)
        if not session.is_open(now) or not person.keeps(session_id, session.epoch):
            continue
        assert session.expires_at is not None
        shown.append(
            SessionOut(
                id=session_id,
                started_at=rows[session_id].at,
                expires_at=session.expires_at,
                current=session_id == user.session_id,
            )
        )
    return sorted(shown, key=lambda one: one.started_at)
