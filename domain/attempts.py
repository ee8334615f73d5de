"""Attempts: what was tried for one call, key after key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.verdicts import Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One key that was tried: what its vendor answered, and what that says of the key."""

    provider_key_id: UUID
    good_version: int  # of the key's stream: which state of it was tried
    http_status: int | None  # None: no answer came
    verdict: Verdict
    error: str | None
    ms: int  # from its beginning to the verdict
    cooling_until: datetime | None = None
    model: str | None = None  # that was asked for, where routing led to another one
    changes: tuple[str, ...] | None = None  # of the request; None: those of the admission
