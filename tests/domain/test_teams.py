"""The rules of teams: roles, members, invitations, and that there is always an owner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given as all_of
from hypothesis import strategies as st

from domain.errors import NotFound, Refused
from domain.ids import InvitationId, TeamId, UserId
from domain.invitations import (
    InvitationEndsTooLate,
    InvitationIsForAnother,
    InvitationIsOver,
    TeamInvitationAccepted,
    TeamInvitationMade,
    TeamInvitationRevoked,
)
from domain.roles import Role, included, lesser
from domain.teams import (
    MOST_MEMBERS,
    IsMemberAlready,
    LastOwnerStays,
    RoleIsTooHigh,
    Team,
    TeamCreated,
    TeamEvent,
    TeamIsFull,
    TeamMemberAdded,
    TeamMemberRemoved,
    TeamRenamed,
    TeamRoleChanged,
)
from domain.user_events import UserJoinedTeam, UserLeftTeam
from domain.users import MOST_TEAMS, TooManyTeams, User
from tests.given import given

ALICE, BOB, CAROL = (UserId(UUID(int=n)) for n in (1, 2, 3))
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
OURS = (TeamCreated(name="Ours"), TeamMemberAdded(user_id=ALICE, role=Role.OWNER))


def added(user_id: UserId, role: Role) -> TeamMemberAdded:
    return TeamMemberAdded(user_id=user_id, role=role)


def made(
    role: Role = Role.MEMBER, *, by: UserId = ALICE, **more: object
) -> TeamInvitationMade:
    fields: dict[str, object] = {"expires_at": NOW + timedelta(days=1)} | more
    return TeamInvitationMade(
        invitation_id=InvitationId(UUID(int=9)),
        role=role,
        by=by,
        **fields,  # type: ignore[arg-type]
    )


def accept(user_id: UserId = BOB, at: datetime = NOW) -> Callable[[Team], list[TeamEvent]]:
    return lambda team: team.accept(
        InvitationId(UUID(int=9)), user_id=user_id, address_hash="bob's", now=at
    )


def after(team: Team, events: Iterable[TeamEvent]) -> Team:
    for event in events:
        team = team.evolve(event)
    return team


def test_roles_are_a_lattice() -> None:
    assert included(Role.OWNER) == set(Role)
    assert included(Role.ADMIN) == set(Role) - {Role.OWNER}
    assert included(Role.VIEWER) == {Role.VIEWER}
    assert lesser(Role.MEMBER, Role.AUDITOR) is Role.VIEWER
    for one in Role:
        for other in Role:
            both = included(one) & included(other)
            assert included(lesser(one, other)) == both


def test_a_team_gets_another_name() -> None:
    given(Team(), *OURS).when(lambda team: team.rename("Theirs")).then(
        TeamRenamed(name="Theirs")
    )
    given(Team(), *OURS).when(lambda team: team.rename("Ours")).then()


@pytest.mark.parametrize("mine", [Role.ADMIN, Role.MEMBER, Role.VIEWER, Role.AUDITOR])
@pytest.mark.parametrize("given_role", Role)
def test_admins_give_roles_up_to_their_own_and_others_none(
    mine: Role, given_role: Role
) -> None:
    team = (*OURS, added(BOB, mine))
    asked: list[Callable[[Team], list[TeamEvent]]] = [
        lambda team: team.add_member(CAROL, given_role, by=BOB, now=NOW),
        lambda team: team.invite(made(given_role, by=BOB), now=NOW),
        lambda team: team.change_role(BOB, given_role, by=BOB),
    ]
    for ask in asked:
        if mine is Role.ADMIN and given_role is not Role.OWNER:
            ask(after(Team(), team))
        else:
            given(Team(), *team).when(ask).refused(RoleIsTooHigh)


def test_an_admin_neither_demotes_nor_removes_an_owner() -> None:
    team = (*OURS, added(BOB, Role.ADMIN), added(CAROL, Role.OWNER))
    given(Team(), *team).when(
        lambda team: team.change_role(ALICE, Role.VIEWER, by=BOB)
    ).refused(RoleIsTooHigh)
    given(Team(), *team).when(lambda team: team.remove_member(ALICE, by=BOB)).refused(
        RoleIsTooHigh
    )


def test_who_is_no_member_any_more_gives_nothing() -> None:
    team = (*OURS, added(BOB, Role.OWNER), TeamMemberRemoved(user_id=BOB))
    given(Team(), *team).when(
        lambda team: team.add_member(CAROL, Role.VIEWER, by=BOB, now=NOW)
    ).refused(RoleIsTooHigh)


def test_the_last_owner_is_neither_demoted_nor_removed() -> None:
    team = (*OURS, added(BOB, Role.ADMIN))
    given(Team(), *team).when(
        lambda team: team.change_role(ALICE, Role.ADMIN, by=ALICE)
    ).refused(LastOwnerStays)
    given(Team(), *team).when(lambda team: team.remove_member(ALICE, by=ALICE)).refused(
        LastOwnerStays
    )
    two = (*team, TeamRoleChanged(user_id=BOB, role=Role.OWNER))
    given(Team(), *two).when(lambda team: team.remove_member(ALICE, by=ALICE)).then(
        TeamMemberRemoved(user_id=ALICE)
    )


def test_anybody_may_leave() -> None:
    given(Team(), *OURS, added(BOB, Role.VIEWER)).when(
        lambda team: team.remove_member(BOB, by=BOB)
    ).then(TeamMemberRemoved(user_id=BOB))


def test_who_is_not_there_is_not_found() -> None:
    given(Team(), *OURS).when(
        lambda team: team.change_role(BOB, Role.VIEWER, by=ALICE)
    ).refused(NotFound)
    given(Team(), *OURS).when(lambda team: team.remove_member(BOB, by=ALICE)).refused(
        NotFound
    )


def test_an_invitation_is_good_once() -> None:
    used = TeamInvitationAccepted(invitation_id=made().invitation_id, user_id=BOB)
    given(Team(), *OURS, made()).when(accept()).then(used, added(BOB, Role.MEMBER))
    after = (*OURS, made(), used, added(BOB, Role.MEMBER))
    given(Team(), *after).when(accept(CAROL)).refused(InvitationIsOver)


def test_an_invitation_ends() -> None:
    ended = NOW + timedelta(days=1)
    given(Team(), *OURS, made()).when(accept(at=ended)).refused(InvitationIsOver)
    revoked = TeamInvitationRevoked(invitation_id=made().invitation_id)
    given(Team(), *OURS, made(), revoked).when(accept()).refused(InvitationIsOver)
    given(Team(), *OURS, made(), revoked).when(
        lambda team: team.revoke(made().invitation_id)
    ).refused(NotFound)


def test_invitations_that_are_over_keep_no_place() -> None:
    offered = [
        replace(made(), invitation_id=InvitationId(UUID(int=100 + number)))
        for number in range(MOST_MEMBERS - 1)
    ]
    asked: list[Callable[[datetime], Callable[[Team], list[TeamEvent]]]] = [
        lambda now: lambda team: team.add_member(BOB, Role.VIEWER, by=ALICE, now=now),
        lambda now: (
            lambda team: team.invite(made(expires_at=now + timedelta(days=1)), now=now)
        ),
    ]
    for ask in asked:
        given(Team(), *OURS, *offered).when(ask(NOW)).refused(TeamIsFull)
        assert ask(NOW + timedelta(days=1))(after(Team(), (*OURS, *offered)))


def test_an_invitation_is_no_better_than_who_gave_it() -> None:
    team = (*OURS, added(CAROL, Role.ADMIN), made(Role.ADMIN, by=CAROL))
    demoted = TeamRoleChanged(user_id=CAROL, role=Role.MEMBER)
    given(Team(), *team, demoted).when(accept()).refused(InvitationIsOver)
    gone = TeamMemberRemoved(user_id=CAROL)
    given(Team(), *team, gone).when(accept()).refused(InvitationIsOver)


def test_an_addressed_invitation_is_for_that_address() -> None:
    theirs, another = made(address_hash="bob's"), made(address_hash="carol's")
    given(Team(), *OURS, another).when(accept()).refused(InvitationIsForAnother)
    given(Team(), *OURS, theirs, added(BOB, Role.VIEWER)).when(accept()).refused(
        IsMemberAlready
    )


@pytest.mark.parametrize("days", [-1, 0, 31])
def test_an_invitation_ends_within_thirty_days(days: int) -> None:
    late = made(expires_at=NOW + timedelta(days=days))
    given(Team(), *OURS).when(lambda team: team.invite(late, now=NOW)).refused(
        InvitationEndsTooLate
    )


PEOPLE = st.sampled_from([ALICE, BOB, CAROL])
ROLES = st.sampled_from(Role)
ASKED = st.one_of(
    st.tuples(st.just("add"), PEOPLE, PEOPLE, ROLES),
    st.tuples(st.just("change"), PEOPLE, PEOPLE, ROLES),
    st.tuples(st.just("remove"), PEOPLE, PEOPLE, ROLES),
)


@all_of(st.lists(ASKED, max_size=20))
def test_whatever_is_asked_there_is_an_owner_and_nothing_is_recorded_twice(
    asked: list[tuple[str, UserId, UserId, Role]],
) -> None:
    team = after(Team(), OURS)

    def ask(team: Team, what: str, by: UserId, who: UserId, role: Role) -> list[TeamEvent]:
        match what:
            case "add":
                return team.add_member(who, role, by=by, now=NOW)
            case "change":
                return team.change_role(who, role, by=by)
            case _:
                return team.remove_member(who, by=by)

    for what, by, who, role in asked:
        standing = team.members.get(by)
        try:
            events = ask(team, what, by, who, role)
        except Refused:
            continue
        assert not events or standing is not None, "only members change anything"
        team = after(team, events)
        assert Role.OWNER in team.members.values()
        if what != "remove" and who in team.members and by in team.members:
            standing = team.members[by]
            if included(standing).issuperset({Role.ADMIN, role}):
                assert ask(team, what, by, who, role) == []


def test_a_person_joins_and_leaves_teams() -> None:
    team = TeamId(uuid4())
    joined = UserJoinedTeam(team_id=team)
    given(User()).when(lambda user: user.join(team)).then(joined)
    given(User(), joined).when(lambda user: user.join(team)).then()
    given(User(), joined).when(lambda user: user.leave(team)).then(
        UserLeftTeam(team_id=team)
    )
    given(User()).when(lambda user: user.leave(team)).then()
    many = [UserJoinedTeam(team_id=TeamId(uuid4())) for _ in range(MOST_TEAMS)]
    given(User(), *many).when(lambda user: user.join(team)).refused(TooManyTeams)


def test_a_team_goes_on_without_a_person_who_is_erased() -> None:
    gone = TeamMemberRemoved(user_id=ALICE)
    others = (added(BOB, Role.VIEWER), added(CAROL, Role.ADMIN))
    given(Team(), *OURS, *others).when(lambda team: team.forget(ALICE)).then(
        TeamRoleChanged(user_id=CAROL, role=Role.OWNER), gone
    )
    given(Team(), *OURS).when(lambda team: team.forget(ALICE)).then(gone)
    given(Team(), *OURS).when(lambda team: team.forget(BOB)).then()
    given(Team(), *OURS, added(BOB, Role.OWNER)).when(lambda team: team.forget(ALICE)).then(
        gone
    )
