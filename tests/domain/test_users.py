"""The rules of users: sessions and epochs, the second factor, and who runs the instance."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from domain.errors import NotFound, Refused, Unauthenticated
from domain.ids import SessionId, TeamId
from domain.user_events import (
    UserCodeUsed,
    UserErased,
    UserEvent,
    UserMadeOperator,
    UserNoLongerOperator,
    UserPasswordChanged,
    UserRegistered,
    UserTotpConfirmed,
    UserTotpOffered,
    UserTotpRemoved,
)
from domain.users import NoTotpIsOffered, TotpIsOnAlready, User
from tests.given import given

HERE, THERE = SessionId(UUID(int=1)), SessionId(UUID(int=2))
ON = (UserTotpOffered(), UserTotpConfirmed(), UserCodeUsed(step=100))


def user(*events: UserEvent) -> User:
    state = User()
    for event in events:
        state = state.evolve(event)
    return state


def test_a_new_password_keeps_one_session_until_the_next() -> None:
    first = user(UserRegistered(team_id=TeamId(UUID(int=5))))
    assert first.keeps(HERE, 0)
    assert first.keeps(THERE, 0)
    second = first.evolve(UserPasswordChanged(kept=HERE))
    assert second.keeps(HERE, 0)
    assert not second.keeps(THERE, 0)
    assert second.keeps(THERE, 1), "it began after the change"
    third = second.evolve(UserPasswordChanged())
    assert not third.keeps(HERE, 0)
    assert not third.keeps(THERE, 1)


def test_a_second_factor_is_offered_then_confirmed_and_its_code_used_up() -> None:
    given(User()).when(lambda user: user.offer_totp()).then(UserTotpOffered())
    given(User(), UserTotpOffered()).when(lambda user: user.confirm_totp(7)).then(
        UserTotpConfirmed(), UserCodeUsed(step=7)
    )
    given(User()).when(lambda user: user.confirm_totp(7)).refused(NoTotpIsOffered)
    given(User(), *ON).when(lambda user: user.offer_totp()).refused(TotpIsOnAlready)
    given(User(), *ON).when(lambda user: user.confirm_totp(7)).refused(TotpIsOnAlready)


@pytest.mark.parametrize("step", [99, 100])
def test_a_code_is_good_once_and_older_ones_are_not(step: int) -> None:
    given(User(), *ON).when(lambda user: user.use_step(step)).refused(Unauthenticated)
    given(User(), *ON).when(lambda user: user.use_step(101)).then(UserCodeUsed(step=101))


def test_without_a_second_factor_no_code_is_good() -> None:
    asked = [lambda user: user.use_step(7), lambda user: user.use_recovery_code()]
    for ask in asked:
        for events in ((), (UserTotpOffered(),), (*ON, UserTotpRemoved())):
            refused: type[Refused] = Unauthenticated
            given(User(), *events).when(ask).refused(refused)
    given(User(), *ON).when(lambda user: user.remove_totp()).then(UserTotpRemoved())
    given(User()).when(lambda user: user.remove_totp()).then()


def test_an_operator_is_marked_once_and_dismissed() -> None:
    made = UserMadeOperator()
    given(User()).when(lambda user: user.make_operator()).then(made)
    given(User(), made).when(lambda user: user.make_operator()).then()
    given(User(), made).when(lambda user: user.dismiss_operator()).then(
        UserNoLongerOperator()
    )
    given(User()).when(lambda user: user.dismiss_operator()).then()


def test_who_is_erased_has_no_account_no_team_and_no_session() -> None:
    given(User(), *ON).when(lambda user: user.erase()).then(UserErased())
    given(User(), UserErased()).when(lambda user: user.erase()).then()
    team = TeamId(UUID(int=5))
    erased = user(UserRegistered(team_id=team), UserMadeOperator(), UserErased())
    assert (erased.registered, erased.teams, erased.operator) == (False, (), False)
    assert not erased.keeps(HERE, 0)


@pytest.mark.parametrize(
    "asked",
    [
        lambda user: user.join(TeamId(UUID(int=6))),
        lambda user: user.link("google", "hash"),
        lambda user: user.make_operator(),
    ],
)
def test_what_was_under_way_when_somebody_was_erased_comes_to_nothing(
    asked: Callable[[User], list[UserEvent]],
) -> None:
    given(User(), UserErased()).when(asked).refused(NotFound)
