"""Quotas: how much one scope may use within a window of time.

What is used is no business of the quota itself: its balance is kept per window, beside the
calls that move it. So scope, metric, window and time zone stay as they were set, and a
limit may well lie below what is already used: it then blocks at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from domain.errors import Conflict, InvalidFields
from domain.quota_events import (
    Metric,
    Mode,
    QuotaEdited,
    QuotaEvent,
    QuotaRaised,
    QuotaRemoved,
    QuotaSet,
    Scope,
    ScopeKind,
    scope_key,
)
from domain.windows import Window, time_zones

__all__ = [
    "MOST",
    "Metric",
    "Mode",
    "Quota",
    "QuotaEdited",
    "QuotaEvent",
    "QuotaIsSetAlready",
    "QuotaRaised",
    "QuotaRemoved",
    "QuotaSet",
    "Scope",
    "ScopeKind",
    "TooManyQuotas",
    "Window",
    "effective_limit",
    "scope_key",
]

MOST = 2**53 - 1  # the largest whole number that every JSON reader keeps
WHOLE = 1000  # per mille


class QuotaIsSetAlready(Conflict):
    """The team has a quota of just that scope, metric, window, time zone and mode."""

    code = "quota-is-set-already"


class TooManyQuotas(Conflict):
    """The team has as many quotas as one may have."""

    code = "too-many-quotas"


def effective_limit(
    limit: int, raised_by: int, raised_until: datetime | None, at: datetime
) -> int:
    """The limit in force at that time, a raise included until its end."""
    raised = raised_until is not None and at < raised_until
    return limit + raised_by if raised else limit


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One quota. `version` is that of its stream, and so of its definition."""

    definition: QuotaSet | None = None
    limit: int = 0
    warn_at_permille: int | None = None
    mode: Mode = Mode.BLOCK
    raised_by: int = 0
    raised_until: datetime | None = None
    version: int = 0
    removed: bool = False

    def set(self, quota: QuotaSet) -> list[QuotaEvent]:
        """Bring the quota into being; `InvalidFields` if it says what cannot be."""
        wrong = _wrong_numbers(quota.limit, quota.warn_at_permille)
        if quota.time_zone not in time_zones():
            wrong["time_zone"] = "unknown"
        if not quota.scope.id:
            wrong["scope.id"] = "missing"
        if wrong:
            raise InvalidFields(**wrong)
        return [quota]

    def edit(self, edited: QuotaEdited) -> list[QuotaEvent]:
        """Change what is allowed; the balance of every window stays."""
        wrong = _wrong_numbers(edited.limit, edited.warn_at_permille)
        if not wrong and edited.limit + self.raised_by > MOST:
            wrong["limit"] = "too-large"
        if wrong:
            raise InvalidFields(**wrong)
        now = (self.limit, self.warn_at_permille, self.mode)
        asked = (edited.limit, edited.warn_at_permille, edited.mode)
        return [] if now == asked else [edited]

    def raise_limit(self, by: int, until: datetime, *, now: datetime) -> list[QuotaEvent]:
        """Allow more until a time, instead of any raise before; 0 ends that one."""
        if not 0 <= by <= MOST - self.limit:
            raise InvalidFields(**{"raise.by": "out-of-range"})
        if by == 0:
            return [] if self.raised_by == 0 else [QuotaRaised(by=0, until=now)]
        if until <= now:
            raise InvalidFields(**{"raise.until": "in-the-past"})
        same = (by, until) == (self.raised_by, self.raised_until)
        return [] if same else [QuotaRaised(by=by, until=until)]

    def remove(self) -> list[QuotaEvent]:
        """Give the quota up for good; what was counted under it is history."""
        return [] if self.removed else [QuotaRemoved()]

    def limit_at(self, at: datetime) -> int:
        """The limit in force at that time."""
        return effective_limit(self.limit, self.raised_by, self.raised_until, at)

    def evolve(self, event: QuotaEvent) -> Quota:
        return replace(self._after(event), version=self.version + 1)

    def _after(self, event: QuotaEvent) -> Quota:
        match event:
            case QuotaSet():
                return replace(
                    self,
                    definition=event,
                    limit=event.limit,
                    warn_at_permille=event.warn_at_permille,
                    mode=event.mode,
                )
            case QuotaEdited():
                return replace(
                    self,
                    limit=event.limit,
                    warn_at_permille=event.warn_at_permille,
                    mode=event.mode,
                )
            case QuotaRaised(by=0):
                return replace(self, raised_by=0, raised_until=None)
            case QuotaRaised(by=by, until=until):
                return replace(self, raised_by=by, raised_until=until)
            case QuotaRemoved():
                return replace(self, removed=True)
            case _:
                assert_never(event)


def _wrong_numbers(limit: int, warn_at_permille: int | None) -> dict[str, str]:
    wrong = {}
    if not 0 <= limit <= MOST:
        wrong["limit"] = "out-of-range"
    if warn_at_permille is not None and not 0 < warn_at_permille <= WHOLE:
        wrong["warn_at"] = "out-of-range"
    return wrong
