"""What follows from who somebody is elsewhere: a session, a new account, or a link.

An address that a provider has verified opens an account where nobody has it. Where
somebody has, they sign in as ever and link: no address links anything by itself.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import Request, Response
from uuid_utils.compat import uuid7

from api import tokens
from api.addresses import normalised
from api.auth_shapes import ChallengeOut, IdentityOut, SignedInOut
from api.doorkeeper import Doorkeeper, a_user
from api.positions import reached
from api.second_step import signed_in_or_challenged
from api.sign_in import Known, hashed_address, note_refused
from api.wired import Wired
from application.identities import (
    AddressIsTaken,
    Identity,
    LinkIdentity,
    NoVerifiedAddress,
    RegisterWithIdentity,
    user_with_identity,
)
from application.ports import Person
from application.sign_in import user_with_address
from domain.errors import InvalidFields, Unauthenticated
from domain.ids import SessionId, TeamId, UserId
from domain.sessions import Session
from domain.users import User

LONGEST_NAME = 80


def hashed_identity(system: Wired, identity: Identity) -> str:
    """What an account elsewhere is claimed and found by."""
    whose = f"identity {identity.issuer} {identity.subject}"
    return tokens.token_hash(system.instance_keys.get("email"), whose)


def sign_in_with(  # noqa: PLR0913, PLR0917 - what a sign-in takes
    system: Wired,
    doorkeeper: Doorkeeper,
    provider: str,
    identity: Identity,
    request: Request,
    response: Response,
) -> SignedInOut | ChallengeOut:
    """A session of whoever has that account, of a new user if nobody has yet."""
    hashed = hashed_identity(system, identity)
    user_id = user_with_identity(system.fleet, hashed)
    if user_id is None:
        user_id = _registered(system, provider, identity, hashed, request.state.request_id)
    user = system.fleet.read(User(), user_id).state
    known = Known(
        user_id=user_id, epoch=user.epoch, totp_on=user.totp_on, means=f"oidc:{provider}"
    )
    return signed_in_or_challenged(system, doorkeeper, known, request, response)


def link_in(  # noqa: PLR0913, PLR0917 - what a link takes
    system: Wired,
    session_id: SessionId,
    provider: str,
    identity: Identity,
    request_id: str,
    response: Response,
) -> IdentityOut:
    """The account is linked to whoever's session it is, if that still goes on."""
    session = system.fleet.look(Session(), session_id).state
    if session.user_id is None:
        raise Unauthenticated
    user = system.fleet.look(User(), session.user_id).state
    if not session.is_open(datetime.now(UTC)) or not user.keeps(session_id, session.epoch):
        raise Unauthenticated
    linked = LinkIdentity(
        user_id=session.user_id,
        provider=provider,
        identity_hash=hashed_identity(system, identity),
    )
    by = a_user(session.user_id, user.at_home(session.team_id), request_id)
    reached(response, system.bus.handle(linked, by=by))
    return IdentityOut(provider=provider)


def _registered(
    system: Wired, provider: str, identity: Identity, hashed: str, request_id: str
) -> UserId:
    """A new user with the address that the provider vouches for."""
    try:
        email = normalised(identity.email)
    except InvalidFields as error:
        raise NoVerifiedAddress from error
    address_hash = hashed_address(system, email)
    taken = user_with_address(system.fleet, address_hash)
    if taken is not None:
        user = system.fleet.look(User(), taken).state
        note_refused(system, taken, user, request_id)
        raise AddressIsTaken
    user_id, team_id = UserId(uuid7()), TeamId(uuid7())
    person = Person(email=email, name=_name(identity, email), password_hash="")
    command = RegisterWithIdentity(
        user_id=user_id,
        team_id=team_id,
        address_hash=address_hash,
        provider=provider,
        identity_hash=hashed,
        person=person,
    )
    system.bus.handle(command, by=a_user(user_id, team_id, request_id))
    return user_id


def _name(identity: Identity, email: str) -> str:
    """What they are called there, as a name may be here; else of the address."""
    plain = "".join(one for one in identity.name if one.isprintable()).strip()
    return (plain or email.partition("@")[0])[:LONGEST_NAME]
