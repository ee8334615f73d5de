"""Streams that are read from the log and believed for two seconds.

So a logout, a lost role or a revoked token is in force everywhere soon, and at once in the
process that took it, which says `forget`.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any, TypeVar
from uuid import UUID

from application.event_log import EventLog
from domain.events import Aggregate

State = TypeVar("State", bound=Aggregate[Any])

BELIEVED_SECONDS = 2.0
MOST_BELIEVED = 20_000


class Believed:
    """What streams led to. Safe to use from threads."""

    def __init__(self, event_log: EventLog) -> None:
        self._event_log = event_log
        self._lock = threading.Lock()
        self._states: OrderedDict[UUID, tuple[float, object]] = OrderedDict()

    def look(self, empty: State, stream_id: UUID) -> State:
        """The state, no older than two seconds; the empty one if nothing is recorded."""
        now = time.monotonic()
        with self._lock:
            until, state = self._states.get(stream_id, (0.0, None))
        if now < until and isinstance(state, type(empty)):
            return state
        state = self._event_log.look(empty, stream_id).state
        with self._lock:
            self._states[stream_id] = (now + BELIEVED_SECONDS, state)
            self._states.move_to_end(stream_id)
            while len(self._states) > MOST_BELIEVED:
                self._states.popitem(last=False)
        return state

    def forget(self, *stream_ids: UUID) -> None:
        """They are read again before they are believed."""
        with self._lock:
            for stream_id in stream_ids:
                self._states.pop(stream_id, None)
