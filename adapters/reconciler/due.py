"""Which bots are to be looked at, and when.

A bot that is in hand is not taken a second time: it comes again when it is put back. One
that never comes to rest is looked at more and more seldom, at last with every pass only.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from uuid import UUID

PATIENT_LOOKS = 4  # one after the other, before pauses begin to grow
FIRST_PAUSE = 0.2  # seconds
LONGEST_PAUSE = 15.0


class DueBots:
    """The bots that wait for a look; safe to use from threads. Times are in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._due: dict[UUID, float] = {}
        self._in_hand: set[UUID] = set()
        self._asked_meanwhile: set[UUID] = set()
        self._looks: dict[UUID, int] = {}  # in a row, without coming to rest

    def ask(self, bot_id: UUID) -> None:
        """The bot is due now, or as soon as it is out of hand."""
        with self._lock:
            if bot_id in self._in_hand:
                self._asked_meanwhile.add(bot_id)
            else:
                self._due[bot_id] = self._clock()

    def next_in(self) -> float | None:
        """Seconds until a bot is due; None: none waits."""
        with self._lock:
            return min(self._due.values()) - self._clock() if self._due else None

    def waiting(self) -> list[UUID]:
        """Those that are due by now."""
        with self._lock:
            now = self._clock()
            return [bot_id for bot_id, at in self._due.items() if at <= now]

    def take(self, bot_ids: Iterable[UUID]) -> list[UUID]:
        """Those of them that are in nobody's hand are in ours."""
        with self._lock:
            taken = [bot_id for bot_id in bot_ids if bot_id not in self._in_hand]
            self._in_hand.update(taken)
            for bot_id in taken:
                self._due.pop(bot_id, None)
            return taken

    def put_back(self, bot_id: UUID, *, seconds: float | None) -> None:
        """Out of hand; due again after that time, if it is not at rest."""
        with self._lock:
            self._in_hand.discard(bot_id)
            if seconds is not None and seconds <= 0:
                self._looks[bot_id] = self._looks.get(bot_id, 0) + 1
                over = self._looks[bot_id] - PATIENT_LOOKS
                pause = FIRST_PAUSE * 2 ** min(over, 10) if over >= 0 else 0.0
                self._due[bot_id] = self._clock() + min(pause, LONGEST_PAUSE)
            else:
                self._looks.pop(bot_id, None)
                if seconds is not None:
                    self._due[bot_id] = self._clock() + seconds
            if bot_id in self._asked_meanwhile:
                self._asked_meanwhile.discard(bot_id)
                self._due[bot_id] = self._clock()
