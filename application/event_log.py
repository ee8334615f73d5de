"""The event log: every event of every stream, in the order they were recorded.

There are two: `fleet` (what people and policies decide) and `calls` (what the proxy did).
Both are kept by the event store's recorder; this is the one way to them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache, reduce
from typing import Any, Generic, Protocol, TypeVar, cast, get_args, get_type_hints
from uuid import UUID, uuid4

from eventsourcing.persistence import IntegrityError, Notification, StoredEvent

from domain.errors import AlreadyExists, ConcurrentChange, NotFound
from domain.events import Aggregate, Event, Recorded
from domain.log import Page, Placed

State = TypeVar("State", bound=Aggregate[Any])


@dataclass(frozen=True)
class Caller:
    """Who asks, for which team, and in the course of what: it stands on every event.

    `actor` is `user:<id>`, `bot:<id>`, `system:<process>` or `anonymous`.
    """

    actor: str
    team_id: UUID | None = None
    correlation_id: str = "-"
    causation_id: str = ""  # empty: the bus makes one for the command


_caller: ContextVar[Caller] = ContextVar("caller")


@contextmanager
def acting(caller: Caller) -> Iterator[None]:
    """Only the bus uses this, in the thread that runs the handler."""
    if not caller.causation_id:
        caller = replace(caller, causation_id=str(uuid4()))
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


class Mapper(Protocol):
    """How an event is written down and read back."""

    def to_stored_event(self, recorded: Recorded[Event]) -> StoredEvent: ...

    def to_recorded(self, stored: StoredEvent) -> Recorded[Event]: ...


class Recorder(Protocol):
    """What we ask of a recorder: the event store's own role, and a little more."""

    def insert_events(
        self, stored_events: Sequence[StoredEvent]
    ) -> Sequence[int] | None: ...

    def select_events(
        self, originator_id: UUID, *, lte: int | None = None
    ) -> Sequence[StoredEvent]: ...

    def select_streams(self, originator_ids: Sequence[UUID]) -> Sequence[StoredEvent]: ...

    def select_notifications(
        self, start: int, limit: int, stop: int | None = None, *, inclusive_of_start: bool
    ) -> Sequence[Notification]: ...

    def max_notification_id(self) -> int | None: ...

    def position_of(self, originator_id: UUID, version: int) -> int: ...


@dataclass(frozen=True)
class Stream(Generic[State]):
    """A state as it was read, and the place to append after."""

    id: UUID
    version: int
    state: State


