"""What the reconciler asks of the folders that bots mount, as a role.

`adapters/workspace/` plays it on disk, `adapters/memory_workspaces.py` in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from application.engines import Orphan
from domain.bots import Bot


class CannotPrepare(Exception):
    """A workspace cannot be made as things are; trying again soon is no use.

    `code` is for programs (`skill-missing`, `no-space`, …), `detail` says it in words,
    without paths.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, kw_only=True)
class HeldToken:
    """The bot token in a container's secrets, and since when it is there."""

    token: str
    since: datetime

    def __repr__(self) -> str:
        return f"HeldToken(since={self.since})"


class Workspaces(Protocol):
    """The folders of bots: what they read, what they keep, what only they may see."""

    def prepare(self, bot_id: UUID, bot: Bot, token: str) -> str:
        """The folders hold what the bot's state says, drift included: the revision.

        Its secrets hold the token from now on. What is right already is left alone.
        `CannotPrepare`; `Unavailable`.
        """

    def held_token(self, bot_id: UUID) -> HeldToken | None:
        """The bot token that its secrets hold; None: none that can be read."""

    def with_secrets(self) -> frozenset[UUID]:
        """The bots that have a secrets folder."""

    def withdraw(self, bot_id: UUID) -> None:
        """No secret of the bot is left in its folders."""

    def orphans(self, bot_ids: frozenset[UUID]) -> Sequence[Orphan]:
        """The folders, of kind `workspace`, that belong to none of these bots."""

    def discard(self, orphan: Orphan) -> None:
        """The folders of that bot are gone, memory and all."""


class Readers(Protocol):
    """What bots' own software says of the folders that it was given."""

    def revision_of(self, bot_id: UUID, bot: Bot, address: str, written: str) -> str | None:
        """The revision that it has read and applied; None: it does not say.

        Software that reads its files by itself, and tells nobody, is believed to have read
        what was `written`.
        """
