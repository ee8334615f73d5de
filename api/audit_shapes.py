"""Events as auditors see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from domain.events import Aggregate, Event, Recorded


class EventOut(BaseModel):
    """An event of a stream: what, when, by whom, in the course of what."""

    stream_id: UUID
    version: int
    kind: str
    type: str
    actor: str
    at: datetime
    correlation_id: str
    causation_id: str
    event: dict[str, Any]


class PlacedEventOut(EventOut):
    """With its place in its log."""

    log: str
    position: int


class StepOut(EventOut):
    """With the state that it led to."""

    state: dict[str, Any]


def fields_of(recorded: Recorded[Event]) -> dict[str, Any]:
    """The members of `EventOut`."""
    topic = recorded.event.TOPIC
    return {
        "stream_id": recorded.originator_id,
        "version": recorded.originator_version,
        "kind": topic.partition(".")[0],
        "type": topic,
        "actor": recorded.actor,
        "at": recorded.at,
        "correlation_id": recorded.correlation_id,
        "causation_id": recorded.causation_id,
        "event": to_jsonable_python(recorded.event),
    }


def event_shown(recorded: Recorded[Event]) -> EventOut:
    """An event as it goes out."""
    return EventOut(**fields_of(recorded))


def step_shown(recorded: Recorded[Event], state: Aggregate[Any]) -> StepOut:
    """An event and the state after it."""
    return StepOut(**fields_of(recorded), state=to_jsonable_python(state))
