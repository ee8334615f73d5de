"""What quotas say: whose use they count, in what, and what is recorded of them.

The rules are in `domain/quotas.py`. A model is a scope by the name that is sent to the
vendor, everything else by its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.events import Event
from domain.ids import TeamId
from domain.windows import Window


class Metric(StrEnum):
    """What is counted."""

    TOKENS = "tokens"  # input and output, cache reads and reasoning included
    COST_MICRO_USD = "cost_micro_usd"
    REQUESTS = "requests"  # admitted calls


class Mode(StrEnum):
    """What happens at the limit."""

    BLOCK = "block"
    NOTIFY = "notify"


class ScopeKind(StrEnum):
    """Whose use is counted."""

    TEAM = "team"
    BOT = "bot"
    PROVIDER_KEY = "provider_key"
    MEMBER = "member"
    MODEL = "model"


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Whose use a quota counts: a model by the name that is sent, all else by its id."""

    kind: ScopeKind
    id: str


def scope_key(team_id: UUID, kind: ScopeKind, scope_id: str) -> str:
    """What admission finds the quotas of a scope by."""
    return f"{team_id}:{kind}:{scope_id}"


@dataclass(frozen=True, kw_only=True)
class QuotaSet(Event, topic="quota.set"):
    team_id: TeamId
    scope: Scope
    metric: Metric
    window: Window
    limit: int
    time_zone: str
    warn_at_permille: int | None  # None: no warning
    mode: Mode


@dataclass(frozen=True, kw_only=True)
class QuotaEdited(Event, topic="quota.edited"):
    limit: int
    warn_at_permille: int | None
    mode: Mode


@dataclass(frozen=True, kw_only=True)
class QuotaRaised(Event, topic="quota.raised"):
    """For a time; another raise takes its place, one by 0 ends it."""

    by: int
    until: datetime


@dataclass(frozen=True, kw_only=True)
class QuotaRemoved(Event, topic="quota.removed"):
    pass


QuotaEvent = QuotaSet | QuotaEdited | QuotaRaised | QuotaRemoved
