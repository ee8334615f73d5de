"""Provider keys: a team's credentials at a vendor, known here by reference only.

The secret itself lives in the vault under the key's id and a version. `origin` is where it
may be sent (`scheme://host:port`) and is bound into the ciphertext: another address needs
the secret again, so a key's base URL does not change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.catalog import AllowPaths
from domain.errors import Conflict
from domain.events import Event
from domain.ids import TeamId
from domain.verdicts import Verdict


class KeyStatus(StrEnum):
    """What a key is good for."""

    ACTIVE = "active"
    NO_FUNDS = "no_funds"
    DEAD = "dead"


@dataclass(frozen=True, kw_only=True)
class ProviderKeyAdded(Event, topic="provider_key.added"):
    team_id: TeamId
    vendor: str
    label: str
    base_url: str | None  # None: the vendor's own
    origin: str
    tags: tuple[str, ...]
    models: tuple[str, ...]  # () for all
    allow_paths: AllowPaths
    secret_version: int
    last4: str


@dataclass(frozen=True, kw_only=True)
class ProviderKeyEdited(Event, topic="provider_key.edited"):
    label: str
    tags: tuple[str, ...]
    models: tuple[str, ...]
    allow_paths: AllowPaths


@dataclass(frozen=True, kw_only=True)
class ProviderKeyCheckRequested(Event, topic="provider_key.check_requested"):
    check_id: UUID


@dataclass(frozen=True, kw_only=True)
class ProviderKeyChecked(Event, topic="provider_key.checked"):
    check_id: UUID
    verdict: Verdict
    http_status: int | None
    error: str | None  # our code when no answer came


@dataclass(frozen=True, kw_only=True)
class ProviderKeyRemoved(Event, topic="provider_key.removed"):
    pass


ProviderKeyEvent = (
    ProviderKeyAdded
    | ProviderKeyEdited
    | ProviderKeyCheckRequested
    | ProviderKeyChecked
    | ProviderKeyRemoved
)


class CheckIsOver(Conflict):
    """That check has its verdict already, or was never asked for."""

    code = "check-is-over"


@dataclass(frozen=True, kw_only=True)
class ProviderKey:
    """One key, as far as its own rules need to know it."""

    team_id: TeamId | None = None
    vendor: str = ""
    label: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    allow_paths: AllowPaths = "inference"
    open_check: UUID | None = None
    removed: bool = False

    def add(self, added: ProviderKeyAdded) -> list[ProviderKeyEvent]:
        """Take the key into the team's ring."""
        return [added]

    def edit(self, edited: ProviderKeyEdited) -> list[ProviderKeyEvent]:
        """Change what the key is called and what it may be used for."""
        now = (self.label, self.tags, self.models, self.allow_paths)
        asked = (edited.label, edited.tags, edited.models, edited.allow_paths)
        return [] if now == asked else [edited]

    def request_check(self, check_id: UUID) -> list[ProviderKeyEvent]:
        """Ask for the vendor's verdict; while one is awaited, that one serves."""
        if self.open_check is not None:
            return []
        return [ProviderKeyCheckRequested(check_id=check_id)]

    def record_check(self, checked: ProviderKeyChecked) -> list[ProviderKeyEvent]:
        """Take the verdict of the check that is awaited."""
        if self.open_check != checked.check_id:
            raise CheckIsOver
        return [checked]

    def remove(self) -> list[ProviderKeyEvent]:
        """Drop the key for good."""
        return [] if self.removed else [ProviderKeyRemoved()]

    def evolve(self, event: ProviderKeyEvent) -> ProviderKey:
        match event:
            case ProviderKeyAdded():
                return replace(
                    self,
                    team_id=event.team_id,
                    vendor=event.vendor,
                    label=event.label,
                    tags=event.tags,
                    models=event.models,
                    allow_paths=event.allow_paths,
                )
            case ProviderKeyEdited():
                return replace(
                    self,
                    label=event.label,
                    tags=event.tags,
                    models=event.models,
                    allow_paths=event.allow_paths,
                )
            case ProviderKeyCheckRequested(check_id=check_id):
                return replace(self, open_check=check_id)
            case ProviderKeyChecked():
                return replace(self, open_check=None)
            case ProviderKeyRemoved():
                return replace(self, removed=True)
            case _:
                assert_never(event)


def status_after(status: KeyStatus, verdict: Verdict) -> KeyStatus:
    """What a verdict makes of a key: only a clear word of the vendor changes it."""
    match verdict:
        case Verdict.OK:
            return KeyStatus.ACTIVE
        case Verdict.DEAD:
            return KeyStatus.DEAD
        case Verdict.NO_FUNDS:
            return KeyStatus.NO_FUNDS
        case Verdict.THROTTLED | Verdict.OVERLOADED | Verdict.CLIENT_ERROR:
            return status
        case _:
            assert_never(verdict)
