"""How each provider key has done: successes and failures of calls, and its circuit.

The circuit is the one of `domain/key_health.py`, folded from what the calls of all proxies
tell; each proxy keeps a nearer one of its own in memory.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar
from uuid import UUID

from domain.attempts import Attempt
from domain.calls import CallSettled
from domain.events import but
from domain.key_health import HEALTHY, Circuit, KeyHealth
from domain.log import CALLS, Page, Placed
from domain.verdicts import Verdict
from projections.view import Key, Projector, View

MULTIPLE_CHOICES = 300
FINE = frozenset({Verdict.OK, Verdict.CLIENT_ERROR})
EVEN = 0.5  # no chance here: a view is the same whenever it is folded


@dataclass(frozen=True, kw_only=True)
class KeyHealthRow:
    KEY: ClassVar[tuple[str, ...]] = ("key_id",)
    key_id: UUID
    team_id: UUID
    successes: int = 0
    failures: int = 0
    failures_in_a_row: int = 0  # of which a burst is one, as for the circuit
    last_verdict: Verdict
    last_error: str | None = None
    last_at: datetime
    open_until: datetime | None = None

    def circuit(self, now: datetime) -> Circuit:
        """How the circuit stands then."""
        return _health(self).circuit(now.timestamp())


class KeyHealths(View[KeyHealthRow]):
    """What can be asked of the keys' health."""

    @abstractmethod
    def of_keys(self, team_id: UUID, key_ids: Sequence[UUID]) -> list[KeyHealthRow]:
        """Of these keys of the team, those that were ever called with."""


class KeyHealthProjector(Projector[KeyHealthRow]):
    name = "key_health"
    version = 2
    logs = (CALLS,)
    row = KeyHealthRow

    def key(self, placed: Placed) -> Key | None:
        event = placed.recorded.event
        if not isinstance(event, CallSettled) or event.facts.provider_key_id is None:
            return None
        return (event.facts.provider_key_id,)

    def keys(self, page: Page) -> set[Key]:
        tried = (
            (attempt.provider_key_id,)
            for placed in page.events
            if isinstance(placed.recorded.event, CallSettled)
            for attempt in placed.recorded.event.attempt_log
        )
        return super().keys(page).union(tried)

    def fold(
        self, page: Page, rows: Mapping[Key, KeyHealthRow]
    ) -> dict[Key, KeyHealthRow | None]:
        """As the others do, but that one call may tell of several keys."""
        changed: dict[Key, KeyHealthRow | None] = {}
        for placed in page.events:
            event = placed.recorded.event
            if isinstance(event, CallSettled):
                at, of_a_key = placed.recorded.at, event.facts.provider_key_id is not None
                for attempt in _attempts(event):
                    key = (attempt.provider_key_id,)
                    row = changed.get(key) or rows.get(key)
                    row = row or _untried(attempt.provider_key_id, event, at)
                    changed[key] = _after(row, attempt, at) if of_a_key else row
        return changed

    def project(self, row: KeyHealthRow | None, placed: Placed) -> KeyHealthRow | None:
        event, at = placed.recorded.event, placed.recorded.at
        if not isinstance(event, CallSettled) or event.facts.provider_key_id is None:
            return row
        row = row or _untried(event.facts.provider_key_id, event, at)
        for attempt in _attempts(event):
            if attempt.provider_key_id == row.key_id:
                row = _after(row, attempt, at)
        return row


def _untried(key_id: UUID, event: CallSettled, at: datetime) -> KeyHealthRow:
    return KeyHealthRow(
        key_id=key_id, team_id=event.facts.team_id, last_verdict=Verdict.OK, last_at=at
    )


def _attempts(event: CallSettled) -> tuple[Attempt, ...]:
    """What the call tells of keys; a call without a log that succeeded had one attempt."""
    if event.attempt_log:
        return event.attempt_log
    status, key_id = event.http_status, event.facts.provider_key_id
    if key_id is None or status is None or status >= MULTIPLE_CHOICES or event.error:
        return ()
    fine = Attempt(
        provider_key_id=key_id,
        good_version=0,
        http_status=status,
        verdict=Verdict.OK,
        error=None,
        ms=event.duration_ms,
    )
    return (fine,)


def _after(row: KeyHealthRow, attempt: Attempt, at: datetime) -> KeyHealthRow:
    fine = attempt.verdict in FINE
    health = HEALTHY
    if not (fine and row.open_until is None):  # nearly always its circuit stays closed
        until = attempt.cooling_until
        health = _health(row).after(
            attempt.verdict,
            at.timestamp(),
            wait=None if until is None else (until - at).total_seconds(),
            dice=EVEN,
        )
    opened = health.open_until
    return but(
        row,
        successes=row.successes + fine,
        failures=row.failures + (not fine),
        failures_in_a_row=health.failures,
        last_verdict=attempt.verdict,
        last_error=attempt.error,
        last_at=at,
        open_until=None if opened is None else datetime.fromtimestamp(opened, UTC),
    )


def _health(row: KeyHealthRow) -> KeyHealth:
    until = row.open_until
    return KeyHealth(
        failures=row.failures_in_a_row,
        verdict=None if row.last_verdict in FINE else row.last_verdict,
        open_until=None if until is None else until.timestamp(),
    )
