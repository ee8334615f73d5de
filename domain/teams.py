"""Teams and the people in them. A team owns everything; a person has a role in it.

There is always an owner. Admins and owners give and take roles, none above their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar, assert_never

from domain.errors import Conflict, Forbidden, NotFound
from domain.events import Event
from domain.ids import InvitationId, UserId
from domain.invitations import (
    InvitationEndsTooLate,
    InvitationEvent,
    InvitationIsForAnother,
    InvitationIsOver,
    TeamInvitationAccepted,
    TeamInvitationMade,
    TeamInvitationRevoked,
)
from domain.roles import Role, included

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

MOST_MEMBERS = 1000  # with the open invitations
LONGEST_INVITATION = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class TeamCreated(Event, topic="team.created"):
    name: str


@dataclass(frozen=True, kw_only=True)
class TeamRenamed(Event, topic="team.renamed"):
    name: str


@dataclass(frozen=True, kw_only=True)
class TeamMemberAdded(Event, topic="team.member_added"):
    user_id: UserId
    role: Role


@dataclass(frozen=True, kw_only=True)
class TeamRoleChanged(Event, topic="team.role_changed"):
    user_id: UserId
    role: Role


@dataclass(frozen=True, kw_only=True)
class TeamMemberRemoved(Event, topic="team.member_removed"):
    user_id: UserId


TeamEvent = (
    TeamCreated
    | TeamRenamed
    | TeamMemberAdded
    | TeamRoleChanged
    | TeamMemberRemoved
    | InvitationEvent
)


class IsMemberAlready(Conflict):
    """That person has a role in the team."""

    code = "is-member-already"


class LastOwnerStays(Conflict):
    """A team always has an owner: make somebody else one first."""

    code = "last-owner-stays"


class TeamIsFull(Conflict):
    """The team has as many members and invitations as it may have."""

    code = "team-is-full"


class RoleIsTooHigh(Forbidden):
    """Only admins and owners give and take roles, and none above their own."""


@dataclass(frozen=True, kw_only=True)
class Team:
    """One team, as far as its own rules need to know it; of invitations, those unused."""

    name: str = ""
    members: Mapping[UserId, Role] = field(default_factory=dict)
    invitations: Mapping[InvitationId, TeamInvitationMade] = field(default_factory=dict)

    def create(self, *, name: str, owner: UserId) -> list[TeamEvent]:
        """Found the team with its first member."""
        return [TeamCreated(name=name), TeamMemberAdded(user_id=owner, role=Role.OWNER)]

    def rename(self, name: str) -> list[TeamEvent]:
        """Call the team something else."""
        return [] if name == self.name else [TeamRenamed(name=name)]

    def add_member(
        self, user_id: UserId, role: Role, *, by: UserId, now: datetime
    ) -> list[TeamEvent]:
        """Give a person a role; asking again for the same role changes nothing."""
        self._refuse_above(by, role)
        if self.members.get(user_id) is role:
            return []
        if user_id in self.members:
            raise IsMemberAlready
        self._refuse_full(now)
        return [TeamMemberAdded(user_id=user_id, role=role)]

    def change_role(self, user_id: UserId, role: Role, *, by: UserId) -> list[TeamEvent]:
        """Give a member another role; the last owner keeps theirs."""
        before = self._role_of(user_id)
        self._refuse_above(by, before, role)
        if before is role:
            return []
        if self._is_last_owner(user_id):
            raise LastOwnerStays
        return [TeamRoleChanged(user_id=user_id, role=role)]

    def remove_member(self, user_id: UserId, *, by: UserId) -> list[TeamEvent]:
        """Take a member out, or leave; the last owner stays."""
        role = self._role_of(user_id)
        if by != user_id:
            self._refuse_above(by, role)
        if self._is_last_owner(user_id):
            raise LastOwnerStays
        return [TeamMemberRemoved(user_id=user_id)]

    def forget(self, user_id: UserId) -> list[TeamEvent]:
        """A person who is erased is in the team no more, whatever they were.

        A last owner leaves the team to whoever has the highest role, and of those to
        whoever came first.
        """
        left = _without(self.members, user_id)
        removed: list[TeamEvent] = [TeamMemberRemoved(user_id=user_id)]
        if user_id not in self.members:
            return []
        if not left or not self._is_last_owner(user_id):
            return removed
        heir = max(left, key=lambda one: len(included(left[one])))
        return [TeamRoleChanged(user_id=heir, role=Role.OWNER), *removed]

    def invite(self, made: TeamInvitationMade, *, now: datetime) -> list[TeamEvent]:
        """Offer a role to whoever brings the link."""
        self._refuse_above(made.by, made.role)
        if not now < made.expires_at <= now + LONGEST_INVITATION:
            raise InvitationEndsTooLate
        self._refuse_full(now)
        return [made]

    def revoke(self, invitation_id: InvitationId) -> list[TeamEvent]:
        """Take an open invitation back; `NotFound` if it is not open."""
        if invitation_id not in self.invitations:
            raise NotFound
        return [TeamInvitationRevoked(invitation_id=invitation_id)]

    def accept(
        self,
        invitation_id: InvitationId,
        *,
        user_id: UserId,
        address_hash: str,
        now: datetime,
    ) -> list[TeamEvent]:
        """Become a member by an open invitation, which is used up with it."""
        made = self.invitations.get(invitation_id)
        if made is None or now >= made.expires_at or not self._may_give(made.by, made.role):
            raise InvitationIsOver
        if made.address_hash not in {None, address_hash}:
            raise InvitationIsForAnother
        if user_id in self.members:
            raise IsMemberAlready
        return [
            TeamInvitationAccepted(invitation_id=invitation_id, user_id=user_id),
            TeamMemberAdded(user_id=user_id, role=made.role),
        ]

    def _may_give(self, by: UserId, *roles: Role) -> bool:
        """Admins and owners do, within what they have themselves."""
        return by in self.members and included(self.members[by]).issuperset(
            (Role.ADMIN, *roles)
        )

    def _refuse_above(self, by: UserId, *roles: Role) -> None:
        if not self._may_give(by, *roles):
            raise RoleIsTooHigh

    def _refuse_full(self, now: datetime) -> None:
        invited = sum(now < made.expires_at for made in self.invitations.values())
        if len(self.members) + invited >= MOST_MEMBERS:
            raise TeamIsFull

    def _role_of(self, user_id: UserId) -> Role:
        if user_id not in self.members:
            raise NotFound
        return self.members[user_id]

    def _is_last_owner(self, user_id: UserId) -> bool:
        owners = [one for one, role in self.members.items() if role is Role.OWNER]
        return owners == [user_id]

    def evolve(self, event: TeamEvent) -> Team:
        match event:
            case TeamCreated(name=name) | TeamRenamed(name=name):
                return replace(self, name=name)
            case TeamMemberAdded() | TeamRoleChanged():
                return replace(self, members={**self.members, event.user_id: event.role})
            case TeamMemberRemoved(user_id=user_id):
                return replace(self, members=_without(self.members, user_id))
            case TeamInvitationMade(invitation_id=invitation_id):
                open_ones = {**self.invitations, invitation_id: event}
                return replace(self, invitations=open_ones)
            case TeamInvitationAccepted() | TeamInvitationRevoked():
                left = _without(self.invitations, event.invitation_id)
                return replace(self, invitations=left)
            case _:
                assert_never(event)


def _without(kept: Mapping[KeyT, ValueT], key: KeyT) -> Mapping[KeyT, ValueT]:
    return {one: value for one, value in kept.items() if one != key}
