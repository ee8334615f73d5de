"""`/api/auth`: one's own profile, password and sessions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response

from api.auth_shapes import (
    Confirmation,
    Me,
    NewPassword,
    ProfileChange,
    Reset,
    ResetRequest,
    SessionOut,
)
from api.callers import TheDoorkeeper, TheUser
from api.doorkeeper import a_user
from api.erasing import erase_person
from api.limits import count_try
from api.links import RESET_PREFIX, UserLink, read_user_link, user_token
from api.mails import hand_over, mail_to
from api.own_sessions import open_sessions
from api.paging import TheCursors
from api.passwords import check_password, hash_password
from api.positions import reached
from api.shapes import ListQuery, Page
from api.sign_in import (
    confirm_password,
    confirm_password_if_any,
    hashed_address,
    who_is,
)
from api.wired import TheSystem, Wired
from application.accounts import ChangePassword, ChangeProfile
from application.sign_in import EndSession, user_with_address
from domain.errors import NotFound, Unauthenticated
from domain.ids import SessionId
from domain.sessions import EndReason, Session
from domain.users import User

router = APIRouter(prefix="/api/auth", tags=["sign-in"])

RESET_LIFE = timedelta(minutes=30)


@router.patch("/me")
def edit(change: ProfileChange, user: TheUser, system: TheSystem, response: Response) -> Me:
    """Change one's name, or the language that one reads."""
    command = ChangeProfile(user_id=user.user_id, **change.model_dump())
    reached(response, system.bus.handle(command, by=user.caller))
    return who_is(system, user.user_id, user.team_id)


@router.post("/password", status_code=204)
def change_password(  # noqa: PLR0913, PLR0917 - what the framework hands in
    given: NewPassword,
    user: TheUser,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> None:
    """Set another password; every other session is over with it."""
    epoch = system.fleet.read(User(), user.user_id).state.epoch
    confirm_password(system, user, given.old_password, request, field="old_password")
    password = given.password.get_secret_value()
    check_password(password)
    command = ChangePassword(
        user_id=user.user_id,
        epoch=epoch,
        password_hash=hash_password(password),
        kept=user.session,
    )
    reached(response, system.bus.handle(command, by=user.caller))
    doorkeeper.forget(user.user_id)


@router.post("/password/reset", status_code=204)
def ask_for_reset(
    asked: ResetRequest, request: Request, system: TheSystem, later: BackgroundTasks
) -> None:
    """Have a code mailed, if somebody has that address; the answer is the same if not."""
    address_hash = hashed_address(system, asked.email)
    count_try(system.request_limits, "reset", address_hash, request)
    later.add_task(_mail_reset, system, address_hash)


@router.post("/password/reset/confirm", status_code=204)
def reset(
    given: Reset,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> None:
    """Set a new password with a mailed code, once; every session is over with it."""
    key = system.instance_keys.get("link")
    link = read_user_link(key, RESET_PREFIX, given.token, now=datetime.now(UTC))
    user = system.fleet.look(User(), link.user_id).state
    if user.epoch != link.epoch:
        raise Unauthenticated
    password = given.password.get_secret_value()
    check_password(password)
    command = ChangePassword(
        user_id=link.user_id, epoch=link.epoch, password_hash=hash_password(password)
    )
    by = a_user(link.user_id, user.first_team, request.state.request_id)
    reached(response, system.bus.handle(command, by=by))
    doorkeeper.forget(link.user_id)


@router.post("/erase", status_code=204)
def erase_oneself(  # noqa: PLR0913, PLR0917 - what the framework hands in
    given: Confirmation,
    user: TheUser,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> None:
    """Be forgotten: one's data is shredded, one is in no team, and nothing brings it back.

    A team whose last owner one is goes to whoever has the highest role in it.
    """
    confirm_password_if_any(system, user, given.password, request)
    teams = system.fleet.read(User(), user.user_id).state.teams
    reached(response, erase_person(system, user.user_id, by=user.caller))
    doorkeeper.forget(user.user_id, *teams)


@router.get("/session")
def sessions(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[SessionOut]:
    """One's open sessions, the oldest first."""
    shown = open_sessions(system, user, response)
    return cursors.whole(shown, query, lambda one: one.id)


@router.delete("/session/{session_id}", status_code=204)
def end_session(
    session_id: UUID,
    user: TheUser,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> None:
    """End one of one's sessions; none of its tokens work any more."""
    session = system.fleet.look(Session(), session_id).state
    if session.user_id != user.user_id or session.ended:
        raise NotFound
    ended = EndSession(session_id=SessionId(session_id), reason=EndReason.REVOKED)
    reached(response, system.bus.handle(ended, by=user.caller))
    doorkeeper.forget(session_id)


def _mail_reset(system: Wired, address_hash: str) -> None:
    user_id = user_with_address(system.fleet, address_hash)
    person = None if user_id is None else system.people.get(user_id)
    if user_id is None or person is None:
        return
    link = UserLink(
        user_id=user_id,
        epoch=system.fleet.look(User(), user_id).state.epoch,
        expires_at=datetime.now(UTC) + RESET_LIFE,
    )
    token = user_token(system.instance_keys.get("link"), RESET_PREFIX, link)
    mail = mail_to(person.email, "password_reset", person.locale, user_id, token=token)
    hand_over(system, mail)
