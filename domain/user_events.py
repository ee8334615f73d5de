"""What happens to a user: the events that `domain/users.py` decides."""

from __future__ import annotations

from dataclasses import dataclass

from domain.events import Event
from domain.ids import SessionId, TeamId


@dataclass(frozen=True, kw_only=True)
class UserRegistered(Event, topic="user.registered"):
    """Name and address are in the vault, under the user's id."""

    team_id: TeamId


@dataclass(frozen=True, kw_only=True)
class UserJoinedTeam(Event, topic="user.joined_team"):
    team_id: TeamId


@dataclass(frozen=True, kw_only=True)
class UserLeftTeam(Event, topic="user.left_team"):
    team_id: TeamId


@dataclass(frozen=True, kw_only=True)
class UserProfileChanged(Event, topic="user.profile_changed"):
    """What it is now is in the vault."""


@dataclass(frozen=True, kw_only=True)
class UserPasswordChanged(Event, topic="user.password_changed"):
    """`kept` is the session that goes on; None after a reset."""

    kept: SessionId | None = None


@dataclass(frozen=True, kw_only=True)
class UserTotpOffered(Event, topic="user.totp_offered"):
    """A secret is in the vault, and not asked for until it is confirmed."""


@dataclass(frozen=True, kw_only=True)
class UserTotpConfirmed(Event, topic="user.totp_confirmed"):
    pass


@dataclass(frozen=True, kw_only=True)
class UserTotpRemoved(Event, topic="user.totp_removed"):
    pass


@dataclass(frozen=True, kw_only=True)
class UserCodeUsed(Event, topic="user.code_used"):
    """`step` is the half minute of the code since 1970; None: it was a recovery code."""

    step: int | None


@dataclass(frozen=True, kw_only=True)
class UserIdentityLinked(Event, topic="user.identity_linked"):
    """Who has that account with the provider may sign in; `identity_hash` is keyed."""

    provider: str
    identity_hash: str


@dataclass(frozen=True, kw_only=True)
class UserIdentityUnlinked(Event, topic="user.identity_unlinked"):
    provider: str


@dataclass(frozen=True, kw_only=True)
class UserMobileConfirmed(Event, topic="user.mobile_confirmed"):
    """The number is in the vault; codes are sent there. `mobile_hash` is keyed."""

    mobile_hash: str


@dataclass(frozen=True, kw_only=True)
class UserMobileRemoved(Event, topic="user.mobile_removed"):
    pass


@dataclass(frozen=True, kw_only=True)
class UserPlaceSeen(Event, topic="user.place_seen"):
    """They signed in from where they had not before; `place` is a keyed hash.

    `first`: nothing was known of their places until then.
    """

    place: str
    first: bool


@dataclass(frozen=True, kw_only=True)
class UserMadeOperator(Event, topic="user.made_operator"):
    pass


@dataclass(frozen=True, kw_only=True)
class UserNoLongerOperator(Event, topic="user.no_longer_operator"):
    pass


@dataclass(frozen=True, kw_only=True)
class UserErased(Event, topic="user.erased"):
    """Their record in the vault is shredded, and with it all that told who they were."""


UserEvent = (
    UserRegistered
    | UserJoinedTeam
    | UserLeftTeam
    | UserProfileChanged
    | UserPasswordChanged
    | UserTotpOffered
    | UserTotpConfirmed
    | UserTotpRemoved
    | UserCodeUsed
    | UserIdentityLinked
    | UserIdentityUnlinked
    | UserMobileConfirmed
    | UserMobileRemoved
    | UserPlaceSeen
    | UserMadeOperator
    | UserNoLongerOperator
    | UserErased
)
