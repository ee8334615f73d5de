"""Events are written as JSON under stable topics, and checked when they are read."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters.event_store import EventMapper
from domain.bot_events import BotCreated, Runtime
from domain.events import Event, Recorded
from domain.ids import TeamId


def recorded(event: Event) -> Recorded[Event]:
    return Recorded(
        originator_id=uuid4(),
        originator_version=3,
        at=datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC),
        actor="user:x",
        team_id=uuid4(),
        correlation_id="c",
        causation_id="d",
        event=event,
    )


# Counts fit in 64 bits, as PostgreSQL's bigint does.
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))

JSON = st.recursive(
    st.none() | st.booleans() | st.text(), lambda inner: st.dictionaries(st.text(), inner)
)
KEPT = st.none() | st.dictionaries(st.text(), JSON)  # how a call was routed


def any_of(kind: type[Event]) -> st.SearchStrategy[Event]:
    """Any event of that kind; Hypothesis cannot make up what may be anything."""
    names = [one.name for one in fields(kind)]  # type: ignore[arg-type]  # each is one
    if "routing" not in names:
        return st.from_type(kind)
    others = {name: ... for name in names if name != "routing"}
    return st.builds(kind, routing=KEPT, **others)


CREATED = BotCreated(
    team_id=TeamId(uuid4()),
    hostname="ada",
    name="Ada",
    runtime=Runtime.EXTERNAL,
    tags=("a",),
)


@pytest.mark.parametrize(
    "topic",
    sorted(t for t, e in Event.by_topic.items() if e.__module__.startswith("domain.")),
)
def test_every_event_comes_back_as_it_was(topic: str) -> None:
    @given(any_of(Event.by_topic[topic]))
    def comes_back(event: Event) -> None:
        mapper = EventMapper()
        before = recorded(event)
        assert mapper.to_recorded(mapper.to_stored_event(before)) == before

    comes_back()


def test_a_stored_event_is_plain_json() -> None:
    stored = EventMapper().to_stored_event(recorded(CREATED))
    assert stored.topic == "bot.created"
    assert orjson.loads(stored.state)["event"]["runtime"] == "external"


def test_what_does_not_fit_its_type_is_not_read() -> None:
    stored = EventMapper().to_stored_event(recorded(CREATED))
    state = orjson.loads(stored.state)
    state["event"]["runtime"] = "on the moon"
    broken = replace(stored, state=orjson.dumps(state))
    with pytest.raises(ValidationError):
        EventMapper().to_recorded(broken)


def test_an_old_topic_is_read_as_what_it_means_today() -> None:
    def upcast(old: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        return "bot.created", {**old, "runtime": "external", "tags": []}

    mapper = EventMapper({"bot.born": upcast})
    state = orjson.loads(mapper.to_stored_event(recorded(CREATED)).state)
    del state["event"]["runtime"], state["event"]["tags"]
    old = StoredEvent(
        originator_id=uuid4(),
        originator_version=1,
        topic="bot.born",
        state=orjson.dumps(state),
    )
    assert mapper.to_recorded(old).event == replace(CREATED, tags=())
