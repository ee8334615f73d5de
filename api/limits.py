"""How often one may try: sliding windows in this process's memory."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from domain.errors import LimitReached

MOST_KEYS = 50_000


class Tries:
    """At most `most` tries for each key in any `seconds`."""

    def __init__(
        self, *, most: int, seconds: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def count(self, key: Hashable) -> None:
        """Count one try; `LimitReached`, and when to come back, if it is too many."""
        now = self._clock()
        with self._lock:
            tries = self._tries.setdefault(key, deque())
            self._tries.move_to_end(key)
            while tries and tries[0] <= now - self._seconds:
                tries.popleft()
            if len(tries) >= self._most:
                wait = tries[0] + self._seconds - now
                raise LimitReached(retry_after_seconds=max(1, math.ceil(wait)))
            tries.append(now)
            while len(self._tries) > MOST_KEYS:
                self._tries.popitem(last=False)
