"""Which of the library's strategies counts which rate.

An exact rate is a list of times (moving window). Another one is two counts (sliding window
counter): those of the window before weigh as much as of that window still counts, as if
they had come evenly.
"""

from __future__ import annotations

import time

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import Storage
from limits.strategies import (
    MovingWindowRateLimiter,
    RateLimiter,
    SlidingWindowCounterRateLimiter,
)

from application.rates import Rate


class Window:
    """Counts in one storage."""

    def __init__(self, storage: Storage) -> None:
        self._exact = MovingWindowRateLimiter(storage)
        self._weighed = SlidingWindowCounterRateLimiter(storage)

    def hit(self, rate: Rate, who: str, cost: int) -> float | None:
        """None when it is counted; else the seconds until one more will be."""
        strategy: RateLimiter = self._exact if rate.exact else self._weighed
        item = _item(rate)
        if strategy.hit(item, who, cost=cost):
            return None
        return max(0.0, strategy.get_window_stats(item, who).reset_time - time.time())


def _item(rate: Rate) -> RateLimitItem:
    return RateLimitItemPerSecond(rate.most, rate.seconds, namespace=rate.name)
