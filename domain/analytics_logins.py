"""Logins for a team's own tools: one a team, made, renewed and taken away by the operator.

The login itself is a role of the database (`adapters/postgres/analytics_logins.py`), and
whether there is one is told there; what is recorded here is for the team's auditors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never
from uuid import UUID, uuid5

from domain.events import Event
from domain.ids import TeamId

_LOGINS = UUID("0d5f8a0c-93b8-5f0f-8a4e-6c0a4f4f6a11")


@dataclass(frozen=True, kw_only=True)
class AnalyticsLoginCreated(Event, topic="analytics_login.created"):
    """Whoever has its password reads the team's numbers in schema `analytics`."""

    user: str


@dataclass(frozen=True, kw_only=True)
class AnalyticsLoginRotated(Event, topic="analytics_login.rotated"):
    """It has another password, and what was connected is not any more."""

    user: str


@dataclass(frozen=True, kw_only=True)
class AnalyticsLoginDropped(Event, topic="analytics_login.dropped"):
    user: str


AnalyticsLoginEvent = AnalyticsLoginCreated | AnalyticsLoginRotated | AnalyticsLoginDropped


@dataclass(frozen=True, kw_only=True)
class AnalyticsLogin:
    """The login of one team, as far as the log knows."""

    user: str | None = None

    def evolve(self, event: AnalyticsLoginEvent) -> AnalyticsLogin:
        match event:
            case AnalyticsLoginCreated(user=user) | AnalyticsLoginRotated(user=user):
                return AnalyticsLogin(user=user)
            case AnalyticsLoginDropped():
                return AnalyticsLogin()
            case _:
                assert_never(event)


def login_stream(team_id: TeamId) -> UUID:
    """The stream of the team's login."""
    return uuid5(_LOGINS, str(team_id))
