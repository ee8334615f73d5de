"""The event log: one writer at a place, pages in order, everything says who and why."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from application.event_log import acting
from domain.bots import Bot
from domain.claims import Claim
from domain.errors import AlreadyExists, ConcurrentChange, NotFound
from tests.application.fleet import ALICE, TEAM, Fleet


def test_two_writers_at_one_place_cannot_both_succeed() -> None:
    fleet = Fleet()
    bot = fleet.log.read(Bot(), fleet.create_bot())
    with acting(ALICE):
        fleet.log.append(bot, bot.state.rename("Grace"))
    with pytest.raises(ConcurrentChange), acting(ALICE):
        fleet.log.append(bot, bot.state.rename("Edsger"))


def test_a_stream_begins_once_and_is_read_only_if_it_is_there() -> None:
    fleet = Fleet()
    with pytest.raises(NotFound):
        fleet.log.read(Bot(), uuid4())
    with pytest.raises(AlreadyExists):
        fleet.log.begin(Bot(), fleet.create_bot())
    assert fleet.log.look(Claim(), uuid4()).version == 0


def test_several_streams_are_read_in_one_go_as_each_would_be_alone() -> None:
    fleet = Fleet()
    first, second = fleet.create_bot(hostname="one"), fleet.create_bot(hostname="two")
    with acting(ALICE):
        bot = fleet.log.read(Bot(), second)
        fleet.log.append(bot, bot.state.rename("Grace"))
    together = fleet.log.read_all(Bot(), [second, uuid4(), first])
    assert sorted(together, key=lambda one: one.id) == sorted(
        (fleet.log.read(Bot(), one) for one in (first, second)), key=lambda one: one.id
    )


def test_every_event_says_who_for_whom_and_in_the_course_of_what() -> None:
    fleet = Fleet()
    history = fleet.log.history(fleet.create_bot())
    assert {(r.actor, r.team_id, r.correlation_id) for r in history} == {
        ("user:alice", TEAM, "request-1")
    }
    assert len({r.causation_id for r in history}) == 1
    assert history[0].causation_id not in {"", "-"}


def test_events_of_several_streams_are_recorded_together_or_not_at_all() -> None:
    fleet = Fleet()
    fleet.create_bot("ada")
    before = fleet.log.head()
    one, other = (
        fleet.log.look(Claim(), uuid4()),
        fleet.log.read(Bot(), fleet.create_bot("bob")),
    )
    with acting(ALICE):
        fleet.log.append(other, other.state.rename("Robert"))
    reached = fleet.log.head()
    with pytest.raises(ConcurrentChange), acting(ALICE):
        fleet.log.append_all(
            (one, one.state.take(uuid4())), (other, other.state.rename("Bobby"))
        )
    assert fleet.log.head() == reached > before
    assert fleet.log.look(Claim(), one.id).version == 0


def test_nothing_to_record_answers_where_the_stream_stands() -> None:
    fleet = Fleet()
    bot_id = fleet.create_bot("ada")
    stands = fleet.log.head()
    fleet.create_bot("bob")
    bot = fleet.log.read(Bot(), bot_id)
    with acting(ALICE):
        assert fleet.log.append(bot, []) == stands


def test_pages_follow_each_other_without_a_gap() -> None:
    fleet = Fleet()
    for name in ("ada", "bob", "cyd"):
        fleet.create_bot(name)
    seen, after = [], 0
    while (page := fleet.log.page(after=after, limit=2)).upto > after:
        assert page.after == after
        seen += [placed.position for placed in page.events]
        after = page.upto
    assert seen == list(range(1, fleet.log.head() + 1))


def test_a_page_can_stop_before_the_head() -> None:
    fleet = Fleet()
    fleet.create_bot()
    page = fleet.log.page(after=0, limit=100, upto=2)
    assert (page.upto, len(page.events)) == (2, 2)


def test_history_can_be_read_as_it_was() -> None:
    fleet = Fleet()
    bot_id = fleet.create_bot()
    then = datetime.now(UTC)
    bot = fleet.log.read(Bot(), bot_id)
    with acting(ALICE):
        fleet.log.append(bot, bot.state.rename("Grace"))
    assert len(fleet.log.history(bot_id, at=then)) == len(fleet.log.history(bot_id)) - 1
