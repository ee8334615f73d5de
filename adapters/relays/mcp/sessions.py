"""Who shares a server, what they have asked of it, and how much it may say."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from adapters.relays.mcp.messages import Id, Message
from domain.errors import LimitReached, NotFound, Unavailable

UNDER_WAY = 32
MESSAGES_A_SECOND = 2_000
BYTES_A_SECOND = 64 * 1024 * 1024


class ServerEnded(Unavailable):
    """The plugin's server has ended, or was ended."""

    code = "plugin-ended"


class NoSession(NotFound):
    """There is no such session, or it is over: begin another."""

    code = "no-session"


class Busy(LimitReached):
    """The plugin has 32 requests under way, or 32 sessions, already."""


@dataclass(eq=False)
class Session:
    """One caller's side; `heard` is what it listens to, if it does."""

    id: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    heard: asyncio.Queue[Message | None] | None = None
    used_at: float = field(default_factory=time.monotonic)

    def hang_up(self) -> None:
        """Who listens is told that it is over."""
        heard, self.heard = self.heard, None
        if heard is not None:
            while heard.full():
                heard.get_nowait()
            heard.put_nowait(None)


@dataclass(eq=False)
class Exchange:
    """One request under way: what is told of it, and at last its answer."""

    session: Session
    number: Id
    token: Any
    told: asyncio.Queue[tuple[Message, bool]] = field(default_factory=asyncio.Queue)


class Pace:
    """How much a server may write: counted from second to second."""

    def __init__(self) -> None:
        self._second = 0
        self._messages = 0
        self._bytes = 0

    def allows(self, size: int) -> bool:
        """Whether so much more is still bearable."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._messages, self._bytes = second, 0, 0
        self._messages += 1
        self._bytes += size
        return self._messages <= MESSAGES_A_SECOND and self._bytes <= BYTES_A_SECOND
