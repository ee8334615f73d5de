"""Signing in, step by step, as the routes of `api/auth.py` put it together."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Response
from uuid_utils.compat import uuid7

from api import tokens
from api.addresses import normalised
from api.auth_shapes import Me, SignedInOut, TeamOut, TokensOut, UserOut
from api.doorkeeper import Doorkeeper, a_user
from api.passwords import verify_password
from api.positions import reached
from api.tokens import AccessClaims
from api.wired import Wired
from application.sign_in import (
    TEAM_OF_ONES_OWN,
    RefreshSession,
    StartSession,
    user_with_address,
)
from application.teams import FoundTeam
from domain.errors import Unauthenticated
from domain.ids import SessionId, TeamId, UserId
from domain.sessions import Session
from domain.teams import Team
from domain.users import User


def hashed_address(system: Wired, address: str) -> str:
    """What an address is claimed and found by; refused if it is not one."""
    return tokens.token_hash(system.instance_keys.get("email"), normalised(address))


def user_with_password(system: Wired, address_hash: str, password: str) -> UserId:
    """Who it is; `Unauthenticated` after the same work whether or not there is anybody."""
    user_id = user_with_address(system.fleet, address_hash)
    person = None if user_id is None else system.people.get(user_id)
    right = verify_password(password, None if person is None else person.password_hash)
    if user_id is None or not right:
        raise Unauthenticated
    return user_id


def start_session(
    system: Wired,
    doorkeeper: Doorkeeper,
    user_id: UserId,
    request_id: str,
    response: Response,
) -> SignedInOut:
    """A new session in the user's first team, with its first tokens."""
    team_id = _first_team(system, user_id, request_id)
    session_id = SessionId(uuid7())
    refresh_token = tokens.new_refresh_token(session_id)
    now = datetime.now(UTC)
    position = system.bus.handle(
        StartSession(
            session_id=session_id,
            user_id=user_id,
            team_id=team_id,
            refresh_hash=tokens.token_hash(
                system.instance_keys.get("token"), refresh_token
            ),
            expires_at=now + tokens.REFRESH_LIFE,
        ),
        by=a_user(user_id, team_id, request_id),
    )
    reached(response, position)
    claims = AccessClaims(user_id=user_id, team_id=team_id, session_id=session_id)
    who = who_is(system, user_id, team_id)
    return SignedInOut(
        access_token=doorkeeper.tokens.issue(claims, now=now),
        refresh_token=refresh_token,
        user=who.user,
        team=who.team,
    )


def _first_team(system: Wired, user_id: UserId, request_id: str) -> TeamId:
    """A team that the user is in; a new one if they were taken out of all."""
    teams = system.fleet.read(User(), user_id).state.teams
    if teams:
        return teams[0]
    team_id = TeamId(uuid7())
    founded = FoundTeam(team_id=team_id, name=TEAM_OF_ONES_OWN, owner=user_id)
    system.bus.handle(founded, by=a_user(user_id, team_id, request_id))
    return team_id


def refresh(
    system: Wired,
    doorkeeper: Doorkeeper,
    presented: str,
    request_id: str,
    response: Response,
) -> TokensOut:
    """New tokens for an unused refresh token; a used one ends its session, and 401."""
    session_id = tokens.session_of(presented)
    session = system.fleet.look(Session(), session_id).state
    if session.user_id is None or session.team_id is None:
        raise Unauthenticated
    if not _goes_on(system, session_id, session):
        raise Unauthenticated
    key, now = system.instance_keys.get("token"), datetime.now(UTC)
    fresh = tokens.new_refresh_token(session_id)
    position = system.bus.handle(
        RefreshSession(
            session_id=session_id,
            presented=tokens.token_hash(key, presented),
            refresh_hash=tokens.token_hash(key, fresh),
            expires_at=now + tokens.REFRESH_LIFE,
            now=now,
        ),
        by=a_user(session.user_id, session.team_id, request_id),
    )
    if position is None:
        doorkeeper.forget(session_id)
        raise Unauthenticated
    reached(response, position)
    team_id = session.team_id
    if doorkeeper.role_of(session.user_id, team_id) is None:
        team_id = _first_team(system, session.user_id, request_id)
    claims = AccessClaims(user_id=session.user_id, team_id=team_id, session_id=session_id)
    return TokensOut(
        access_token=doorkeeper.tokens.issue(claims, now=now), refresh_token=fresh
    )


def _goes_on(system: Wired, session_id: SessionId, session: Session) -> bool:
    """Whether no change of password ended it."""
    assert session.user_id is not None
    user = system.fleet.look(User(), session.user_id).state
    return user.keeps(session_id, session.epoch)


def who_is(system: Wired, user_id: UserId, team_id: TeamId) -> Me:
    """The user and the team, as they are shown to themselves."""
    person = system.people.get(user_id)
    team = system.fleet.read(Team(), team_id).state
    role = team.members.get(user_id)
    if person is None or role is None:
        raise Unauthenticated
    return Me(
        user=UserOut(id=user_id, email=person.email, name=person.name),
        team=TeamOut(id=team_id, name=team.name, role=role),
    )
