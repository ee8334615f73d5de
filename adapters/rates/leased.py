"""Counts for all processes together, of which a little is set aside here.

A hundredth of a rate is counted ahead and handed out here: so one request in a hundredth of
the rate asks others. At most that hundredth of each process is handed out in another minute
than it was counted in: n processes together let through at most n hundredths more in a
minute, and may keep as many from each other. Exact rates, and those below 200, are asked
about one by one.

Who was refused is refused here until the time that they were told, so that a flood of
requests which are refused asks nobody.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from limits.storage import MemoryStorage

from adapters.rates.keeper import Keeper, KeeperAway
from adapters.rates.window import Window
from application.rates import Rate, TooOften

LEASES = 100  # a rate is asked for in so many parts
MOST_HELD = 50_000

Key = tuple[str, str]


@dataclass(slots=True)
class _Held:
    """What is known here of one who asks."""

    left: int = 0
    asking: bool = False  # for more than one: a second thread asks for no more than its own
    refused_until: float = 0.0  # monotonic


class LeasedRates:
    """Plays `Rates`."""

    def __init__(self, keepers: Sequence[Keeper] = ()) -> None:
        """The first keeper that answers counts; if there is none, this process alone."""
        self._keepers = keepers
        self._here = Window(MemoryStorage())
        self._lock = threading.Lock()
        self._held: OrderedDict[Key, _Held] = OrderedDict()

    def take(self, rate: Rate, who: str) -> bool:
        with self._lock:
            held = self._held.get((rate.name, who))
            if held is None:
                return False
            wait = held.refused_until - time.monotonic()
            if wait > 0:
                raise TooOften(rate, retry_after_seconds=math.ceil(wait))
            if not held.left:
                return False
            held.left -= 1
            return True

    def count(self, rate: Rate, who: str) -> None:
        if self.take(rate, who):
            return
        held, cost = self._begin(rate, who)
        left = 0
        try:
            wait = self._ask(rate, who, cost)
            if wait is None:
                left = cost - 1
            elif cost > 1:  # the last ones are asked for one by one
                wait = self._ask(rate, who, 1)
        finally:
            with self._lock:
                held.left += left
                held.asking = held.asking and cost == 1
        if wait is not None:
            seconds = max(1, math.ceil(wait))
            held.refused_until = time.monotonic() + seconds
            raise TooOften(rate, retry_after_seconds=seconds)

    def _begin(self, rate: Rate, who: str) -> tuple[_Held, int]:
        """Who asks, and for how many."""
        key = (rate.name, who)
        lease = 1 if rate.exact else max(1, rate.most // LEASES)
        with self._lock:
            held = self._held.setdefault(key, _Held())
            self._held.move_to_end(key)
            while len(self._held) > MOST_HELD:
                self._held.popitem(last=False)
            if held.asking or lease == 1:
                return held, 1
            held.asking = True
            return held, lease

    def _ask(self, rate: Rate, who: str, cost: int) -> float | None:
        for keeper in self._keepers:
            try:
                return keeper.hit(rate, who, cost)
            except KeeperAway:
                continue
        return self._here.hit(rate, who, cost)
