"""Users: one person with an account, their teams, and what their sign-in asks for.

Name, address, password and second factor are in the vault, under the user's id; of accounts
elsewhere by which they sign in too, keyed hashes are here. A change
of password begins a new `epoch`: sessions of an earlier one are over, but for the one in
which it was changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import assert_never

from domain.errors import Conflict, NotFound, Unauthenticated
from domain.ids import SessionId, TeamId
from domain.user_events import (
    UserCodeUsed,
    UserErased,
    UserEvent,
    UserIdentityLinked,
    UserIdentityUnlinked,
    UserJoinedTeam,
    UserLeftTeam,
    UserMadeOperator,
    UserMobileConfirmed,
    UserMobileRemoved,
    UserNoLongerOperator,
    UserPasswordChanged,
    UserPlaceSeen,
    UserProfileChanged,
    UserRegistered,
    UserTotpConfirmed,
    UserTotpOffered,
    UserTotpRemoved,
)

MOST_TEAMS = 100
MOST_PLACES = 20  # that are remembered


class TooManyTeams(Conflict):
    """A person is in at most a hundred teams."""

    code = "too-many-teams"


class TotpIsOnAlready(Conflict):
    """The second factor is on; remove it first."""

    code = "totp-is-on-already"


class NoTotpIsOffered(Conflict):
    """There is no second factor to confirm."""

    code = "no-totp-is-offered"


class IdentityIsLinkedAlready(Conflict):
    """An account with that provider is linked already; unlink it first."""

    code = "identity-is-linked-already"


class NoOtherWayIn(Conflict):
    """Without a password, one linked account must stay: set a password first."""

    code = "no-other-way-in"


@dataclass(frozen=True, kw_only=True)
class User:
    """One person with an account; `teams` in the order they were joined.

    `former` are the last ones that were left: sessions that began there may go on.
    """

    registered: bool = False
    teams: tuple[TeamId, ...] = ()
    former: tuple[TeamId, ...] = ()
    epoch: int = 0
    kept: SessionId | None = None
    operator: bool = False
    totp_offered: bool = False
    totp_on: bool = False
    last_step: int = -1
    erased: bool = False
    mobile_hash: str = ""
    places: tuple[str, ...] = ()  # the last ones, in the order they were first seen
    identities: Mapping[str, str] = field(default_factory=dict)  # keyed hash by provider

    @property
    def first_team(self) -> TeamId | None:
        """The one that a sign-in is for; None: they were taken out of all."""
        return self.teams[0] if self.teams else None

    def at_home(self, team_id: TeamId | None) -> TeamId | None:
        """In whose log it stands what they do in a session of that team: none they left."""
        return team_id if team_id in self.teams else self.first_team

    def register(self, *, team_id: TeamId) -> list[UserEvent]:
        """Open the account, with a team of one's own."""
        return [UserRegistered(team_id=team_id)]

    def join(self, team_id: TeamId) -> list[UserEvent]:
        """Be in one more team."""
        self._refuse_erased()
        if team_id in self.teams:
            return []
        if len(self.teams) >= MOST_TEAMS:
            raise TooManyTeams
        return [UserJoinedTeam(team_id=team_id)]

    def leave(self, team_id: TeamId) -> list[UserEvent]:
        """Be in the team no more."""
        return [UserLeftTeam(team_id=team_id)] if team_id in self.teams else []

    def change_password(self, *, kept: SessionId | None) -> list[UserEvent]:
        """End every session but the one that is kept."""
        return [UserPasswordChanged(kept=kept)]

    def keeps(self, session_id: SessionId, epoch: int) -> bool:
        """Whether a session of that epoch goes on."""
        return epoch == self.epoch or session_id == self.kept

    def offer_totp(self) -> list[UserEvent]:
        """Begin to set up a second factor, anew if need be."""
        if self.totp_on:
            raise TotpIsOnAlready
        return [UserTotpOffered()]

    def confirm_totp(self, step: int) -> list[UserEvent]:
        """Ask for the second factor from now on; its first code is used up."""
        if self.totp_on:
            raise TotpIsOnAlready
        if not self.totp_offered:
            raise NoTotpIsOffered
        return [UserTotpConfirmed(), UserCodeUsed(step=step)]

    def use_step(self, step: int) -> list[UserEvent]:
        """A half minute's code is used up; one used before, or an older one, is refused."""
        if not self.totp_on or step <= self.last_step:
            raise Unauthenticated
        return [UserCodeUsed(step=step)]

    def use_recovery_code(self) -> list[UserEvent]:
        """One of the codes for when the second factor is lost is used up."""
        if not self.totp_on:
            raise Unauthenticated
        return [UserCodeUsed(step=None)]

    def remove_totp(self) -> list[UserEvent]:
        """Ask for it no more."""
        return [UserTotpRemoved()] if self.totp_on or self.totp_offered else []

    def link(self, provider: str, identity_hash: str) -> list[UserEvent]:
        """Let who has that account elsewhere sign in; one for each provider."""
        self._refuse_erased()
        linked = self.identities.get(provider)
        if linked is not None and linked != identity_hash:
            raise IdentityIsLinkedAlready
        if linked is not None:
            return []
        return [UserIdentityLinked(provider=provider, identity_hash=identity_hash)]

    def unlink(self, provider: str, *, has_password: bool) -> list[UserEvent]:
        """Let them no more; refused if nobody could sign in any other way."""
        if provider not in self.identities:
            raise NotFound
        if not has_password and len(self.identities) == 1:
            raise NoOtherWayIn
        return [UserIdentityUnlinked(provider=provider)]

    def confirm_mobile(self, mobile_hash: str) -> list[UserEvent]:
        """Have codes sent to that number, and no more to another one."""
        if self.mobile_hash == mobile_hash:
            return []
        return [UserMobileConfirmed(mobile_hash=mobile_hash)]

    def remove_mobile(self) -> list[UserEvent]:
        """Have none sent to a number any more."""
        return [UserMobileRemoved()] if self.mobile_hash else []

    def sign_in_from(self, place: str) -> list[UserEvent]:
        """Be at that place, if anybody knows where it is."""
        if not place or place in self.places:
            return []
        return [UserPlaceSeen(place=place, first=not self.places)]

    def make_operator(self) -> list[UserEvent]:
        """Let the user look after this instance."""
        self._refuse_erased()
        return [] if self.operator else [UserMadeOperator()]

    def dismiss_operator(self) -> list[UserEvent]:
        """Let the user look after it no more."""
        return [UserNoLongerOperator()] if self.operator else []

    def erase(self) -> list[UserEvent]:
        """Be nobody from now on: no account, no team, no session."""
        return [] if self.erased else [UserErased()]

    def _refuse_erased(self) -> None:
        """What was asked of somebody just before they were erased comes to nothing."""
        if self.erased:
            raise NotFound

    def evolve(self, event: UserEvent) -> User:  # noqa: C901, PLR0911, PLR0912 - one each
        match event:
            case UserRegistered(team_id=team_id):
                return replace(self, registered=True, teams=(team_id,))
            case UserJoinedTeam(team_id=team_id):
                former = _without(self.former, team_id)
                return replace(self, teams=(*self.teams, team_id), former=former)
            case UserLeftTeam(team_id=team_id):
                former = (*_without(self.former, team_id), team_id)[-MOST_TEAMS:]
                left = _without(self.teams, team_id)
                return replace(self, teams=left, former=former)
            case UserProfileChanged():
                return self
            case UserPasswordChanged(kept=kept):
                return replace(self, epoch=self.epoch + 1, kept=kept)
            case UserTotpOffered():
                return replace(self, totp_offered=True)
            case UserTotpConfirmed():
                return replace(self, totp_on=True)
            case UserTotpRemoved():
                return replace(self, totp_on=False, totp_offered=False)
            case UserCodeUsed(step=step):
                return self if step is None else replace(self, last_step=step)
            case UserIdentityLinked(provider=provider, identity_hash=identity_hash):
                linked = {**self.identities, provider: identity_hash}
                return replace(self, identities=linked)
            case UserIdentityUnlinked(provider=gone):
                others = {name: h for name, h in self.identities.items() if name != gone}
                return replace(self, identities=others)
            case UserMobileConfirmed(mobile_hash=mobile_hash):
                return replace(self, mobile_hash=mobile_hash)
            case UserMobileRemoved():
                return replace(self, mobile_hash="")
            case UserPlaceSeen(place=place):
                return replace(self, places=(*self.places, place)[-MOST_PLACES:])
            case UserMadeOperator():
                return replace(self, operator=True)
            case UserNoLongerOperator():
                return replace(self, operator=False)
            case UserErased():
                return User(erased=True, epoch=self.epoch + 1)
            case _:
                assert_never(event)


def _without(teams: tuple[TeamId, ...], gone: TeamId) -> tuple[TeamId, ...]:
    return tuple(one for one in teams if one != gone)
