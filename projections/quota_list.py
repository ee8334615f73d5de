"""The list of quotas: what each counts, for whom, and how much it allows."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, assert_never, cast
from uuid import UUID

from domain.log import FLEET, Placed
from domain.quotas import (
    Metric,
    Mode,
    QuotaEdited,
    QuotaEvent,
    QuotaRaised,
    QuotaRemoved,
    QuotaSet,
    ScopeKind,
    Window,
)
from projections.view import Key, Projector, View


@dataclass(frozen=True, kw_only=True)
class QuotaRow:
    KEY: ClassVar[tuple[str, ...]] = ("quota_id",)
    quota_id: UUID
    team_id: UUID
    scope_kind: ScopeKind
    scope_id: str
    metric: Metric
    window: Window
    time_zone: str
    limit: int
    warn_at_permille: int | None
    mode: Mode
    raised_by: int = 0
    raised_until: datetime | None = None
    created_at: datetime
    version: int


class QuotaList(View[QuotaRow]):
    """What can be asked of the list."""

    @abstractmethod
    def of_team(
        self,
        team_id: UUID,
        *,
        scope_kind: ScopeKind | None,
        scope_id: str | None,
        after: UUID | None,
        limit: int,
    ) -> list[QuotaRow]:
        """The team's quotas by id, that is by age, from behind `after`; None: any."""


class QuotaListProjector(Projector[QuotaRow]):
    name = "quota_list"
    logs = (FLEET,)
    row = QuotaRow

    def key(self, placed: Placed) -> Key | None:
        if isinstance(placed.recorded.event, QuotaEvent):
            return (placed.recorded.originator_id,)
        return None

    def project(self, row: QuotaRow | None, placed: Placed) -> QuotaRow | None:
        recorded = placed.recorded
        event = cast("QuotaEvent", recorded.event)
        version = recorded.originator_version
        if isinstance(event, QuotaSet):
            return QuotaRow(
                quota_id=recorded.originator_id,
                team_id=event.team_id,
                scope_kind=event.scope.kind,
                scope_id=event.scope.id,
                metric=event.metric,
                window=event.window,
                time_zone=event.time_zone,
                limit=event.limit,
                warn_at_permille=event.warn_at_permille,
                mode=event.mode,
                created_at=recorded.at,
                version=version,
            )
        if row is None:
            return None
        match event:
            case QuotaEdited(limit=limit, warn_at_permille=warn_at_permille, mode=mode):
                return replace(
                    row,
                    limit=limit,
                    warn_at_permille=warn_at_permille,
                    mode=mode,
                    version=version,
                )
            case QuotaRaised(by=by, until=until):
                until_then = until if by else None
                return replace(row, raised_by=by, raised_until=until_then, version=version)
            case QuotaRemoved():
                return None
            case _:
                assert_never(event)