class EventLog:
    """Reads and extends streams. Two writers at one place cannot both succeed."""

    def __init__(self, name: str, recorder: Recorder, mapper: Mapper) -> None:
        self.name = name  # stands in every stored position: never change it
        self._recorder = recorder
        self._mapper = mapper

    def begin(self, empty: State, stream_id: UUID) -> Stream[State]:
        """A place for a stream's first event; refused if it already has one."""
        if self.history(stream_id, until=1):
            raise AlreadyExists(stream_id)
        return Stream(stream_id, 0, empty)

    def look(self, empty: State, stream_id: UUID) -> Stream[State]:
        """The stream as it stands, even if nothing is recorded there yet.

        Under the id of something of another kind there is nothing of this one.
        """
        recorded = self.history(stream_id)
        if recorded and not isinstance(recorded[0].event, _events_of(type(empty))):
            recorded = []
        state = reduce(lambda state, r: state.evolve(r.event), recorded, empty)
        return Stream(stream_id, len(recorded), state)

    def read(self, empty: State, stream_id: UUID) -> Stream[State]:
        """The stream as it stands; refused if nothing is recorded there."""
        stream = self.look(empty, stream_id)
        if stream.version == 0:
            raise NotFound(stream_id)
        return stream

    def read_all(self, empty: State, stream_ids: Sequence[UUID]) -> list[Stream[State]]:
        """Those of the streams in which something is recorded, in one go."""
        states: dict[UUID, State] = {}
        versions: dict[UUID, int] = {}
        for stored in self._recorder.select_streams(stream_ids):
            recorded = self._mapper.to_recorded(stored)
            stream_id = recorded.originator_id
            states[stream_id] = states.get(stream_id, empty).evolve(recorded.event)
            versions[stream_id] = recorded.originator_version
        return [Stream(one, versions[one], state) for one, state in states.items()]

    def append(self, stream: Stream[Any], events: Sequence[Event]) -> int:
        """Record the events after the stream; the position of the stream's last event."""
        return self.append_all((stream, events))

    def append_all(self, *changes: tuple[Stream[Any], Sequence[Event]]) -> int:
        """Record the events of several streams, all or none; the last position reached.

        With nothing to record, that is the position of the first stream's last event.
        """
        caller, now = _caller.get(), datetime.now(UTC)
        recorded = [
            Recorded(
                originator_id=stream.id,
                originator_version=version,
                at=now,
                actor=caller.actor,
                team_id=caller.team_id,
                correlation_id=caller.correlation_id,
                causation_id=caller.causation_id,
                event=event,
            )
            for stream, events in changes
            for version, event in enumerate(events, start=stream.version + 1)
        ]
        if not recorded:
            stream = changes[0][0]
            return self._recorder.position_of(stream.id, stream.version)
        try:
            positions = self._recorder.insert_events(
                [self._mapper.to_stored_event(r) for r in recorded]
            )
        except IntegrityError as error:
            raise ConcurrentChange(changes[0][0].id) from error
        return cast("Sequence[int]", positions)[-1]

    def history(
        self,
        stream_id: UUID,
        *,
        until: int | None = None,
        at: datetime | None = None,
        upto: int | None = None,
    ) -> list[Recorded[Event]]:
        """Every event of one stream, oldest first.

        Up to a version (`until`), a time (`at`), or a position of the log (`upto`).
        """
        stored = self._recorder.select_events(stream_id, lte=until)
        if upto is not None:
            place = self._recorder.position_of
            stored = stored[
                : bisect_right(
                    stored, upto, key=lambda one: place(stream_id, one.originator_version)
                )
            ]
        recorded = [self._mapper.to_recorded(one) for one in stored]
        return recorded if at is None else [one for one in recorded if one.at <= at]

    def histories(self, stream_ids: Sequence[UUID]) -> dict[UUID, list[Recorded[Event]]]:
        """Every event of each of the streams, oldest first, in one go."""
        found: dict[UUID, list[Recorded[Event]]] = {}
        for stored in self._recorder.select_streams(stream_ids):
            recorded = self._mapper.to_recorded(stored)
            found.setdefault(recorded.originator_id, []).append(recorded)
        return found

    def head(self) -> int:
        """The position of the last event, 0 while there is none."""
        return self._recorder.max_notification_id() or 0

    def next_position(self, after: int) -> int:
        """The position of the next event, without reading it; `after`, if there is none."""
        found = self._recorder.select_notifications(after, 1, inclusive_of_start=False)
        return found[0].id if found else after

    def page(self, *, after: int, limit: int, upto: int | None = None) -> Page:
        """The next events in order; `upto` tells how far the log is read with them."""
        end = self.head() if upto is None else upto
        if end <= after:
            return Page(log=self.name, after=after, upto=after, events=())
        notifications = self._recorder.select_notifications(
            after, limit, end, inclusive_of_start=False
        )
        events = tuple(
            Placed(
                log=self.name,
                position=one.id,
                recorded=self._mapper.to_recorded(one),
            )
            for one in notifications
        )
        reached = events[-1].position if len(events) == limit else end
        return Page(log=self.name, after=after, upto=reached, events=events)


@cache
def _events_of(aggregate: type[Aggregate[Any]]) -> tuple[type[Event], ...]:
    """The events that its `evolve` takes."""
    hints = get_type_hints(aggregate.evolve)
    [taken] = [hint for name, hint in hints.items() if name != "return"]
    return get_args(taken) or (taken,)
