"""Attempts, each a short stream of its own: who tried what and had no right to it, and who
read what is more than everyday.

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


@dataclass(frozen=True, kw_only=True)
class SensitiveRead(Event, topic="access.read"):
    """Somebody of the team was shown what tells more than other answers do."""

    action: str
    subject: str  # the hostname of the bot; empty: the whole team's


AccessEvent = AccessRefused | SignInRefused | SensitiveRead


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One attempt."""

    action: str = ""

    def evolve(self, event: AccessEvent) -> Attempt:
        match event:
            case AccessRefused(action=action) | SensitiveRead(action=action):
                return Attempt(action=action)
            case SignInRefused():
                return Attempt(action="sign-in")
            case _:
                assert_never(event)
