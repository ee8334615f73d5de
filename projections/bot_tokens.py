"""The tokens that speak for a bot: the newest for good, older ones for a while."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from domain.bot_events import (
    UNBOUND,
    BotTokenIssued,
    ProviderLink,
    TokenKind,
    TokenScope,
)

MOST_OLDER = 8
ID_LENGTH = 16


@dataclass(frozen=True, kw_only=True)
class BotToken:
    token_hash: str
    ends_at: datetime | None  # None: until the next one is issued
    kind: TokenKind = TokenKind.OWNER
    scope: TokenScope = UNBOUND

    @property
    def id(self) -> str:
        """What it is called in the log and on pages; good for nothing else."""
        return token_id(self.token_hash)


def token_id(token_hash: str) -> str:
    """The beginning of a token's hash."""
    return token_hash[:ID_LENGTH]


def tokens_after(
    tokens: tuple[BotToken, ...], issued: BotTokenIssued
) -> tuple[BotToken, ...]:
    """The newest token first; older ones end when it says, or before if they did.

    A container's token leaves those of the owner alone.
    """
    end, kind = issued.previous_end_at, issued.kind
    older = (
        token
        if kind is TokenKind.CONTAINER and token.kind is TokenKind.OWNER
        else replace(token, ends_at=_sooner(token.ends_at, end))
        for token in tokens[:MOST_OLDER]
    )
    new = BotToken(
        token_hash=issued.token_hash,
        ends_at=issued.scope.expires_at,
        kind=kind,
        scope=issued.scope,
    )
    return (new, *older)


def narrowed(
    links: tuple[ProviderLink, ...], scope: TokenScope
) -> tuple[ProviderLink, ...]:
    """The links as far as a token of that scope reaches."""
    if not scope.models and not scope.vendors:
        return links
    return tuple(link for one in links for link in _within(one, scope))


def _within(link: ProviderLink, scope: TokenScope) -> Iterator[ProviderLink]:
    models = link.models
    if scope.models:
        both = tuple(model for model in scope.models if model in models)
        models = scope.models if "*" in models else both
    if not models:
        return
    if not scope.vendors:
        yield replace(link, models=models)
    for vendor in scope.vendors:
        if link.vendor in {None, vendor}:
            yield replace(link, models=models, vendor=vendor)


def _sooner(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else min(one, other)
