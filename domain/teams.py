"""Teams and the people in them. A team owns everything; a person has a role in it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import assert_never

from domain.errors import Conflict
from domain.events import Event
from domain.ids import TeamId, UserId


class Role(StrEnum):
    """What a member may do; so far every team has its owner alone."""

    OWNER = "owner"


@dataclass(frozen=True, kw_only=True)
class TeamCreated(Event, topic="team.created"):
    name: str


@dataclass(frozen=True, kw_only=True)
class TeamMemberAdded(Event, topic="team.member_added"):
    user_id: UserId
    role: Role


TeamEvent = TeamCreated | TeamMemberAdded


class IsMemberAlready(Conflict):
    """That person has a role in the team."""

    code = "is-member-already"


@dataclass(frozen=True, kw_only=True)
class Team:
    """One team, as far as its own rules need to know it."""

    name: str = ""
    members: dict[UserId, Role] = field(default_factory=dict)

    def create(self, *, name: str, owner: UserId) -> list[TeamEvent]:
        """Found the team with its first member."""
        return [TeamCreated(name=name), TeamMemberAdded(user_id=owner, role=Role.OWNER)]

    def add_member(self, user_id: UserId, role: Role) -> list[TeamEvent]:
        """Give a person a role; asking again for the same role changes nothing."""
        if self.members.get(user_id) is role:
            return []
        if user_id in self.members:
            raise IsMemberAlready
        return [TeamMemberAdded(user_id=user_id, role=role)]

    def evolve(self, event: TeamEvent) -> Team:
        match event:
            case TeamCreated(name=name):
                return replace(self, name=name)
            case TeamMemberAdded(user_id=user_id, role=role):
                return replace(self, members={**self.members, user_id: role})
            case _:
                assert_never(event)


@dataclass(frozen=True, kw_only=True)
class UserRegistered(Event, topic="user.registered"):
    """Name and address are in the vault, under the user's id."""

    team_id: TeamId


UserEvent = UserRegistered


@dataclass(frozen=True, kw_only=True)
class User:
    """One person with an account."""

    team_id: TeamId | None = None

    def register(self, *, team_id: TeamId) -> list[UserEvent]:
        """Open the account, with a team of one's own."""
        return [UserRegistered(team_id=team_id)]

    def evolve(self, event: UserEvent) -> User:
        return replace(self, team_id=event.team_id)
