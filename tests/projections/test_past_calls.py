"""Past calls are read back with their routing to the letter, in the order they began."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.bootstrap.followers import event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory_routing import MemoryPastCalls
from adapters.postgres import routing_views
from adapters.postgres.routing_views import PostgresPastCalls
from domain.calls import Call, CallEvent
from domain.log import CALLS
from domain.quota_events import ScopeKind
from domain.routing_policy import Direct
from domain.routing_replay import PastCall
from domain.usage import OtherUnits
from projections.past_calls import PastCalls, PastCallsProjector, PastFilter
from tests.projections.given import NOON, OTHER_TEAM, TEAM, admitted, facts, settled, tokens
from tests.projections.given_logs import database, memory_logs, record, recorded
from tests.projections.given_routed import BOT, GPT, a_record, served, turned_away

USED = replace(tokens(100, 50), cache_write_1h_tokens=7, other=OtherUnits(web_searches=2))
RECORDS = [a_record(dice=dice, input_tokens=dice + 1) for dice in range(6)]
DAY = PastFilter(team_id=TEAM, since=NOON, until=NOON + timedelta(days=1))
BEGUN, ENDED = served(RECORDS[0], USED, 12)
(DEARER,) = Call().evolve(ENDED).reprice(20, "new list")
HISTORY: list[tuple[UUID, list[CallEvent]]] = [
    (UUID(int=0x40), served(RECORDS[3], at=NOON + timedelta(minutes=9))),
    (UUID(int=0x41), [BEGUN, ENDED, DEARER]),
    (UUID(int=0x42), [turned_away(RECORDS[1], "quota-exceeded", 2)]),
    (UUID(int=0x43), [settled(facts(1), USED, None)]),  # it named its vendor itself
    (UUID(int=0x44), served(RECORDS[2], at=NOON + timedelta(minutes=9))),
    (UUID(int=0x45), [BEGUN]),  # is not over
    (UUID(int=0x46), served(RECORDS[4], team=OTHER_TEAM)),
    (UUID(int=0x47), served(RECORDS[5], at=NOON - timedelta(minutes=1))),
    (UUID(int=0x48), served(a_record(Direct(target=GPT)), bot=UUID(int=2))),
    (UUID(int=0x49), [admitted(facts(bot=None)), settled(facts(bot=None))]),  # a check
]


@pytest.fixture(params=["memory", "postgres"])
def past(request: pytest.FixtureRequest) -> Iterator[PastCalls]:
    if request.param == "memory":
        log, view = memory_logs()[CALLS], MemoryPastCalls()
        record(log, HISTORY)
        catch_up(ViewFollower(PastCallsProjector(), view), Reader(log))
        yield view
        return
    url = request.getfixturevalue("database_url")
    with ExitStack() as stack:
        stack.enter_context(recorded(url, calls=HISTORY))
        opened = stack.enter_context(database(url))
        follower = ViewFollower(PastCallsProjector(), PostgresPastCalls(opened))
        catch_up(follower, Reader(event_logs(opened)[CALLS]))
        yield PostgresPastCalls(stack.enter_context(database(url, "clawbot_api")))


def replayed(past: PastCalls, wanted: PastFilter = DAY) -> list[PastCall]:
    return list(past.replay(wanted, lambda bot: {ScopeKind.BOT: str(bot)}))


def test_calls_come_in_the_order_they_began_with_all_that_is_known(
    past: PastCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routing_views, "AT_ONCE", 2)
    calls = replayed(past)
    assert [call.call_id.int for call in calls] == [0x41, 0x48, 0x43, 0x42, 0x40, 0x44]
    assert past.count(DAY) == len(calls)
    first, _, plain, refused, *_ = calls
    assert first.routing == RECORDS[0]
    assert (first.usage, first.cost_micro_usd, first.refused) == (USED, 20, None)
    assert first.scopes == {ScopeKind.BOT: str(BOT)}
    chosen = RECORDS[0].decision.candidates[0]
    served_by = (chosen.target.vendor, chosen.target.model, chosen.keys[0])
    assert (first.vendor, first.model, first.key_id) == served_by
    assert (plain.routing, plain.cost_micro_usd) == (None, None)
    assert (refused.refused, refused.routing) == ("quota-exceeded", RECORDS[1])


def test_one_bots_calls_are_asked_for_alone(past: PastCalls) -> None:
    wanted = replace(DAY, bot_id=UUID(int=2))
    assert [call.call_id.int for call in replayed(past, wanted)] == [0x48]
    assert past.count(wanted) == 1


def test_another_teams_calls_are_not_seen(past: PastCalls) -> None:
    theirs = replace(DAY, team_id=OTHER_TEAM)
    assert [call.call_id.int for call in replayed(past, theirs)] == [0x46]
