"""The scopes that a call is in: whose quotas apply to it."""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from domain.calls import CallFacts
from domain.quotas import ScopeKind, scope_key


def scope_keys_of(facts: CallFacts, owner_id: UUID | None) -> tuple[str, ...]:
    """Every scope of the call; `owner_id` is the member whose bot it is."""
    # Asked twice for every call, and mostly of few bots. By number, as a UUID is hashed by
    # Python code.
    return _keys(
        facts.team_id.int,
        None if facts.bot_id is None else facts.bot_id.int,
        None if facts.provider_key_id is None else facts.provider_key_id.int,
        facts.requested_model or "",
        None if owner_id is None else owner_id.int,
    )


@lru_cache(maxsize=4096)
def _keys(
    team: int, bot: int | None, key: int | None, model: str, owner: int | None
) -> tuple[str, ...]:
    team_id = UUID(int=team)
    scopes = [
        (ScopeKind.TEAM, str(team_id)),
        (ScopeKind.BOT, _text(bot)),
        (ScopeKind.PROVIDER_KEY, _text(key)),
        (ScopeKind.MODEL, model),
    ]
    if owner is not None:
        scopes.append((ScopeKind.MEMBER, _text(owner)))
    return tuple(scope_key(team_id, kind, value) for kind, value in scopes)


def _text(number: int | None) -> str:
    return str(None if number is None else UUID(int=number))
