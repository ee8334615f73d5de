"""How quick each vendor's models have been lately, as this process saw it."""

from __future__ import annotations

import time
from uuid import UUID

from domain.routing_latency import FORGOTTEN_SECONDS, UNANSWERED_MS, Latency

MOST_REMEMBERED = 10_000  # models: bots may ask for any name


class Latencies:
    """One for each process."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Latency] = {}
        self._refused: dict[tuple[UUID, str, str], float] = {}

    def measured(self, vendor: str, model: str, ms: float) -> None:
        """A call to that model had its first byte after so long."""
        place, now = (vendor, model), time.monotonic()
        before = self._known.get(place)
        if before is None and len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[place] = Latency(ms, now) if before is None else before.after(ms, now)

    def of(self, vendor: str, model: str) -> int | None:
        """The average in whole milliseconds; None: not measured lately."""
        latency = self._known.get((vendor, model))
        return None if latency is None else latency.known(time.monotonic())

    def refused(self, bot_id: UUID, vendor: str, model: str) -> None:
        """That model had nothing but an error for a call of the bot."""
        place = (bot_id, vendor, model)
        self._refused.pop(place, None)
        if len(self._refused) >= MOST_REMEMBERED:
            del self._refused[next(iter(self._refused))]
        self._refused[place] = time.monotonic()

    def answering(self, bot_id: UUID, vendor: str, model: str) -> int | None:
        """As `of`; `UNANSWERED_MS` if all that was seen lately are errors for this bot."""
        known = self.of(vendor, model)
        if known is not None or not self._refused:
            return known
        at = self._refused.get((bot_id, vendor, model))
        lately = at is not None and time.monotonic() - at <= FORGOTTEN_SECONDS
        return UNANSWERED_MS if lately else None
