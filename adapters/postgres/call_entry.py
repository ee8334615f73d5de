"""One event on its way into the calls log, and what can become of it there."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from typing import TypeAlias
from uuid import UUID

import orjson

from adapters.event_store import state_of
from adapters.postgres.budget_batch import Decided
from domain.budgets import Extension, Wants
from domain.calls import CallEvent
from domain.places import AnyOf

Place: TypeAlias = tuple[UUID, int]  # in the log: a stream, and a version there


class PlaceTaken(Exception):
    """Another event stands where this one was to go."""


class Missed(Enum):
    """Why an event is not in the log."""

    PLACE_TAKEN = auto()  # another event stands there
    NO_LEASE = auto()  # it admits a call, and the process has no lease in force
    BUDGETED = auto()  # it admits a call of a team that has quotas: they must be asked
    DENIED = auto()  # a quota has no room for more
    ELSEWHERE = auto()  # it may be admitted elsewhere: the quotas there must be asked too


Written: TypeAlias = int | Missed  # an event's position in the log, or why it has none


@dataclass(eq=False, slots=True, kw_only=True)
class Entry:
    """One event on its way into the log, and who waits for it."""

    call_id: UUID
    version: int
    event: CallEvent | None  # None: an extension that is not decided yet
    since: float  # monotonic seconds
    tries_on: bool  # until it is in; else it may be given up
    done: asyncio.Future[int]
    asks: Wants | AnyOf | Extension | None = None  # of the budgets
    decided: Decided | None = None  # by the budgets, in the last try
    tried: bool = False  # and the answer was lost
    _state: bytes | None = None  # not written down yet

    @property
    def state(self) -> bytes:
        """The event as it is to be stored, dated when that is first asked for."""
        state = self._state
        return self.write() if state is None else state

    def write(self) -> bytes:
        """The same, written anew."""
        event = self.event
        state = b"" if event is None else _state(self.call_id, self.version, event)
        self._state = state
        return state

    @property
    def place(self) -> Place:
        """Where in the log it belongs: its stream and its version there."""
        return self.call_id, self.version

    def becomes(self, decided: Decided) -> None:
        """What the budgets say is to be recorded instead."""
        self.decided = decided
        event = decided.event
        if event is not None and event is not self.event:
            self.event, self._state = event, None

    def ask_anywhere(self) -> None:
        """In the next try it may be admitted wherever it may go."""
        if self.asks is not None and not isinstance(self.asks, AnyOf | Extension):
            self.asks = AnyOf((self.asks, *self.asks.others()))

    def succeed(self, position: int) -> None:
        """Tell the one who waits where the event is."""
        if not self.done.done():
            self.done.set_result(position)

    def fail(self, error: Exception) -> None:
        """Tell the one who waits, if anybody still does."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # looked at: nobody may be waiting any more


def _state(call_id: UUID, version: int, event: CallEvent) -> bytes:
    facts = event.facts
    return state_of(
        event,
        at=datetime.now(UTC),
        actor=_actor(None if facts.bot_id is None else facts.bot_id.int),
        team_id=facts.team_id,
        correlation_id=call_id,
        causation_id="-" if version == 1 else _before(call_id, version),
    )


def _before(call_id: UUID, version: int) -> str:
    """What the event of that version follows from: the one before it."""
    text = orjson.dumps(call_id)[1:-1].decode()  # in a third of the time of `str`
    return f"call:{text}:{version - 1}"


@lru_cache(maxsize=4096)  # by number: a UUID is hashed by Python code
def _actor(bot: int | None) -> str:
    """Who called: the bot, or the worker that checks a key."""
    return "system:worker" if bot is None else f"bot:{UUID(int=bot)}"
