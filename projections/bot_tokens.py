"""The tokens that speak for a bot: the newest for good, older ones for a while."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from domain.bot_events import BotTokenIssued


@dataclass(frozen=True, kw_only=True)
class BotToken:
    token_hash: str
    ends_at: datetime | None  # None: until the next one is issued


def tokens_after(
    tokens: tuple[BotToken, ...], issued: BotTokenIssued
) -> tuple[BotToken, ...]:
    """The newest token first; older ones end when it says, or before if they did."""
    end = issued.previous_end_at
    older = (
        replace(t, ends_at=end if t.ends_at is None else min(t.ends_at, end))
        for t in tokens[:4]
    )
    return (BotToken(token_hash=issued.token_hash, ends_at=None), *older)
