"""What a connection waits for until when: one timer each, and the pace of a body."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from adapters.http.limits import HttpLimits

_CLOCK_STEP = 0.002  # seconds; a timer that is early by less than this is on time


class Alarm:
    """Calls `overdue` when what is expected has not come.

    A new request moves a note, not the timer; the timer looks at the note when it goes off.
    """

    __slots__ = ("_due", "_loop", "_overdue", "_timer")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, overdue: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._overdue = overdue
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, seconds: float) -> None:
        """Something is expected within so many seconds, and nothing else."""
        due = self._due = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(due, self._on_timer)

    def rest(self) -> None:
        """Nothing is expected."""
        self._due = None

    def stop(self) -> None:
        """Nothing will be expected any more."""
        self.rest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._overdue = self.rest  # lets go of the connection

    def _on_timer(self) -> None:
        self._timer = None
        if self._due is None:
            return
        if self._loop.time() + _CLOCK_STEP < self._due:
            self._timer = self._loop.call_at(self._due, self._on_timer)
        else:
            self._overdue()


class Pace:
    """Whether a body comes fast enough, and to its end in time."""

    __slots__ = ("_came", "_left", "_limits")

    def __init__(self, limits: HttpLimits) -> None:
        self._limits = limits
        self._left = limits.body_seconds
        self._came = 0  # bytes since the last look

    @property
    def next_look(self) -> float:
        """Seconds until `holds` must be asked."""
        return min(self._limits.pace_seconds, self._left)

    def count(self, size: int) -> None:
        self._came += size

    def holds(self, *, was_read: bool) -> bool:
        """Whether the client may go on, asked after `next_look`; no time of ours counts."""
        seconds, came = self.next_look, self._came
        self._came = 0
        if not was_read:
            return True
        self._left -= seconds
        enough = came >= self._limits.body_bytes_per_second * seconds
        return enough and self._left > 0
