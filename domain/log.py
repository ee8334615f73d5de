"""The two logs by name, and events in their places in them.

`fleet` holds what people and policies decide, `calls` what the proxy did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.events import Event, Recorded

FLEET = "fleet"
CALLS = "calls"


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A recorded event and its position in its log."""

    log: str
    position: int
    recorded: Recorded[Event]


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """What a log holds after one position and up to another, gaps included."""

    log: str
    after: int
    upto: int
    events: Sequence[Placed]
