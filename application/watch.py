"""Watching calls as they go, as roles; adapters play them.

Who watches is told of what is in the log already: numbers and spans are of calls that are
on record. It runs on the hot path, so it neither waits nor raises.
"""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from domain.calls import CallEvent


class Watch(Protocol):
    """Is told what happens to calls."""

    def recorded(self, call_id: UUID, event: CallEvent, waited_seconds: float) -> None:
        """The event is committed, so long after it was handed in."""

    def committed(self, size: int, seconds: float) -> None:
        """So many events were committed at once, and that took so long."""

    def refused(self, code: str) -> None:
        """A caller was answered with this error of ours, whether on record or not."""


class Numbers(Protocol):
    """What a process has counted."""

    async def text(self) -> bytes:
        """All of it, as Prometheus reads it (text format 0.0.4)."""


class Both:
    """Plays `Watch` for two."""

    def __init__(self, one: Watch, other: Watch) -> None:
        self._one, self._other = one, other

    def recorded(self, call_id: UUID, event: CallEvent, waited_seconds: float) -> None:
        self._one.recorded(call_id, event, waited_seconds)
        self._other.recorded(call_id, event, waited_seconds)

    def committed(self, size: int, seconds: float) -> None:
        self._one.committed(size, seconds)
        self._other.committed(size, seconds)

    def refused(self, code: str) -> None:
        self._one.refused(code)
        self._other.refused(code)


class NobodyWatches:
    """Plays `Watch` where nothing is counted."""

    def recorded(self, call_id: UUID, event: CallEvent, waited_seconds: float) -> None:
        pass

    def committed(self, size: int, seconds: float) -> None:
        pass

    def refused(self, code: str) -> None:
        pass
