"""Histories of quotas: edited, raised, removed, and warned of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain.events import Event
from domain.ids import TeamId
from domain.quota_windows import QuotaWarned, quota_window_id
from domain.quotas import (
    Metric,
    Mode,
    QuotaEdited,
    QuotaEvent,
    QuotaRaised,
    QuotaRemoved,
    QuotaSet,
    Scope,
    ScopeKind,
    Window,
)


def quotas(
    team: TeamId, other: TeamId, later: datetime
) -> list[tuple[UUID, Sequence[Event]]]:
    """Some of everything that can happen to quotas of two teams."""
    raised, ended = QuotaRaised(by=5, until=later), QuotaRaised(by=0, until=later)
    return [
        _quota(30, team, QuotaEdited(limit=7, warn_at_permille=None, mode=Mode.NOTIFY)),
        _quota(31, team, raised, ended),
        _quota(32, team, raised),
        _quota(33, team, QuotaRemoved()),
        _quota(34, other),
        _warned(30, later),
    ]


def _quota(
    number: int, team: TeamId, *then: QuotaEvent
) -> tuple[UUID, Sequence[QuotaEvent]]:
    new = QuotaSet(
        team_id=team,
        scope=Scope(kind=ScopeKind.TEAM, id=str(team)),
        metric=Metric.TOKENS,
        window=Window.DAY,
        limit=1000,
        time_zone="UTC",
        warn_at_permille=800,
        mode=Mode.BLOCK,
    )
    return UUID(int=number), [new, *then]


def _warned(number: int, at: datetime) -> tuple[UUID, Sequence[Event]]:
    quota_id = UUID(int=number)
    warned = QuotaWarned(
        quota_id=quota_id,
        window_start=at,
        window_end=None,
        limit=7,
        warn_at_permille=800,
        settled=6,
    )
    return quota_window_id(quota_id, at), [warned]
