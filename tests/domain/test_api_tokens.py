"""The rules of tokens for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.api_tokens import (
    MOST_TOKENS,
    ApiTokenIssued,
    ApiTokenRevoked,
    TokenRoleIsTooHigh,
    TokenShelf,
    TooManyTokens,
)
from domain.errors import InvalidFields, NotFound
from domain.ids import ApiTokenId, TeamId, UserId
from domain.roles import Role, included
from tests.given import given

ALICE, BOB = UserId(UUID(int=1)), UserId(UUID(int=2))
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def issued(
    number: int = 7, role: Role = Role.VIEWER, ends: timedelta | None = None
) -> ApiTokenIssued:
    return ApiTokenIssued(
        team_id=TeamId(UUID(int=5)),
        token_id=ApiTokenId(UUID(int=number)),
        name="CI",
        role=role,
        by=ALICE,
        token_hash="ab" * 32,
        issued_at=NOW,
        expires_at=None if ends is None else NOW + ends,
    )


@pytest.mark.parametrize("makers", Role)
@pytest.mark.parametrize("role", Role)
def test_a_token_is_no_higher_than_its_maker(makers: Role, role: Role) -> None:
    asked = given(TokenShelf()).when(
        lambda shelf: shelf.issue(issued(role=role), makers=makers)
    )
    if role in included(makers):
        asked.then(issued(role=role))
    else:
        asked.refused(TokenRoleIsTooHigh)


def test_a_token_that_has_ended_already_is_not_issued() -> None:
    given(TokenShelf()).when(
        lambda shelf: shelf.issue(issued(ends=timedelta()), makers=Role.OWNER)
    ).refused(InvalidFields)


def test_a_team_has_so_many_tokens_that_last() -> None:
    ended = [issued(n, ends=timedelta(days=-1)) for n in range(50)]
    lasting = [issued(100 + n) for n in range(MOST_TOKENS)]
    given(TokenShelf(), *ended, *lasting[1:]).when(
        lambda shelf: shelf.issue(issued(), makers=Role.OWNER)
    ).then(issued())
    given(TokenShelf(), *lasting).when(
        lambda shelf: shelf.issue(issued(), makers=Role.OWNER)
    ).refused(TooManyTokens)


def test_a_token_is_known_by_its_hash_while_it_lasts() -> None:
    token = issued(ends=timedelta(hours=1))
    shelf = TokenShelf().evolve(token)
    assert shelf.presented(token.token_id, "ab" * 32, NOW) == token
    assert shelf.presented(token.token_id, "ab" * 31 + "ac", NOW) is None
    assert shelf.presented(ApiTokenId(UUID(int=8)), "ab" * 32, NOW) is None
    assert shelf.presented(token.token_id, "ab" * 32, NOW + timedelta(hours=1)) is None


def test_ones_own_is_revoked_by_oneself_and_any_by_an_admin() -> None:
    token, revoked = issued(), ApiTokenRevoked(token_id=issued().token_id)
    for by, role in ((ALICE, Role.VIEWER), (BOB, Role.ADMIN)):
        given(TokenShelf(), token).when(
            lambda shelf, by=by, role=role: shelf.revoke(token.token_id, by=by, role=role)  # type: ignore[misc]
        ).then(revoked)
    given(TokenShelf(), token).when(
        lambda shelf: shelf.revoke(token.token_id, by=BOB, role=Role.MEMBER)
    ).refused(NotFound)
    given(TokenShelf(), token, revoked).when(
        lambda shelf: shelf.revoke(token.token_id, by=ALICE, role=Role.OWNER)
    ).refused(NotFound)
