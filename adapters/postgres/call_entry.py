"""One event on its way into the calls log, and what can become of it there."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

from adapters.event_store import state_of
from domain.calls import CallEvent

Place: TypeAlias = tuple[UUID, int]  # in the log: a stream, and a version there


class PlaceTaken(Exception):
    """Another event stands where this one was to go."""


class Missed(Enum):
    """Why an event is not in the log."""

    PLACE_TAKEN = auto()  # another event stands there
    NO_LEASE = auto()  # it admits a call, and the process has no lease in force


Written: TypeAlias = int | Missed  # an event's position in the log, or why it has none


@dataclass(eq=False, slots=True, kw_only=True)
class Entry:
    """One event on its way into the log, and who waits for it."""

    call_id: UUID
    version: int
    event: CallEvent
    state: bytes  # as it is to be stored
    since: float  # monotonic seconds
    tries_on: bool  # until it is in; else it may be given up
    done: asyncio.Future[int]

    @property
    def place(self) -> Place:
        """Where in the log it belongs: its stream and its version there."""
        return self.call_id, self.version

    def succeed(self, position: int) -> None:
        """Tell the one who waits where the event is."""
        if not self.done.done():
            self.done.set_result(position)

    def fail(self, error: Exception) -> None:
        """Tell the one who waits, if anybody still does."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # looked at: nobody may be waiting any more


def entry_of(
    call_id: UUID,
    version: int,
    event: CallEvent,
    done: asyncio.Future[int],
    *,
    tries_on: bool,
) -> Entry:
    """The event as it is to be stored, dated now; `done` hears its position."""
    facts = event.facts
    return Entry(
        call_id=call_id,
        version=version,
        event=event,
        state=state_of(
            event,
            at=datetime.now(UTC),
            actor=actor(facts.bot_id),
            team_id=facts.team_id,
            correlation_id=call_id,
            causation_id=f"call:{call_id}:{version - 1}" if version > 1 else "-",
        ),
        since=time.monotonic(),
        tries_on=tries_on,
        done=done,
    )


@lru_cache(maxsize=4096)
def actor(bot_id: UUID | None) -> str:
    """Who called: the bot, or the worker that checks a key."""
    return f"bot:{bot_id}" if bot_id else "system:worker"
