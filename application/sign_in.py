"""Commands about users and their sessions, each with its handler below it.

Tokens are made and checked at the front door; what arrives here are their keyed hashes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from application.bus import Command
from application.event_log import EventLog
from application.ports import People, Person
from domain.claims import Claim, address_claim
from domain.ids import SessionId, TeamId, UserId
from domain.sessions import PASSWORD, EndReason, Session, SessionRefreshed, SessionStarted
from domain.teams import Team
from domain.users import User

TEAM_OF_ONES_OWN = "My team"


@dataclass(frozen=True, kw_only=True)
class Register(Command[int]):
    """Answers the position reached; refused if the address is taken."""

    user_id: UserId
    team_id: TeamId
    address_hash: str
    person: Person


def register(command: Register, *, event_log: EventLog, people: People) -> int:
    user = event_log.begin(User(), command.user_id)
    team = event_log.begin(Team(), command.team_id)
    claim = event_log.look(Claim(), address_claim(command.address_hash))
    taken = claim.state.take(command.user_id)
    people.put(command.user_id, command.person)
    return event_log.append_all(
        (claim, taken),
        (user, user.state.register(team_id=command.team_id)),
        (team, team.state.create(name=TEAM_OF_ONES_OWN, owner=command.user_id)),
    )


def user_with_address(event_log: EventLog, address_hash: str) -> UserId | None:
    """Whose address it is, if anybody's."""
    holder = event_log.look(Claim(), address_claim(address_hash)).state.holder
    return None if holder is None else UserId(holder)


@dataclass(frozen=True, kw_only=True)
class StartSession(Command[int]):
    """`epoch` is the user's at the time when the password was checked.

    `place` is a keyed hash of where the person is; empty if nobody knows.
    """

    session_id: SessionId
    user_id: UserId
    team_id: TeamId
    refresh_hash: str
    expires_at: datetime
    epoch: int = 0
    means: str = PASSWORD
    place: str = ""


def start_session(command: StartSession, *, event_log: EventLog) -> int:
    session = event_log.begin(Session(), command.session_id)
    user = event_log.look(User(), command.user_id)
    started = SessionStarted(
        user_id=command.user_id,
        team_id=command.team_id,
        refresh_hash=command.refresh_hash,
        expires_at=command.expires_at,
        epoch=command.epoch,
        means=command.means,
    )
    return event_log.append_all(
        (user, user.state.sign_in_from(command.place)),
        (session, session.state.start(started)),
    )


@dataclass(frozen=True, kw_only=True)
class RefreshSession(Command[int | None]):
    """Answers with its position; None: the token was not good, which is recorded too."""

    session_id: SessionId
    presented: str
    refresh_hash: str
    expires_at: datetime
    now: datetime


def refresh_session(command: RefreshSession, *, event_log: EventLog) -> int | None:
    session = event_log.look(Session(), command.session_id)
    events = session.state.refresh(
        presented=command.presented,
        refreshed=SessionRefreshed(
            refresh_hash=command.refresh_hash, expires_at=command.expires_at
        ),
        now=command.now,
    )
    position = event_log.append(session, events)
    refreshed = any(isinstance(event, SessionRefreshed) for event in events)
    return position if refreshed else None


@dataclass(frozen=True, kw_only=True)
class EndSession(Command[int]):
    session_id: SessionId
    reason: EndReason = EndReason.LOGOUT


def end_session(command: EndSession, *, event_log: EventLog) -> int:
    session = event_log.read(Session(), command.session_id)
    return event_log.append(session, session.state.end(command.reason))
