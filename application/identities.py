"""Accounts elsewhere by which people sign in: who vouches for them, and what is asked.

A provider tells who somebody is there; `issuer` and `subject` together are that account,
and nothing else is. Each command has its handler below it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from application.bus import Command
from application.event_log import EventLog
from application.ports import People, Person
from application.sign_in import TEAM_OF_ONES_OWN
from domain.claims import Claim, address_claim, identity_claim
from domain.errors import Conflict, NotFound, Refused
from domain.ids import TeamId, UserId
from domain.teams import Team
from domain.users import User


@dataclass(frozen=True, kw_only=True)
class Errand:
    """What one browser is sent to a provider with; all of it is made anew each time."""

    redirect_uri: str
    state: str
    nonce: str
    verifier: str  # of PKCE, RFC 7636


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Somebody's account with a provider; `email` only if the provider has verified it."""

    issuer: str
    subject: str
    name: str = ""
    email: str = ""


class SignInProvider(Protocol):
    """Somebody who vouches for people. Safe to use from threads."""

    def may_say(self, issuer: str) -> bool:
        """Whether a callback of the provider's can have that `iss`, or none (RFC 9207)."""

    def authorization_url(self, errand: Errand) -> str:
        """Where the browser is sent; `Unavailable`."""

    def identity(self, errand: Errand, code: str) -> Identity:
        """Who came back with that code; `Unauthenticated`, `Unavailable`."""


class AddressIsTaken(Conflict):
    """Somebody has that e-mail address here: sign in as them, and link the account then."""

    code = "address-is-taken"


class NoVerifiedAddress(Refused):
    """The provider vouches for no e-mail address: register here, and link the account."""

    code = "no-verified-address"


SignInProviders = Mapping[str, SignInProvider]


@dataclass(frozen=True, kw_only=True)
class RegisterWithIdentity(Command[int]):
    """An account without a password; refused if the address or the identity is taken."""

    user_id: UserId
    team_id: TeamId
    address_hash: str
    provider: str
    identity_hash: str
    person: Person


def register_with_identity(
    command: RegisterWithIdentity, *, event_log: EventLog, people: People
) -> int:
    user = event_log.begin(User(), command.user_id)
    team = event_log.begin(Team(), command.team_id)
    address = event_log.look(Claim(), address_claim(command.address_hash))
    identity = event_log.look(Claim(), identity_claim(command.identity_hash))
    registered = [
        *user.state.register(team_id=command.team_id),
        *user.state.link(command.provider, command.identity_hash),
    ]
    taken = address.state.take(command.user_id), identity.state.take(command.user_id)
    people.put(command.user_id, command.person)
    return event_log.append_all(
        (address, taken[0]),
        (identity, taken[1]),
        (user, registered),
        (team, team.state.create(name=TEAM_OF_ONES_OWN, owner=command.user_id)),
    )


@dataclass(frozen=True, kw_only=True)
class LinkIdentity(Command[int]):
    """Refused if it is somebody else's, or another of that provider is linked."""

    user_id: UserId
    provider: str
    identity_hash: str


def link_identity(command: LinkIdentity, *, event_log: EventLog) -> int:
    user = event_log.read(User(), command.user_id)
    claim = event_log.look(Claim(), identity_claim(command.identity_hash))
    linked = user.state.link(command.provider, command.identity_hash)
    taken = claim.state.take(command.user_id)
    return event_log.append_all((claim, taken), (user, linked))


@dataclass(frozen=True, kw_only=True)
class UnlinkIdentity(Command[int]):
    user_id: UserId
    provider: str


def unlink_identity(command: UnlinkIdentity, *, event_log: EventLog, people: People) -> int:
    user = event_log.read(User(), command.user_id)
    person = people.get(command.user_id)
    identity_hash = user.state.identities.get(command.provider)
    if person is None or identity_hash is None:
        raise NotFound
    claim = event_log.read(Claim(), identity_claim(identity_hash))
    has_password = bool(person.password_hash)
    unlinked = user.state.unlink(command.provider, has_password=has_password)
    return event_log.append_all((claim, claim.state.release()), (user, unlinked))


def user_with_identity(event_log: EventLog, identity_hash: str) -> UserId | None:
    """Whose account elsewhere it is, if anybody's."""
    holder = event_log.look(Claim(), identity_claim(identity_hash)).state.holder
    return None if holder is None else UserId(holder)
