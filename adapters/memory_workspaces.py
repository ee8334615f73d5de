"""The folders of bots and what bots say of them, played in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from application.engines import Orphan
from application.workspaces import CannotPrepare, HeldToken
from domain.bots import Bot


@dataclass
class MemoryWorkspaces:
    """Plays `Workspaces`; `refused` says which bots cannot be prepared, and why."""

    prepared: dict[UUID, Bot] = field(default_factory=dict)
    tokens: dict[UUID, HeldToken] = field(default_factory=dict)
    refused: dict[UUID, str] = field(default_factory=dict)

    def prepare(self, bot_id: UUID, bot: Bot, token: str) -> str:
        if bot_id in self.refused:
            raise CannotPrepare(self.refused[bot_id])
        self.prepared[bot_id] = bot
        held = self.tokens.get(bot_id)
        if held is None or held.token != token:
            self.tokens[bot_id] = HeldToken(token=token, since=datetime.now(UTC))
        return f"{hash((bot.equipment, token)) & 0xFFFFFFFF:08x}"

    def held_token(self, bot_id: UUID) -> HeldToken | None:
        return self.tokens.get(bot_id)

    def with_secrets(self) -> frozenset[UUID]:
        return frozenset(self.tokens)

    def withdraw(self, bot_id: UUID) -> None:
        self.tokens.pop(bot_id, None)

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        return [
            Orphan(
                kind="workspace",
                id=str(bot_id),
                name=str(bot_id),
                bot_id=bot_id,
                created_at=None,
                size_bytes=0,
            )
            for bot_id in self.prepared
            if bot_id not in bot_ids
        ]

    def discard(self, orphan: Orphan) -> None:
        self.prepared.pop(UUID(orphan.id), None)
        self.tokens.pop(UUID(orphan.id), None)


@dataclass
class MemoryReaders:
    """Plays `Readers`; `behind` says which bots have read something else, or do not say."""

    behind: dict[UUID, str | None] = field(default_factory=dict)
    asked: list[UUID] = field(default_factory=list)

    def revision_of(self, bot_id: UUID, bot: Bot, address: str, written: str) -> str | None:
        del bot, address
        self.asked.append(bot_id)
        return self.behind.get(bot_id, written)
