"""Signing in, step by step, as the routes of `api/auth.py` put it together."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import Request, Response
from pydantic import SecretStr
from uuid_utils.compat import uuid7

from api import tokens
from api.addresses import normalised
from api.auth_shapes import Locale, Me, SignedInOut, TeamOut, TokensOut, UserOut
from api.doorkeeper import Doorkeeper, SignedIn, a_user
from api.limits import count_try
from api.passwords import verify_password
from api.places import place_of
from api.positions import reached
from api.refusals import SignInAgain
from api.tokens import AccessClaims
from api.wired import Wired
from application.attempts import NoteAttempt
from application.event_log import Caller
from application.ports import Person
from application.sign_in import (
    TEAM_OF_ONES_OWN,
    RefreshSession,
    StartSession,
    user_with_address,
)
from application.teams import FoundTeam
from domain.access import SignInRefused
from domain.errors import InvalidFields, NotFound, Unauthenticated, Unavailable
from domain.ids import SessionId, TeamId, UserId
from domain.sessions import PASSWORD, Session
from domain.teams import Team
from domain.users import User

NOBODY = UserId(UUID(int=0))
JUST_BEGUN = timedelta(minutes=10)
NOTED_AFTER_SECONDS = 0.1  # beside the answer it would slow that down, and so tell on it

log = logging.getLogger(__name__)


def hashed_address(system: Wired, address: str) -> str:
    """What an address is claimed and found by; refused if it is not one."""
    return tokens.token_hash(system.instance_keys.get("email"), normalised(address))


def user_meant(system: Wired, who: str) -> UserId:
    """Whose e-mail address, or id, that is; `NotFound`."""
    try:
        return UserId(UUID(who))
    except ValueError:
        user_id = user_with_address(system.fleet, hashed_address(system, who))
    if user_id is None:
        msg = "nobody has that address: they register first"
        raise NotFound(msg)
    return user_id


@dataclass(frozen=True, kw_only=True)
class Known:
    """Whom the first step showed, and what was true of them before it was looked at."""

    user_id: UserId
    epoch: int
    totp_on: bool
    means: str = PASSWORD


def user_with_password(
    system: Wired, address_hash: str, password: str, request_id: str
) -> Known:
    """Who it is; `Unauthenticated` after the same work whether or not there is anybody."""
    found = user_with_address(system.fleet, address_hash)
    user_id = found or NOBODY
    user = system.fleet.look(User(), user_id).state
    person = system.people.get(user_id)
    right = verify_password(password, None if person is None else person.password_hash)
    if found is None or not right:
        note_refused(system, user_id, user, request_id)
        raise Unauthenticated
    return Known(user_id=user_id, epoch=user.epoch, totp_on=user.totp_on)


def note_refused(system: Wired, user_id: UserId, user: User, request_id: str) -> None:
    """A wrong password or code of somebody is on record soon, once the answer is out.

    So it takes as long whether there was somebody to record it of or not.
    """
    by = Caller(actor="anonymous", team_id=user.first_team, correlation_id=request_id)
    noted = NoteAttempt(attempt_id=uuid7(), attempt=SignInRefused(user_id=user_id))

    def note() -> None:
        if user_id == NOBODY:
            return
        try:
            system.bus.handle(noted, by=by)
        except Unavailable:
            log.warning("refusal.not_recorded", exc_info=True)

    later = threading.Timer(NOTED_AFTER_SECONDS, note)
    later.name, later.daemon = "refused-sign-in", True
    later.start()


def confirm_password(
    system: Wired,
    user: SignedIn,
    given: SecretStr,
    request: Request,
    *,
    field: str = "password",
) -> Person:
    """The caller's record, if it is their password; `InvalidFields`, ten tries a minute."""
    count_try(system.request_limits, "password", str(user.user_id), request)
    person = system.people.get(user.user_id)
    if person is None:
        raise Unauthenticated
    if not verify_password(given.get_secret_value(), person.password_hash):
        known = system.fleet.look(User(), user.user_id).state
        note_refused(system, user.user_id, known, user.request_id)
        raise InvalidFields(**{field: "wrong"})
    return person


def confirm_password_if_any(
    system: Wired, user: SignedIn, given: SecretStr | None, request: Request
) -> Person:
    """The caller's record, if it is their password; `InvalidFields`.

    Whoever has none has just signed in instead, or `SignInAgain`.
    """
    person = system.people.get(user.user_id)
    if person is not None and not person.password_hash:
        if _begun_at(user.session) < datetime.now(UTC) - JUST_BEGUN:
            raise SignInAgain
        return person
    if given is None:
        raise InvalidFields(password="missing")  # noqa: S106 - a code
    return confirm_password(system, user, given, request)


def _begun_at(session_id: SessionId) -> datetime:
    """When the session began, as its id tells (UUIDv7: milliseconds, then chance)."""
    return datetime.fromtimestamp((session_id.int >> 80) / 1000, UTC)


def start_session(  # noqa: PLR0913 - what a session begins with
    system: Wired,
    doorkeeper: Doorkeeper,
    user_id: UserId,
    request: Request,
    response: Response,
    *,
    epoch: int = 0,
    means: str = PASSWORD,
) -> SignedInOut:
    """A new session in the user's first team, with its first tokens."""
    request_id = request.state.request_id
    team_id = _first_team(system, user_id, request_id)
    session_id = SessionId(uuid7())
    key, now = system.instance_keys.get("token"), datetime.now(UTC)
    refresh_token = tokens.new_refresh_token(key, session_id)
    position = system.bus.handle(
        StartSession(
            session_id=session_id,
            user_id=user_id,
            team_id=team_id,
            refresh_hash=tokens.token_hash(key, refresh_token),
            expires_at=now + tokens.REFRESH_LIFE,
            epoch=epoch,
            means=means,
            place=place_of(system, user_id, request),
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
    user = system.fleet.read(User(), user_id).state
    if user.erased:
        raise Unauthenticated  # just now, after they had shown who they were
    if user.teams:
        return user.teams[0]
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
    key, now = system.instance_keys.get("token"), datetime.now(UTC)
    session_id = tokens.session_of(key, presented)
    session = system.fleet.look(Session(), session_id).state
    if session.user_id is None or session.team_id is None:
        raise Unauthenticated
    user = system.fleet.look(User(), session.user_id).state
    if not user.keeps(session_id, session.epoch):  # a change of password ended it
        raise Unauthenticated
    fresh = tokens.new_refresh_token(key, session_id)
    position = system.bus.handle(
        RefreshSession(
            session_id=session_id,
            presented=tokens.token_hash(key, presented),
            refresh_hash=tokens.token_hash(key, fresh),
            expires_at=now + tokens.REFRESH_LIFE,
            now=now,
        ),
        by=a_user(session.user_id, user.at_home(session.team_id), request_id),
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


def who_is(system: Wired, user_id: UserId, team_id: TeamId) -> Me:
    """The user and the team, as they are shown to themselves."""
    person = system.people.get(user_id)
    team = system.fleet.read(Team(), team_id).state
    user = system.fleet.read(User(), user_id).state
    role = team.members.get(user_id)
    if person is None or role is None:
        raise Unauthenticated
    return Me(
        user=UserOut(id=user_id, email=person.email, name=person.name),
        team=TeamOut(id=team_id, name=team.name, role=role),
        locale=Locale(person.locale),
        mobile=person.mobile,
        has_password=bool(person.password_hash),
        second_factor=user.totp_on,
        operator=user.operator,
    )
