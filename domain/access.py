"""Refused attempts, each a short stream of its own: who tried what, and had no right to it.

Only of people and teams we know: a stranger cannot make the log grow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from domain.events import Event
from domain.ids import UserId


@dataclass(frozen=True, kw_only=True)
class AccessRefused(Event, topic="access.refused"):
    """Somebody of the team asked for what their role does not allow."""

    action: str
    role: str


@dataclass(frozen=True, kw_only=True)
class SignInRefused(Event, topic="access.sign_in_refused"):
    """Somebody gave a wrong password or code for a user who exists."""

    user_id: UserId


AccessEvent = AccessRefused | SignInRefused


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt that was refused."""

    action: str = ""

    def evolve(self, event: AccessEvent) -> Attempt:
        match event:
            case AccessRefused(action=action):
                return Attempt(action=action)
            case SignInRefused():
                return Attempt(action="sign-in")
            case _:
                assert_never(event)
