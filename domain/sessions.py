"""Sessions: one sign-in, kept alive by refresh tokens that are used once.

Each refresh replaces the token. A token that was replaced already was stolen, or its thief
was faster: its use ends the session, for whoever holds the newer one too (RFC 9700).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from domain.events import Event
from domain.ids import TeamId, UserId

PASSWORD = "password"  # noqa: S105 - a means of signing in


class EndReason(StrEnum):
    """Why a session ended."""

    LOGOUT = "logout"
    REVOKED = "revoked"
    REUSE = "refresh-token-reuse"


@dataclass(frozen=True, kw_only=True)
class SessionStarted(Event, topic="session.started"):
    """`means` is how they signed in: `password`, `oidc:google`, `code:email`."""

    user_id: UserId
    team_id: TeamId
    refresh_hash: str
    expires_at: datetime
    epoch: int = 0
    means: str = PASSWORD


@dataclass(frozen=True, kw_only=True)
class SessionRefreshed(Event, topic="session.refreshed"):
    refresh_hash: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class SessionEnded(Event, topic="session.ended"):
    reason: EndReason


SessionEvent = SessionStarted | SessionRefreshed | SessionEnded


@dataclass(frozen=True, kw_only=True)
class Session:
    """One sign-in, as far as its own rules need to know it."""

    user_id: UserId | None = None
    team_id: TeamId | None = None
    epoch: int = 0
    refresh_hash: str = ""
    expires_at: datetime | None = None
    ended: bool = False

    def start(self, started: SessionStarted) -> list[SessionEvent]:
        """Begin with a first refresh token."""
        return [started]

    def is_open(self, now: datetime) -> bool:
        """Whether access tokens of this session count."""
        return not self.ended and self.expires_at is not None and now < self.expires_at

    def refresh(
        self, *, presented: str, refreshed: SessionRefreshed, now: datetime
    ) -> list[SessionEvent]:
        """Replace the refresh token; a used one ends the session, in an ended one all fail.

        Whoever asks looks at the result: only `SessionRefreshed` means yes.
        """
        if not self.is_open(now):
            return []
        if not hmac.compare_digest(presented, self.refresh_hash):
            return [SessionEnded(reason=EndReason.REUSE)]
        return [refreshed]

    def end(self, reason: EndReason = EndReason.LOGOUT) -> list[SessionEvent]:
        """Sign out."""
        return [] if self.ended else [SessionEnded(reason=reason)]

    def evolve(self, event: SessionEvent) -> Session:
        match event:
            case SessionStarted():
                return replace(
                    self,
                    user_id=event.user_id,
                    team_id=event.team_id,
                    epoch=event.epoch,
                    refresh_hash=event.refresh_hash,
                    expires_at=event.expires_at,
                )
            case SessionRefreshed():
                return replace(
                    self, refresh_hash=event.refresh_hash, expires_at=event.expires_at
                )
            case SessionEnded():
                return replace(self, ended=True)
            case _:
                assert_never(event)
