"""How quick each vendor's models have been lately, as this process saw it."""

from __future__ import annotations

import time

from domain.routing_latency import Latency

MOST_REMEMBERED = 10_000  # models: bots may ask for any name


class Latencies:
    """One for each process."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Latency] = {}

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
