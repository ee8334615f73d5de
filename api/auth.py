"""`/api/auth`: register, log in, refresh, log out, and who am I.

Who does not exist and who gave a wrong password get the same answer after the same work.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response
from uuid_utils.compat import uuid7

from api.addresses import normalised
from api.auth_shapes import (
    ChallengeAnswer,
    ChallengeOut,
    Credentials,
    Me,
    NewAccount,
    RefreshToken,
    SignedInOut,
    TokensOut,
)
from api.callers import TheDoorkeeper, TheUser
from api.doorkeeper import a_user
from api.limits import count_try
from api.links import CHALLENGE_PREFIX, read_user_link
from api.passwords import check_password, hash_password
from api.positions import reached
from api.second_step import signed_in_or_challenged, spend_code
from api.sign_in import (
    hashed_address,
    refresh,
    start_session,
    user_with_password,
    who_is,
)
from api.wired import TheSystem
from application.ports import Person
from application.sign_in import EndSession, Register
from domain.ids import TeamId, UserId

router = APIRouter(prefix="/api/auth", tags=["sign-in"])


@router.post("/register", status_code=201)
def register(
    new: NewAccount,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> SignedInOut:
    """Open an account, with a team of one's own, and sign in; as often as `login`."""
    address_hash = hashed_address(system, new.email)
    count_try(system.request_limits, "register", address_hash, request)
    password = new.password.get_secret_value()
    check_password(password)
    user_id, team_id = UserId(uuid7()), TeamId(uuid7())
    person = Person(
        email=normalised(new.email), name=new.name, password_hash=hash_password(password)
    )
    command = Register(
        user_id=user_id,
        team_id=team_id,
        address_hash=address_hash,
        person=person,
    )
    request_id = request.state.request_id
    system.bus.handle(command, by=a_user(user_id, team_id, request_id))
    return start_session(system, doorkeeper, user_id, request, response)


@router.post("/login")
def login(
    given: Credentials,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> SignedInOut | ChallengeOut:
    """Sign in; ten tries a minute for each account and peer, if nothing else is set."""
    address_hash = hashed_address(system, given.email)
    count_try(system.request_limits, "login", address_hash, request)
    request_id, password = request.state.request_id, given.password.get_secret_value()
    known = user_with_password(system, address_hash, password, request_id)
    return signed_in_or_challenged(system, doorkeeper, known, request, response)


@router.post("/login/code")
def answer_challenge(
    given: ChallengeAnswer,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> SignedInOut:
    """Answer the challenge of `login` with a code of the second factor, or a spare one."""
    key, request_id = system.instance_keys.get("link"), request.state.request_id
    link = read_user_link(key, CHALLENGE_PREFIX, given.challenge, now=datetime.now(UTC))
    spend_code(system, link, given.code, request_id)
    return start_session(
        system,
        doorkeeper,
        link.user_id,
        request,
        response,
        epoch=link.epoch,
        means=link.means,
    )


@router.post("/refresh")
def new_tokens(
    given: RefreshToken,
    request: Request,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> TokensOut:
    """New tokens for old; using a refresh token twice ends the session."""
    request_id = request.state.request_id
    return refresh(system, doorkeeper, given.refresh_token, request_id, response)


@router.post("/logout", status_code=204)
def logout(
    user: TheUser, system: TheSystem, doorkeeper: TheDoorkeeper, response: Response
) -> None:
    """End the session; none of its tokens work any more."""
    ended = EndSession(session_id=user.session)
    reached(response, system.bus.handle(ended, by=user.caller))
    doorkeeper.forget(user.session)


@router.get("/me")
def me(user: TheUser, system: TheSystem, response: Response) -> Me:
    """Who is signed in, and the team they act for."""
    reached(response, system.fleet.head())
    return who_is(system, user.user_id, user.team_id)
