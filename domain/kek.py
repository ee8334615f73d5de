"""Turns of the master key: what was wrapped anew under another one, and when.

Each run of `clawbot vault rewrap` is a stream of its own. One that has no end broke off;
running it again is harmless, and takes up where that one left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from domain.events import Event


@dataclass(frozen=True, kw_only=True)
class KekRotationStarted(Event, topic="kek.rotation_started"):
    kek_id: str  # the key that everything is wrapped under from now on
    records: int  # that lie under others


@dataclass(frozen=True, kw_only=True)
class KekRotationFinished(Event, topic="kek.rotation_finished"):
    rewrapped: int
    left: int  # that did not open, or were made meanwhile by a process with an old key


KekEvent = KekRotationStarted | KekRotationFinished


@dataclass(frozen=True, kw_only=True)
class KekRotation:
    """One run, as far as its own rules need to know it."""

    started: bool = False
    finished: bool = False

    def start(self, *, kek_id: str, records: int) -> list[KekEvent]:
        """Begin to wrap so many records under that key."""
        return [KekRotationStarted(kek_id=kek_id, records=records)]

    def finish(self, *, rewrapped: int, left: int) -> list[KekEvent]:
        """Note what came of it, once."""
        if self.finished or not self.started:
            return []
        return [KekRotationFinished(rewrapped=rewrapped, left=left)]

    def evolve(self, event: KekEvent) -> KekRotation:
        match event:
            case KekRotationStarted():
                return replace(self, started=True)
            case KekRotationFinished():
                return replace(self, finished=True)
            case _:
                assert_never(event)
