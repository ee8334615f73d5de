"""One-time codes that were sent to somebody: what they are for, and whether they count.

A stream for each user. A newer code for the same purpose replaces the one before. Of a code
only a keyed hash is recorded; how often one may be tried is counted at the front door.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Unauthenticated
from domain.events import Event
from domain.ids import UserId

_CODES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a13")


def codes_of(user_id: UserId) -> UUID:
    """The stream of that user's codes."""
    return uuid5(_CODES, str(user_id))


class Purpose(StrEnum):
    """What a code is good for."""

    SIGN_IN = "sign-in"
    MOBILE = "mobile"  # to show that a number is one's own


@dataclass(frozen=True, kw_only=True)
class CodeOffered(Event, topic="sign_in_code.offered"):
    """A code was sent to where `target_hash` tells; both hashes are keyed."""

    user_id: UserId
    purpose: Purpose
    target_hash: str
    code_hash: str
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class CodeUsed(Event, topic="sign_in_code.used"):
    purpose: Purpose


SignInCodeEvent = CodeOffered | CodeUsed


@dataclass(frozen=True, kw_only=True)
class SignInCode:
    """The codes of one user that were not used yet, the last one for each purpose."""

    offered: Mapping[Purpose, CodeOffered] = field(default_factory=dict)

    def offer(self, offered: CodeOffered) -> list[SignInCodeEvent]:
        """Let that code count, and no earlier one."""
        return [offered]

    def use(
        self, purpose: Purpose, *, target_hash: str, code_hash: str, now: datetime
    ) -> list[SignInCodeEvent]:
        """The code is used up; `Unauthenticated` unless it is the one, and in time."""
        offered = self.offered.get(purpose)
        if offered is None or now >= offered.expires_at:
            raise Unauthenticated
        there = hmac.compare_digest(target_hash, offered.target_hash)
        if not hmac.compare_digest(code_hash, offered.code_hash) or not there:
            raise Unauthenticated
        return [CodeUsed(purpose=purpose)]

    def evolve(self, event: SignInCodeEvent) -> SignInCode:
        match event:
            case CodeOffered(purpose=purpose):
                return replace(self, offered={**self.offered, purpose: event})
            case CodeUsed(purpose=used):
                left = {one: code for one, code in self.offered.items() if one != used}
                return replace(self, offered=left)
            case _:
                assert_never(event)
