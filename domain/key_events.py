"""What is recorded of provider keys, and what a key is good for at a time.

The rules are in `domain/keys.py`. Of a secret nothing is here but its version and the last
four characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.catalog import AllowPaths
from domain.events import Event
from domain.ids import TeamId
from domain.verdicts import Verdict


class KeyStatus(StrEnum):
    """What a key is good for."""

    ACTIVE = "active"
    COOLING = "cooling"  # until a time; nothing need happen for it to be active then
    NO_FUNDS = "no_funds"
    DISABLED = "disabled"  # by somebody of the team
    DEAD = "dead"


PARKED = frozenset({KeyStatus.NO_FUNDS, KeyStatus.DEAD})


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
class ProviderKeyRotated(Event, topic="provider_key.rotated"):
    secret_version: int  # the new one's
    last4: str
    previous_end_at: datetime  # the version before may be shredded then


@dataclass(frozen=True, kw_only=True)
class ProviderKeySecretRetired(Event, topic="provider_key.secret_retired"):
    secret_version: int


@dataclass(frozen=True, kw_only=True)
class ProviderKeyCooled(Event, topic="provider_key.cooled"):
    until: datetime
    verdict: Verdict


@dataclass(frozen=True, kw_only=True)
class ProviderKeyParked(Event, topic="provider_key.parked"):
    http_status: int | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class ProviderKeyDied(Event, topic="provider_key.died"):
    http_status: int | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class ProviderKeyRecovered(Event, topic="provider_key.recovered"):
    pass


@dataclass(frozen=True, kw_only=True)
class ProviderKeyDisabled(Event, topic="provider_key.disabled"):
    pass


@dataclass(frozen=True, kw_only=True)
class ProviderKeyEnabled(Event, topic="provider_key.enabled"):
    pass


@dataclass(frozen=True, kw_only=True)
class ProviderKeyRemoved(Event, topic="provider_key.removed"):
    pass


ProviderKeyEvent = (
    ProviderKeyAdded
    | ProviderKeyEdited
    | ProviderKeyCheckRequested
    | ProviderKeyChecked
    | ProviderKeyRotated
    | ProviderKeySecretRetired
    | ProviderKeyCooled
    | ProviderKeyParked
    | ProviderKeyDied
    | ProviderKeyRecovered
    | ProviderKeyDisabled
    | ProviderKeyEnabled
    | ProviderKeyRemoved
)
