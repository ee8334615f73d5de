"""Which container engine serves this instance, asked at most every few seconds.

An engine that has answered once stays the instance's while it is away: bots that are made
meanwhile start when it is back. One that has not answered yet and is slow is waited for,
and then it is not known where a bot is to run: that is never taken for "outside".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from application.fleet_watch import EngineStatus, WorkerIsAway
from application.runtimes import RuntimeIsNotKnown
from domain.bot_events import Runtime
from domain.errors import Unavailable

BELIEVED_SECONDS = 3.0
WAIT_SECONDS = 6.0
PAUSE_SECONDS = 0.25


class AskedRuntimes:
    """Plays `Runtimes` by asking whoever has the engine; safe to use from threads."""

    def __init__(
        self, status: Callable[[], EngineStatus], *, wait_seconds: float = WAIT_SECONDS
    ) -> None:
        """`status` answers within seconds; `Unavailable`, `WorkerIsAway`."""
        self._status = status
        self._wait = wait_seconds
        self._lock = threading.Lock()
        self._engine: Runtime | None = None  # that answered, now or before
        self._is_known = False
        self._until = 0.0

    def available(self) -> AbstractSet[Runtime]:
        """The instance's engine, if it has one, and `external`."""
        engine = self._asked()
        return {Runtime.EXTERNAL} if engine is None else {engine, Runtime.EXTERNAL}

    def preferred(self) -> Runtime:
        """The instance's engine; where there certainly is none, `external`."""
        return self._asked() or Runtime.EXTERNAL

    def _asked(self) -> Runtime | None:
        with self._lock:
            if time.monotonic() >= self._until:
                self._is_known = self._find_out()
                self._until = time.monotonic() + BELIEVED_SECONDS
            if not self._is_known:
                raise RuntimeIsNotKnown
            return self._engine

    def _find_out(self) -> bool:
        """Whether it is known which engine there is, after a wait at the most."""
        ends_at = time.monotonic() + self._wait
        while not self._is_told():
            if self._engine is not None:
                return True
            if time.monotonic() >= ends_at:
                return False
            time.sleep(PAUSE_SECONDS)
        return True

    def _is_told(self) -> bool:
        try:
            status = self._status()
        except WorkerIsAway:
            return True  # without a worker no bot gets a container
        except Unavailable:
            return False
        if status.name not in set(Runtime):
            self._engine = None  # the operator has set up none
            return True
        if status.reachable:
            self._engine = Runtime(status.name)
        return status.reachable or status.is_absent
