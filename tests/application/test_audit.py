"""Replay: one stream, event by event, with the state after each."""

from __future__ import annotations

from uuid import uuid4

import pytest

from adapters.event_store import EVENT_MODULES
from application.audit import KINDS, replay
from application.bot_editing import EditBot
from domain.bots import Bot
from domain.errors import NotFound
from domain.events import Event
from tests.application.fleet import ALICE, TEAM, Fleet


def test_a_stream_is_replayed_event_by_event() -> None:
    fleet = Fleet()
    bot_id = fleet.create_bot("ada")
    fleet.bus.handle(
        EditBot(
            team_id=TEAM, hostname="ada", name="Grace", tags=None, expected_version=None
        ),
        by=ALICE,
    )
    steps = [
        (recorded.event.TOPIC, state.name)
        for recorded, state in replay(fleet.log, "bot", bot_id)
        if isinstance(state, Bot)
    ]
    assert steps == [
        ("bot.created", "Ada"),
        ("bot.token_issued", "Ada"),
        ("bot.renamed", "Grace"),
    ]


def test_every_kind_of_stream_can_be_replayed() -> None:
    ours = {module.__name__ for module in EVENT_MODULES}
    for topic, event in Event.by_topic.items():
        if event.__module__ in ours:  # and not of a test
            assert topic.partition(".")[0] in KINDS, topic


def test_a_stream_of_another_kind_or_none_is_not_found() -> None:
    fleet = Fleet()
    with pytest.raises(NotFound):
        list(replay(fleet.log, "bot", uuid4()))
    with pytest.raises(NotFound):
        list(replay(fleet.log, "provider_key", fleet.create_bot()))
