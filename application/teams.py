"""Commands about teams and who is in them, each with its handler below it.

Who is in which team is written in the team's stream and in the person's, in one go.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from application.bus import Command
from application.event_log import EventLog
from domain.api_tokens import TokenShelf, token_shelf
from domain.errors import NotFound, PreconditionFailed
from domain.ids import InvitationId, TeamId, UserId
from domain.invitations import TeamInvitationMade
from domain.roles import Role
from domain.teams import Team
from domain.users import User


@dataclass(frozen=True, kw_only=True)
class FoundTeam(Command[int]):
    team_id: TeamId
    name: str
    owner: UserId


def found_team(command: FoundTeam, *, event_log: EventLog) -> int:
    team = event_log.begin(Team(), command.team_id)
    user = event_log.read(User(), command.owner)
    return event_log.append_all(
        (user, user.state.join(command.team_id)),
        (team, team.state.create(name=command.name, owner=command.owner)),
    )


@dataclass(frozen=True, kw_only=True)
class RenameTeam(Command[int]):
    team_id: TeamId
    name: str
    expected_version: int | None = None


def rename_team(command: RenameTeam, *, event_log: EventLog) -> int:
    team = event_log.read(Team(), command.team_id)
    if command.expected_version not in {None, team.version}:
        raise PreconditionFailed
    return event_log.append(team, team.state.rename(command.name))


@dataclass(frozen=True, kw_only=True)
class AddMember(Command[int]):
    """Refused with `NotFound` if nobody has that id."""

    team_id: TeamId
    user_id: UserId
    role: Role
    by: UserId
    now: datetime


def add_member(command: AddMember, *, event_log: EventLog) -> int:
    team = event_log.read(Team(), command.team_id)
    user = event_log.look(User(), command.user_id)
    if not user.state.registered:
        raise NotFound
    added = team.state.add_member(
        command.user_id, command.role, by=command.by, now=command.now
    )
    joined = user.state.join(command.team_id)
    return event_log.append_all((team, added), (user, joined))


@dataclass(frozen=True, kw_only=True)
class ChangeRole(Command[int]):
    team_id: TeamId
    user_id: UserId
    role: Role
    by: UserId


def change_role(command: ChangeRole, *, event_log: EventLog) -> int:
    team = event_log.read(Team(), command.team_id)
    changed = team.state.change_role(command.user_id, command.role, by=command.by)
    return event_log.append(team, changed)


@dataclass(frozen=True, kw_only=True)
class RemoveMember(Command[int]):
    """Their tokens for programs end with it."""

    team_id: TeamId
    user_id: UserId
    by: UserId


def remove_member(command: RemoveMember, *, event_log: EventLog) -> int:
    team = event_log.read(Team(), command.team_id)
    removed = team.state.remove_member(command.user_id, by=command.by)
    user = event_log.read(User(), command.user_id)
    shelf = event_log.look(TokenShelf(), token_shelf(command.team_id))
    return event_log.append_all(
        (team, removed),
        (user, user.state.leave(command.team_id)),
        (shelf, shelf.state.forget(command.user_id)),
    )


@dataclass(frozen=True, kw_only=True)
class Invite(Command[int]):
    team_id: TeamId
    made: TeamInvitationMade
    now: datetime


def invite(command: Invite, *, event_log: EventLog) -> int:
    team = event_log.read(Team(), command.team_id)
    return event_log.append(team, team.state.invite(command.made, now=command.now))


@dataclass(frozen=True, kw_only=True)
class RevokeInvitation(Command[int]):
    team_id: TeamId
    invitation_id: InvitationId


def revoke_invitation(command: RevokeInvitation, *, event_log: EventLog) -> int:
    team = event_log.read(Team(), command.team_id)
    return event_log.append(team, team.state.revoke(command.invitation_id))


@dataclass(frozen=True, kw_only=True)
class AcceptInvitation(Command[int]):
    team_id: TeamId
    invitation_id: InvitationId
    user_id: UserId
    address_hash: str
    now: datetime


def accept_invitation(command: AcceptInvitation, *, event_log: EventLog) -> int:
    team = event_log.read(Team(), command.team_id)
    accepted = team.state.accept(
        command.invitation_id,
        user_id=command.user_id,
        address_hash=command.address_hash,
        now=command.now,
    )
    user = event_log.read(User(), command.user_id)
    joined = user.state.join(command.team_id)
    return event_log.append_all((team, accepted), (user, joined))
