"""Events as auditors see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from pydantic_core import to_jsonable_python

from application.audit import Comparison
from domain.differences import differences
from domain.events import Aggregate, Event, Recorded
from projections.audit_trail import AuditRow


class HappenedOut(BaseModel):
    """What, when, by whom, in the course of what."""

    stream_id: UUID
    version: int
    kind: str
    type: str
    actor: str
    at: datetime
    correlation_id: str
    causation_id: str


class EventOut(HappenedOut):
    """An event of a stream, with what it says."""

    event: dict[str, Any]


class PlacedEventOut(HappenedOut):
    """With its place in its log."""

    event: dict[str, Any] | None = Field(
        description="Null: it is in a month that was taken out of the calls log."
    )
    log: str
    position: int


class StepOut(EventOut):
    """With the state that it led to."""

    state: dict[str, Any]


class DifferenceOut(BaseModel):
    """What changed at one place of the state (a JSON Pointer); null: nothing is there."""

    path: str
    before: Any
    after: Any


class ComparisonOut(BaseModel):
    """A stream at two moments; versions are 0 before its first event."""

    stream_id: UUID
    kind: str
    old: int = Field(serialization_alias="from_version")
    new: int = Field(serialization_alias="to_version")
    changes: list[DifferenceOut]
    events: list[StepOut] = Field(description="What led from the one to the other.")


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


def out_of_log(row: AuditRow) -> dict[str, Any]:
    """What the trail knows of an event whose month is out of the log."""
    told = {name: getattr(row, name) for name in HappenedOut.model_fields}
    return {**told, "event": None}


def event_shown(recorded: Recorded[Event]) -> EventOut:
    """An event as it goes out."""
    return EventOut(**fields_of(recorded))


def step_shown(recorded: Recorded[Event], state: Aggregate[Any]) -> StepOut:
    """An event and the state after it."""
    return StepOut(**fields_of(recorded), state=to_jsonable_python(state))


def comparison_shown(compared: Comparison) -> ComparisonOut:
    """What differs, place by place, and by which events."""
    recorded, state = compared.after
    before = compared.before
    old = to_jsonable_python(None if before is None else before[1]) or {}
    return ComparisonOut(
        stream_id=recorded.originator_id,
        kind=recorded.event.TOPIC.partition(".")[0],
        old=0 if before is None else before[0].originator_version,
        new=recorded.originator_version,
        changes=[
            DifferenceOut(path=one.path, before=one.before, after=one.after)
            for one in differences(old, to_jsonable_python(state))
        ],
        events=[step_shown(*step) for step in compared.between],
    )
