"""The keys of a team, from the key ring, remembered for a moment: plays `TeamKeys`.

A round over all bots asks once for each of them, and their teams are few.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import UUID

from application.workspace_models import TeamKey
from projections.key_ring import KeyRing

REMEMBERED_SECONDS = 2.0
MOST_KEYS = 1_000  # a team may have 200


class RingOfKeys:
    """Asks the key ring; safe to use from threads."""

    def __init__(self, ring: KeyRing, *, remembered: float = REMEMBERED_SECONDS) -> None:
        self._ring = ring
        self._remembered = remembered
        self._known: dict[UUID, tuple[float, Sequence[TeamKey]]] = {}

    def of_team(self, team_id: UUID) -> Sequence[TeamKey]:
        """The team's keys, by age."""
        now = time.monotonic()
        asked_at, keys = self._known.get(team_id, (-self._remembered, ()))
        if now - asked_at >= self._remembered:
            rows = self._ring.of_team(team_id, after=None, limit=MOST_KEYS)
            keys = [
                TeamKey(id=row.key_id, vendor=row.vendor, tags=row.tags, models=row.models)
                for row in rows
            ]
            self._known[team_id] = (now, keys)
        return keys
