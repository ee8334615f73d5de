"""Tokens for programs: what a team gave out, to act in it until an end or a revocation.

A token acts with its own role, and never with more than whoever made it still has: it ends
with their membership.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict, Forbidden, InvalidFields, NotFound
from domain.events import Event
from domain.ids import ApiTokenId, TeamId, UserId
from domain.roles import Role, included

MOST_TOKENS = 200
_SHELVES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a06")


def token_shelf(team_id: TeamId) -> UUID:
    """The stream in which the team's tokens are."""
    return uuid5(_SHELVES, str(team_id))


@dataclass(frozen=True, kw_only=True)
class ApiTokenIssued(Event, topic="api_token.issued"):
    """`token_hash` is the keyed hash of the token, which is kept nowhere."""

    team_id: TeamId
    token_id: ApiTokenId
    name: str
    role: Role
    by: UserId
    token_hash: str
    issued_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ApiTokenRevoked(Event, topic="api_token.revoked"):
    token_id: ApiTokenId


ApiTokenEvent = ApiTokenIssued | ApiTokenRevoked


class TooManyTokens(Conflict):
    """A team has at most two hundred tokens for programs; revoke some."""

    code = "too-many-tokens"


class TokenRoleIsTooHigh(Forbidden):
    """A token's role is one that its maker's includes."""

    code = "token-role-is-too-high"


@dataclass(frozen=True, kw_only=True)
class TokenShelf:
    """A team's tokens that are not revoked, the oldest first; some may have ended."""

    tokens: Mapping[ApiTokenId, ApiTokenIssued] = field(default_factory=dict)

    def issue(self, issued: ApiTokenIssued, *, makers: Role) -> list[ApiTokenEvent]:
        """Give a token out; `makers` is the role of whoever makes it."""
        if issued.role not in included(makers):
            raise TokenRoleIsTooHigh
        if issued.expires_at is not None and issued.expires_at <= issued.issued_at:
            raise InvalidFields(expires_at="not-in-the-future")
        standing = [one for one in self.tokens.values() if _lasts(one, issued.issued_at)]
        if len(standing) >= MOST_TOKENS:
            raise TooManyTokens
        return [issued]

    def revoke(
        self, token_id: ApiTokenId, *, by: UserId, role: Role
    ) -> list[ApiTokenEvent]:
        """Have it work no more; one's own, or as an admin anybody's; else `NotFound`."""
        token = self.tokens.get(token_id)
        if token is None or (token.by != by and Role.ADMIN not in included(role)):
            raise NotFound
        return [ApiTokenRevoked(token_id=token_id)]

    def forget(self, by: UserId) -> list[ApiTokenEvent]:
        """Whoever left the team leaves no token behind that works when they come back."""
        own = [one for one, token in self.tokens.items() if token.by == by]
        return [ApiTokenRevoked(token_id=one) for one in own]

    def presented(
        self, token_id: ApiTokenId, token_hash: str, now: datetime
    ) -> ApiTokenIssued | None:
        """The token that this is the hash of, while it lasts."""
        token = self.tokens.get(token_id)
        if token is None or not _lasts(token, now):
            return None
        return token if hmac.compare_digest(token.token_hash, token_hash) else None

    def evolve(self, event: ApiTokenEvent) -> TokenShelf:
        match event:
            case ApiTokenIssued(token_id=token_id):
                return TokenShelf(tokens={**self.tokens, token_id: event})
            case ApiTokenRevoked(token_id=token_id):
                left = {one: token for one, token in self.tokens.items() if one != token_id}
                return TokenShelf(tokens=left)
            case _:
                assert_never(event)


def _lasts(token: ApiTokenIssued, now: datetime) -> bool:
    return token.expires_at is None or now < token.expires_at
