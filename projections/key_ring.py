"""The key ring: every provider key of a team with its status, never with its secret."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, assert_never, cast
from uuid import UUID

from domain.catalog import AllowPaths
from domain.keys import (
    KeyStatus,
    ProviderKeyAdded,
    ProviderKeyChecked,
    ProviderKeyCheckRequested,
    ProviderKeyEdited,
    ProviderKeyEvent,
    ProviderKeyRemoved,
    status_after,
)
from domain.log import FLEET, Placed
from domain.verdicts import Verdict
from projections.view import Key, Projector, View


@dataclass(frozen=True, kw_only=True)
class KeyRow:
    KEY: ClassVar[tuple[str, ...]] = ("key_id",)
    key_id: UUID
    team_id: UUID
    vendor: str
    label: str
    tags: tuple[str, ...]
    models: tuple[str, ...]
    allow_paths: AllowPaths
    base_url: str | None
    last4: str
    status: KeyStatus = KeyStatus.ACTIVE
    open_check: UUID | None = None
    checked_at: datetime | None = None
    verdict: Verdict | None = None
    created_at: datetime
    version: int


class KeyRing(View[KeyRow]):
    """What can be asked of the ring."""

    @abstractmethod
    def of_team(self, team_id: UUID, *, after: UUID | None, limit: int) -> list[KeyRow]:
        """The team's keys by id, that is by age, from behind `after`."""

    @abstractmethod
    def awaiting_check(self) -> list[KeyRow]:
        """Keys of all teams whose check was asked for and has no verdict yet."""


class KeyRingProjector(Projector[KeyRow]):
    name = "key_ring"
    logs = (FLEET,)
    row = KeyRow

    def key(self, placed: Placed) -> Key | None:
        if isinstance(placed.recorded.event, ProviderKeyEvent):
            return (placed.recorded.originator_id,)
        return None

    def project(self, row: KeyRow | None, placed: Placed) -> KeyRow | None:
        recorded = placed.recorded
        event = cast("ProviderKeyEvent", recorded.event)
        if isinstance(event, ProviderKeyAdded):
            return KeyRow(
                key_id=recorded.originator_id,
                team_id=event.team_id,
                vendor=event.vendor,
                label=event.label,
                tags=event.tags,
                models=event.models,
                allow_paths=event.allow_paths,
                base_url=event.base_url,
                last4=event.last4,
                created_at=recorded.at,
                version=recorded.originator_version,
            )
        if row is None:
            return None
        row = replace(row, version=recorded.originator_version)
        return _after(row, event, recorded.at)


def _after(row: KeyRow, event: ProviderKeyEvent, at: datetime) -> KeyRow | None:
    match event:
        case ProviderKeyEdited():
            return replace(
                row,
                label=event.label,
                tags=event.tags,
                models=event.models,
                allow_paths=event.allow_paths,
            )
        case ProviderKeyCheckRequested(check_id=check_id):
            return replace(row, open_check=check_id)
        case ProviderKeyChecked(verdict=verdict):
            return replace(
                row,
                open_check=None,
                checked_at=at,
                verdict=verdict,
                status=status_after(row.status, verdict),
            )
        case ProviderKeyRemoved():
            return None
        case ProviderKeyAdded():
            return row
        case _:
            assert_never(event)
