"""`/api/team`: the caller's teams and who is in them.

A team in a path is the one that the request acts in: the caller's role there counts.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from uuid_utils.compat import uuid7

from api.auth_shapes import TeamOut
from api.callers import TheDoorkeeper, TheUser
from api.doorkeeper import SignedIn
from api.paging import TheCursors
from api.positions import ExpectedVersion, reached, tag_version
from api.shapes import ListQuery, Page
from api.team_shapes import MemberOut, NewMember, NewTeam, RoleChange, TeamChange
from api.wired import TheSystem, Wired
from application.teams import AddMember, ChangeRole, FoundTeam, RemoveMember, RenameTeam
from domain.api_tokens import token_shelf
from domain.ids import TeamId, UserId
from domain.roles import Role
from domain.teams import Team
from domain.users import User


def named(team_id: UUID) -> None:
    """Only so that the OpenAPI document names it: `TheUser` acts in that team."""


router = APIRouter(prefix="/api/team", tags=["teams"])
in_team = APIRouter(
    prefix="/api/team/{team_id}", tags=["teams"], dependencies=[Depends(named)]
)


@router.get("")
def of_user(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[TeamOut]:
    """The teams that the caller is in, in the order they were joined."""
    response.headers["X-Log-Position"] = f"fleet={system.fleet.head()}"
    joined = system.fleet.look(User(), user.user_id).state.teams
    teams = {one.id: one.state for one in system.fleet.read_all(Team(), joined)}
    shown = [
        TeamOut(id=one, name=teams[one].name, role=role)
        for one in joined
        if (role := teams[one].members.get(user.user_id)) is not None
    ]
    return cursors.whole(shown, query, lambda one: one.id)


@router.post("", status_code=201)
def found(new: NewTeam, user: TheUser, system: TheSystem, response: Response) -> TeamOut:
    """Found another team, with the caller as its owner."""
    team_id = TeamId(uuid7())
    command = FoundTeam(team_id=team_id, name=new.name, owner=user.user_id)
    reached(response, system.bus.handle(command, by=user.caller))
    return TeamOut(id=team_id, name=new.name, role=Role.OWNER)


@in_team.get("")
def one(user: TheUser, system: TheSystem, response: Response) -> TeamOut:
    """The team, and the caller's role in it."""
    return _shown(system, user, response, system.fleet.head())


@in_team.patch("")
def edit(
    change: TeamChange,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> TeamOut:
    """Call the team something else."""
    command = RenameTeam(team_id=user.team_id, name=change.name, expected_version=expected)
    return _shown(system, user, response, system.bus.handle(command, by=user.caller))


@in_team.get("/member")
def members(
    query: Annotated[ListQuery, Query()],
    user: TheUser,
    system: TheSystem,
    cursors: TheCursors,
    response: Response,
) -> Page[MemberOut]:
    """Who is in the team, by the id of the person."""
    response.headers["X-Log-Position"] = f"fleet={system.fleet.head()}"
    after = cursors.read(query.cursor, UUID) if query.cursor else UUID(int=0)
    team = system.fleet.read(Team(), user.team_id).state
    rest = sorted(one for one in team.members if one > after)
    shown, cursor = cursors.page(rest, query.limit, lambda one: [str(one)])
    found = [_member(system, one, team.members[one]) for one in shown]
    return Page(items=found, next_cursor=cursor)


@in_team.post("/member", status_code=201)
def add(
    new: NewMember,
    user: TheUser,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> MemberOut:
    """Take a person in whose id is known; others are invited."""
    user_id = UserId(new.user_id)
    command = AddMember(
        team_id=user.team_id,
        user_id=user_id,
        role=new.role,
        by=user.user_id,
        now=datetime.now(UTC),
    )
    reached(response, system.bus.handle(command, by=user.caller))
    doorkeeper.forget(user.team_id, user_id)
    return _member(system, user_id, new.role)


@in_team.patch("/member/{user_id}")
def change_role(  # noqa: PLR0913, PLR0917 - what the framework hands in
    user_id: UUID,
    change: RoleChange,
    user: TheUser,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> MemberOut:
    """Give a member another role, in force everywhere within five seconds."""
    member = UserId(user_id)
    command = ChangeRole(
        team_id=user.team_id, user_id=member, role=change.role, by=user.user_id
    )
    reached(response, system.bus.handle(command, by=user.caller))
    doorkeeper.forget(user.team_id)
    return _member(system, member, change.role)


@in_team.delete("/member/{user_id}", status_code=204)
def remove(
    user_id: UUID,
    user: TheUser,
    system: TheSystem,
    doorkeeper: TheDoorkeeper,
    response: Response,
) -> None:
    """Take a member out, or leave; in force everywhere within five seconds."""
    member = UserId(user_id)
    command = RemoveMember(team_id=user.team_id, user_id=member, by=user.user_id)
    reached(response, system.bus.handle(command, by=user.caller))
    doorkeeper.forget(user.team_id, member, token_shelf(user.team_id))


def _shown(system: Wired, user: SignedIn, response: Response, position: int) -> TeamOut:
    reached(response, position)
    team = system.fleet.read(Team(), user.team_id)
    tag_version(response, team.version)
    return TeamOut(id=user.team_id, name=team.state.name, role=user.role)


def _member(system: Wired, user_id: UserId, role: Role) -> MemberOut:
    """A person whose record is erased has no name any more."""
    person = system.people.get(user_id)
    if person is None:
        return MemberOut(user_id=user_id, name="", email="", role=role)
    return MemberOut(user_id=user_id, name=person.name, email=person.email, role=role)
