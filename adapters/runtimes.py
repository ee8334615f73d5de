"""Which container engines answer, asked at most every few seconds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from domain.bot_events import Runtime
from domain.errors import Unavailable

BELIEVED_SECONDS = 3.0


class AskedRuntimes:
    """Plays `Runtimes` by asking whoever has the engine; safe to use from threads."""

    def __init__(self, engine_name: Callable[[], str]) -> None:
        """`engine_name` answers `docker` or `swarm`; `Unavailable` if there is none."""
        self._engine_name = engine_name
        self._lock = threading.Lock()
        self._known: frozenset[Runtime] = frozenset()
        self._until = 0.0

    def available(self) -> AbstractSet[Runtime]:
        """The runtimes whose engine answers; `external` is always there."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._known = self._ask() | {Runtime.EXTERNAL}
                self._until = time.monotonic() + BELIEVED_SECONDS
            return self._known

    def preferred(self) -> Runtime:
        """A container engine if one answers, else `external`."""
        engines = sorted(self.available() - {Runtime.EXTERNAL})
        return engines[0] if engines else Runtime.EXTERNAL

    def _ask(self) -> frozenset[Runtime]:
        try:
            return frozenset({Runtime(self._engine_name())})
        except Unavailable:
            return frozenset()
