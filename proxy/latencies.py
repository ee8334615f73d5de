"""How quick each vendor's models have been lately, as this process saw it.

Each team by itself, and each address by itself: behind one vendor's name stand as many
servers as there are keys with a base URL of their own, and some are other people's.
"""

from __future__ import annotations

import time
from uuid import UUID

from domain.routing_latency import FORGOTTEN_SECONDS, UNANSWERED_MS, Latency
from projections.route_table import KeyRoute

MOST_REMEMBERED = 10_000  # models: bots may ask for any name


# Team, vendor, base URL and model. A number is hashed quicker than its UUID.
_Place = tuple[int, str, str | None, str]


class Latencies:
    """One for each process."""

    def __init__(self) -> None:
        self._known: dict[_Place, Latency] = {}
        self._refused: dict[tuple[UUID, str, str], float] = {}

    def measured(self, key: KeyRoute, model: str, ms: float) -> None:
        """A call to that model under the key had its first byte after so long."""
        place, now = _place(key, model), time.monotonic()
        before = self._known.get(place)
        if before is None and len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[place] = Latency(ms, now) if before is None else before.after(ms, now)

    def of(self, key: KeyRoute, model: str) -> int | None:
        """The average in whole milliseconds; None: not measured lately."""
        latency = self._known.get(_place(key, model))
        return None if latency is None else latency.known(time.monotonic())

    def refused(self, bot_id: UUID, vendor: str, model: str) -> None:
        """That model had nothing but an error for a call of the bot."""
        place = (bot_id, vendor, model)
        self._refused.pop(place, None)
        if len(self._refused) >= MOST_REMEMBERED:
            del self._refused[next(iter(self._refused))]
        self._refused[place] = time.monotonic()

    def answering(self, bot_id: UUID, key: KeyRoute, model: str) -> int | None:
        """As `of`; `UNANSWERED_MS` if all that was seen lately are errors for this bot."""
        known = self.of(key, model)
        if known is not None or not self._refused:
            return known
        at = self._refused.get((bot_id, key.vendor, model))
        lately = at is not None and time.monotonic() - at <= FORGOTTEN_SECONDS
        return UNANSWERED_MS if lately else None


def _place(key: KeyRoute, model: str) -> _Place:
    return key.team_id.int, key.vendor, key.base_url, model
