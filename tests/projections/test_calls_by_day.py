"""Calls by day, model and key: in memory and in PostgreSQL alike, and adding up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from adapters.bootstrap.followers import event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory_calls import MemoryCallLog
from adapters.postgres.call_views import PostgresCallLog
from domain.log import CALLS
from projections.call_log import CallLogProjector
from projections.usage import UsageFilter, UsageTotals
from tests.projections.given import (
    NOON,
    OTHER_TEAM,
    TEAM,
    Happened,
    admitted,
    calls,
    facts,
    settled,
    tokens,
)
from tests.projections.given_logs import database, memory_logs, record, recorded

OURS = UsageFilter(team_id=TEAM)
EVENING = -13 * 60  # minutes from noon: eleven o'clock of the day before, in UTC


def ended(number: int, minute: int) -> Happened:
    call = facts(minute)
    return UUID(int=900 + number), [admitted(call), settled(call, tokens(7, 2), 5)]


HISTORY = [*calls(60, seed=3), ended(1, EVENING), ended(2, EVENING + 90)]


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kamchatka", "America/New_York"])
def test_the_days_of_any_place_add_up_and_are_alike(database_url: str, zone: str) -> None:
    in_memory, log = MemoryCallLog(), memory_logs()[CALLS]
    record(log, HISTORY)
    catch_up(ViewFollower(CallLogProjector(), in_memory), Reader(log))
    with recorded(database_url, calls=HISTORY), database(database_url) as opened:
        stored = PostgresCallLog(opened)
        catch_up(
            ViewFollower(CallLogProjector(), stored), Reader(event_logs(opened)[CALLS])
        )
        head = stored.position(CALLS)
        for wanted in (
            OURS,
            UsageFilter(team_id=OTHER_TEAM),
            replace(OURS, vendor="openai", since=NOON + timedelta(hours=1)),
            replace(OURS, upto=head),
            replace(OURS, upto=head // 2),
        ):
            found = stored.by_day(wanted, zone)
            assert dict(found) == dict(in_memory.by_day(wanted, zone))
            assert len(dict(found)) == len(found)
            assert sum((sums for _, sums in found), UsageTotals()) == stored.totals(wanted)
        assert len(stored.by_day(OURS, zone)) > 2


def test_a_call_is_of_the_day_that_it_is_there() -> None:
    view, log = MemoryCallLog(), memory_logs()[CALLS]
    record(log, [ended(1, EVENING), ended(2, EVENING + 90)])
    catch_up(ViewFollower(CallLogProjector(), view), Reader(log))

    def days(zone: str) -> list[date]:
        return sorted(day for (day, _, _), _ in view.by_day(OURS, zone))

    assert days("UTC") == [date(2026, 11, 21), date(2026, 11, 22)]
    assert days("Asia/Tokyo") == [date(2026, 11, 22)]
    assert days("America/New_York") == [date(2026, 11, 21)]
