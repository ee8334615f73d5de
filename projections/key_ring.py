"""The key ring: every provider key of a team with its status, never with its secret."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, cast
from uuid import UUID

from domain.catalog import AllowPaths
from domain.key_standing import Standing
from domain.keys import (
    PARKED,
    KeyStatus,
    OldSecret,
    ProviderKeyAdded,
    ProviderKeyChecked,
    ProviderKeyCheckRequested,
    ProviderKeyEdited,
    ProviderKeyEvent,
    ProviderKeyRemoved,
    ProviderKeyRotated,
    ProviderKeySecretRetired,
    retired,
    retiring,
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
    secret_version: int
    old_secrets: tuple[OldSecret, ...] = ()
    status: KeyStatus = KeyStatus.ACTIVE
    cooling_until: datetime | None = None
    parked_at: datetime | None = None  # while it is dead or without funds
    good_at: datetime  # when it was last added, rotated, enabled or found good
    open_check: UUID | None = None
    checked_at: datetime | None = None
    verdict: Verdict | None = None
    created_at: datetime
    version: int

    @property
    def standing(self) -> Standing:
        """What the key is good for."""
        return Standing(status=self.status, cooling_until=self.cooling_until)


class KeyRing(View[KeyRow]):
    """What can be asked of the ring."""

    @abstractmethod
    def of_team(self, team_id: UUID, *, after: UUID | None, limit: int) -> list[KeyRow]:
        """The team's keys by id, that is by age, from behind `after`."""

    @abstractmethod
    def awaiting_check(self) -> list[KeyRow]:
        """Keys of all teams whose check was asked for and has no verdict yet."""

    @abstractmethod
    def awaiting_time(self) -> list[KeyRow]:
        """Keys of all teams that cool, are parked, or have an old secret."""


class KeyRingProjector(Projector[KeyRow]):
    name = "key_ring"
    version = 2
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
                secret_version=event.secret_version,
                good_at=recorded.at,
                created_at=recorded.at,
                version=recorded.originator_version,
            )
        if row is None:
            return None
        if isinstance(event, ProviderKeyRemoved):
            return None
        standing = row.standing.after(event, recorded.originator_version)
        parked = standing.status in PARKED
        found_good = standing.good_version == recorded.originator_version
        return replace(
            _after(row, event, recorded.at),
            version=recorded.originator_version,
            good_at=recorded.at if found_good else row.good_at,
            status=standing.status,
            cooling_until=standing.cooling_until,
            parked_at=(row.parked_at or recorded.at) if parked else None,
        )


def _after(row: KeyRow, event: ProviderKeyEvent, at: datetime) -> KeyRow:
    """What the event tells beside the status."""
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
            return replace(row, open_check=None, checked_at=at, verdict=verdict)
        case ProviderKeyRotated():
            return replace(
                row,
                last4=event.last4,
                secret_version=event.secret_version,
                old_secrets=retiring(row.old_secrets, row.secret_version, event),
                open_check=None,
                checked_at=None,  # of the new secret nothing is known yet
                verdict=None,
            )
        case ProviderKeySecretRetired():
            return replace(row, old_secrets=retired(row.old_secrets, event))
        case _:
            return row
