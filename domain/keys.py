"""Provider keys: a team's credentials at a vendor, known here by reference only.

The secret itself lives in the vault under the key's id and a version. `origin` is where it
may be sent (`scheme://host:port`) and is bound into the ciphertext: another address needs
the secret again, so a key's base URL does not change. A rotation puts a new version beside
the old one, which is shredded when its time of grace is over.

What a call saw counts only if the key was not found good again meanwhile: `good_version`
is the version of the stream at which it last was (`domain/key_standing.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never
from uuid import UUID

from domain.catalog import AllowPaths
from domain.errors import Conflict
from domain.ids import TeamId
from domain.key_events import (
    PARKED,
    KeyStatus,
    ProviderKeyAdded,
    ProviderKeyChecked,
    ProviderKeyCheckRequested,
    ProviderKeyCooled,
    ProviderKeyDied,
    ProviderKeyDisabled,
    ProviderKeyEdited,
    ProviderKeyEnabled,
    ProviderKeyEvent,
    ProviderKeyParked,
    ProviderKeyRecovered,
    ProviderKeyRemoved,
    ProviderKeyRotated,
    ProviderKeySecretRetired,
)
from domain.key_standing import Standing
from domain.verdicts import Verdict

__all__ = [
    "PARKED",
    "SHORTEST_COOLING",
    "CheckIsOver",
    "KeyStatus",
    "OldSecret",
    "ProviderKey",
    "ProviderKeyAdded",
    "ProviderKeyCheckRequested",
    "ProviderKeyChecked",
    "ProviderKeyCooled",
    "ProviderKeyDied",
    "ProviderKeyDisabled",
    "ProviderKeyEdited",
    "ProviderKeyEnabled",
    "ProviderKeyEvent",
    "ProviderKeyParked",
    "ProviderKeyRecovered",
    "ProviderKeyRemoved",
    "ProviderKeyRotated",
    "ProviderKeySecretRetired",
    "Seen",
]

SHORTEST_COOLING = timedelta(seconds=5)  # a shorter one is over before others hear of it


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one call's attempt said of the key, when, and of which state of it."""

    verdict: Verdict
    at: datetime
    cooling_until: datetime | None
    good_version: int
    http_status: int | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class OldSecret:
    """A version that was rotated away; nothing opens it from `ends_at` on."""

    version: int
    ends_at: datetime


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
    origin: str = ""
    secret_version: int = 0
    old_secrets: tuple[OldSecret, ...] = ()
    standing: Standing = Standing()  # noqa: RUF009  # frozen
    version: int = 0
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

    def rotate(self, *, last4: str, previous_end_at: datetime) -> list[ProviderKeyEvent]:
        """Use the secret that lies in the vault under the next version."""
        return [
            ProviderKeyRotated(
                secret_version=self.secret_version + 1,
                last4=last4,
                previous_end_at=previous_end_at,
            )
        ]

    def retire(self, now: datetime) -> list[ProviderKeySecretRetired]:
        """Give up the versions whose time of grace is over."""
        return [
            ProviderKeySecretRetired(secret_version=old.version)
            for old in self.old_secrets
            if old.ends_at <= now
        ]

    def report(self, seen: Seen) -> list[ProviderKeyEvent]:
        """Take what a call saw; nothing that is known already, or was true before only."""
        now = self.standing
        if self.removed or seen.good_version < now.good_version:
            return []
        usable = now.status in {KeyStatus.ACTIVE, KeyStatus.COOLING}
        if seen.verdict is Verdict.THROTTLED and usable and seen.cooling_until is not None:
            known = max(now.cooling_until or seen.at, seen.at)
            if seen.cooling_until - known >= SHORTEST_COOLING:
                cooled = ProviderKeyCooled(until=seen.cooling_until, verdict=seen.verdict)
                return [cooled]
        if seen.verdict is Verdict.NO_FUNDS and usable:
            return [ProviderKeyParked(http_status=seen.http_status, error=seen.error)]
        if seen.verdict is Verdict.DEAD and (usable or now.status is KeyStatus.NO_FUNDS):
            return [ProviderKeyDied(http_status=seen.http_status, error=seen.error)]
        return []

    def recover(self, now: datetime) -> list[ProviderKeyEvent]:
        """Note that the key has cooled down, if it has."""
        cooling = self.standing.status is KeyStatus.COOLING and not self.removed
        over = cooling and self.standing.status_at(now) is KeyStatus.ACTIVE
        return [ProviderKeyRecovered()] if over else []

    def disable(self) -> list[ProviderKeyEvent]:
        """Keep calls from using the key."""
        off = self.standing.status is KeyStatus.DISABLED
        return [] if off else [ProviderKeyDisabled()]

    def enable(self) -> list[ProviderKeyEvent]:
        """Let calls use the key again."""
        off = self.standing.status is KeyStatus.DISABLED
        return [ProviderKeyEnabled()] if off else []

    def remove(self) -> list[ProviderKeyEvent]:
        """Drop the key for good."""
        return [] if self.removed else [ProviderKeyRemoved()]

    def evolve(self, event: ProviderKeyEvent) -> ProviderKey:
        version = self.version + 1
        standing = self.standing.after(event, version)
        return replace(self._after(event), standing=standing, version=version)

    def _after(self, event: ProviderKeyEvent) -> ProviderKey:  # noqa: PLR0911  # one each
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
                    origin=event.origin,
                    secret_version=event.secret_version,
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
            case ProviderKeyRotated():
                return replace(
                    self,
                    secret_version=event.secret_version,
                    old_secrets=retiring(self.old_secrets, self.secret_version, event),
                    open_check=None,  # what it says of the old secret is of no use
                )
            case ProviderKeySecretRetired():
                return replace(self, old_secrets=retired(self.old_secrets, event))
            case ProviderKeyRemoved():
                return replace(self, removed=True)
            case (
                ProviderKeyCooled()
                | ProviderKeyParked()
                | ProviderKeyDied()
                | ProviderKeyRecovered()
                | ProviderKeyDisabled()
                | ProviderKeyEnabled()
            ):
                return self
            case _:
                assert_never(event)


def retiring(
    old: tuple[OldSecret, ...], version: int, event: ProviderKeyRotated
) -> tuple[OldSecret, ...]:
    """The old secrets with the version that the rotation takes out of use."""
    return (*old, OldSecret(version=version, ends_at=event.previous_end_at))


def retired(
    old: tuple[OldSecret, ...], event: ProviderKeySecretRetired
) -> tuple[OldSecret, ...]:
    """The old secrets without the one that is gone."""
    return tuple(one for one in old if one.version != event.secret_version)
