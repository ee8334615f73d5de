"""The rules of teams, users and claims."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from domain.claims import Claim, ClaimReleased, ClaimTaken, IsTaken, hostname_claim
from domain.ids import TeamId, UserId
from domain.roles import Role
from domain.teams import Team, TeamCreated, TeamMemberAdded
from domain.user_events import UserRegistered
from domain.users import User
from tests.given import given

ALICE, BOB = UserId(uuid4()), UserId(uuid4())
TEAM = TeamId(uuid4())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_a_team_is_founded_with_its_owner() -> None:
    given(Team()).when(lambda team: team.create(name="Ours", owner=ALICE)).then(
        TeamCreated(name="Ours"), TeamMemberAdded(user_id=ALICE, role=Role.OWNER)
    )


def test_a_member_is_added_once() -> None:
    added = TeamMemberAdded(user_id=ALICE, role=Role.OWNER)
    given(Team(), added).when(
        lambda team: team.add_member(ALICE, Role.OWNER, by=ALICE, now=NOW)
    ).then()
    given(Team(), added).when(
        lambda team: team.add_member(BOB, Role.OWNER, by=ALICE, now=NOW)
    ).then(TeamMemberAdded(user_id=BOB, role=Role.OWNER))


def test_an_account_belongs_to_a_team_of_its_own() -> None:
    given(User()).when(lambda user: user.register(team_id=TEAM)).then(
        UserRegistered(team_id=TEAM)
    )


def test_what_is_taken_cannot_be_taken_by_another() -> None:
    taken = ClaimTaken(holder=ALICE)
    given(Claim()).when(lambda claim: claim.take(ALICE)).then(taken)
    given(Claim(), taken).when(lambda claim: claim.take(ALICE)).then()
    given(Claim(), taken).when(lambda claim: claim.take(BOB)).refused(IsTaken)


def test_what_is_released_can_be_taken_again() -> None:
    taken = ClaimTaken(holder=ALICE)
    given(Claim(), taken).when(lambda claim: claim.release()).then(ClaimReleased())
    given(Claim(), taken, ClaimReleased()).when(lambda claim: claim.take(BOB)).then(
        ClaimTaken(holder=BOB)
    )
    given(Claim()).when(lambda claim: claim.release()).then()


def test_the_same_hostname_in_two_teams_is_two_claims() -> None:
    assert hostname_claim(TEAM, "ada") == hostname_claim(TEAM, "ada")
    assert hostname_claim(TEAM, "ada") != hostname_claim(TeamId(uuid4()), "ada")
