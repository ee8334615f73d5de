"""How events are written down: JSON under a stable topic, checked when read back.

A stored state is `{"at", "actor", "team_id", "correlation_id", "causation_id", "event"}`.
An event whose shape changed keeps its old topic readable by an upcast: a function from the
old event's JSON object to the new topic and object, so that nothing stored is rewritten.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

import orjson
from eventsourcing.persistence import StoredEvent
from pydantic import TypeAdapter

from domain import (
    access,
    analytics_logins,
    api_tokens,
    bot_events,
    calls,
    calls_months,
    claims,
    invitations,
    invoice_events,
    kek,
    key_events,
    model_prices,
    notices,
    parking,
    persona_templates,
    plugins,
    quota_events,
    quota_windows,
    routing_entries,
    runs,
    sessions,
    sign_in_codes,
    skill_content,
    skill_events,
    teams,
    user_events,
    webhooks,
)
from domain.events import Event, Recorded, made_often

# Loading these modules registers their topics; a test checks that none is missing.
EVENT_MODULES = (
    access,
    analytics_logins,
    api_tokens,
    bot_events,
    calls,
    calls_months,
    claims,
    invitations,
    invoice_events,
    kek,
    key_events,
    model_prices,
    notices,
    parking,
    persona_templates,
    plugins,
    quota_events,
    quota_windows,
    routing_entries,
    runs,
    sessions,
    sign_in_codes,
    skill_content,
    skill_events,
    teams,
    user_events,
    webhooks,
)

Upcast = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]


EventT = TypeVar("EventT", bound=Event)


@made_often
@dataclass(frozen=True, kw_only=True)
class _Kept(Generic[EventT]):
    """What is in a state."""

    at: datetime
    actor: str
    team_id: UUID | None
    correlation_id: str
    causation_id: str
    event: EventT


class EventMapper:
    """Between a `Recorded` event and a row of the event store."""

    def __init__(self, upcasts: dict[str, Upcast] | None = None) -> None:
        self._upcasts = upcasts or {}

    def to_stored_event(self, recorded: Recorded[Event]) -> StoredEvent:
        """The row that keeps this event."""
        return StoredEvent(
            originator_id=recorded.originator_id,
            originator_version=recorded.originator_version,
            topic=recorded.event.TOPIC,
            state=state_of(
                recorded.event,
                at=recorded.at,
                actor=recorded.actor,
                team_id=recorded.team_id,
                correlation_id=recorded.correlation_id,
                causation_id=recorded.causation_id,
            ),
        )

    def to_recorded(self, stored: StoredEvent) -> Recorded[Event]:
        """The event of this row; pydantic refuses what does not fit its type."""
        if stored.topic in self._upcasts:
            kept: _Kept[Event] = self._upcast(stored.topic, orjson.loads(stored.state))
        else:
            # By the adapter's inner part: every event of every log comes through here.
            kept = _reader(stored.topic).validator.validate_json(stored.state)
        return Recorded(
            originator_id=cast("UUID", stored.originator_id),
            originator_version=stored.originator_version,
            at=kept.at,
            actor=kept.actor,
            team_id=kept.team_id,
            correlation_id=kept.correlation_id,
            causation_id=kept.causation_id,
            event=kept.event,
        )

    def _upcast(self, topic: str, state: dict[str, Any]) -> _Kept[Event]:
        """The state as it is written down today."""
        while topic in self._upcasts:
            topic, state["event"] = self._upcasts[topic](state["event"])
        return _reader(topic).validate_python(state)


def state_of(  # noqa: PLR0913  # what a state is
    event: Event,
    *,
    at: datetime,
    actor: str,
    team_id: UUID | None,
    correlation_id: str | UUID,
    causation_id: str,
) -> bytes:
    """The state that is stored of an event."""
    return orjson.dumps(
        {
            "at": at,
            "actor": actor,
            "team_id": team_id,
            "correlation_id": correlation_id,
            "causation_id": causation_id,
            "event": event,
        }
    )


@cache
def _reader(topic: str) -> TypeAdapter[_Kept[Event]]:
    kept: Any = _Kept
    return TypeAdapter(kept[Event.by_topic[topic]])
