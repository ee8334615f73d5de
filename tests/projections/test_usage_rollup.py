"""Whatever is asked of the rollup: it is what the calls themselves add up to."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from random import Random
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bootstrap.followers import event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.memory_calls import MemoryCallLog
from adapters.memory_usage import MemoryUsageRollup
from adapters.postgres.call_views import PostgresCallLog
from adapters.postgres.usage_rollup import PostgresUsageRollup
from application.event_log import EventLog
from domain.calls import CallCorrected, CallEvent, CallSettled, CallStatus
from domain.log import CALLS
from domain.usage import UsageSource
from projections.call_log import CallLog, CallLogProjector, Group
from projections.usage import UsageFilter, UsageTotals
from projections.usage_rollup import UsageRollup, UsageRollupProjector
from projections.usage_steps import Step
from tests.projections.given import (
    KEY,
    NOON,
    OTHER_TEAM,
    TEAM,
    Happened,
    admitted,
    calls,
    facts,
    settled,
)
from tests.projections.given_logs import database, memory_logs, record, recorded


def history(seed: int, count: int) -> list[Happened]:
    """Calls over some months, each with a time, an answer and a second of its own."""
    return [
        (call_id, [_moved(one, Random(seed ^ call_id.int)) for one in events])  # type: ignore[arg-type]
        for call_id, events in calls(count, seed)
    ]


def _moved(event: CallEvent, dice: Random) -> CallEvent:
    far = timedelta(days=dice.choice([0, 0, 1, 9, 40]), seconds=dice.randrange(120))
    at, status = event.facts.admitted_at + far, dice.choice([200, 200, 429, None])
    moved = replace(event, facts=replace(event.facts, admitted_at=at))
    if isinstance(moved, CallCorrected):
        return replace(moved, http_status=status)
    if not isinstance(moved, CallSettled):
        return moved
    return replace(
        moved,
        http_status=status,
        error=dice.choice([None, None, "cut"]),
        duration_ms=dice.randrange(10 ** dice.randrange(1, 7)),
        first_byte_ms=dice.choice([None, dice.randrange(5000)]),
    )


@dataclass(frozen=True)
class Views:
    call_log: CallLog
    usage: UsageRollup

    def read(self, log: EventLog) -> None:
        catch_up(ViewFollower(CallLogProjector(), self.call_log), Reader(log))
        catch_up(ViewFollower(UsageRollupProjector(), self.usage), Reader(log))

    def agree_on(self, wanted: UsageFilter, group: Group | None, step: Step | None) -> int:
        """How many calls both say there are, whichever way they are asked."""
        reading = self.usage.read(wanted, group=group, step=step)
        parts = [(part.group, part.totals) for part in reading.parts]
        for since, until in reading.edges:
            edge = replace(wanted, since=since, until=until, upto=reading.position)
            parts += self.grouped(edge, group)
        expected = dict(self.grouped(wanted, group))
        found: dict[Hashable, UsageTotals] = {}
        for name, totals in parts:
            found[name] = found.get(name, UsageTotals()) + totals
        assert {k: v for k, v in found.items() if v.calls} == {
            k: v for k, v in expected.items() if v.calls
        }
        if step is not None:
            assert all(part.start is not None for part in reading.parts)
        return sum(totals.calls for totals in found.values())

    def grouped(
        self, wanted: UsageFilter, group: Group | None
    ) -> list[tuple[Hashable, UsageTotals]]:
        if group is None:
            return [(None, self.call_log.totals(wanted))]
        return self.call_log.by_group(wanted, group)


SECONDS = st.integers(-3600, 60 * 24 * 3600)
FILTERS = st.builds(
    UsageFilter,
    team_id=st.sampled_from([TEAM, OTHER_TEAM]),
    since=st.none() | SECONDS.map(lambda n: NOON + timedelta(seconds=n)),
    until=st.none() | SECONDS.map(lambda n: NOON + timedelta(seconds=n)),
    hostname=st.sampled_from([None, None, "bot-1", "bot-9"]),
    bot_id=st.sampled_from([None, None, facts(0, bot=1).bot_id, UUID(int=9)]),
    vendor=st.sampled_from([None, None, "openai"]),
    model=st.sampled_from([None, None, "gpt-5", "asked-for"]),
    provider_key_id=st.sampled_from([None, None, KEY, UUID(int=1)]),
    status=st.sampled_from([None, None, CallStatus.SETTLED, CallStatus.ABANDONED]),
)
GROUPS = st.sampled_from([None, *Group])
STEPS = st.sampled_from([None, *Step])


@cache
def of_seed(seed: int) -> Views:
    views, log = Views(MemoryCallLog(), MemoryUsageRollup()), memory_logs()[CALLS]
    record(log, history(seed, 30))
    views.read(log)
    return views


@given(st.integers(0, 4), FILTERS, GROUPS, STEPS)
def test_it_adds_up_to_the_calls_themselves(
    seed: int, wanted: UsageFilter, group: Group | None, step: Step | None
) -> None:
    of_seed(seed).agree_on(wanted, group, step)


@pytest.fixture(scope="module")
def many() -> list[Happened]:
    return history(4, 80)


@pytest.fixture
def stored(database_url: str, many: list[Happened]) -> Iterator[Views]:
    with recorded(database_url, calls=many), database(database_url) as opened:
        views = Views(PostgresCallLog(opened), PostgresUsageRollup(opened))
        views.read(event_logs(opened)[CALLS])
        yield views


def test_it_does_on_postgresql_too(stored: Views) -> None:
    dice, most = Random(5), 0
    for _ in range(60):
        since = dice.choice([None, NOON + timedelta(seconds=dice.randrange(-3600, 10**6))])
        until = dice.choice(
            [None, NOON + timedelta(seconds=dice.randrange(10**4, 5 * 10**6))]
        )
        wanted = UsageFilter(
            team_id=TEAM,
            since=since,
            until=until,
            hostname=dice.choice([None, None, "bot-1"]),
            bot_id=dice.choice([None, None, facts(0, bot=1).bot_id]),
            vendor=dice.choice([None, None, "openai"]),
            model=dice.choice([None, None, "gpt-5"]),
            provider_key_id=dice.choice([None, KEY]),
            status=dice.choice([None, None, None, CallStatus.SETTLED]),
        )
        found = stored.agree_on(
            wanted, dice.choice([None, *Group]), dice.choice([None, *Step])
        )
        most = max(most, found)
    assert most > 20


def test_a_corrected_call_goes_where_its_usage_came_from(stored: Views) -> None:
    """Its numbers were estimated or unknown when it ended, and are reported now."""
    found = {
        part.group: part.totals
        for part in stored.usage.read(UsageFilter(team_id=TEAM), group=Group.SOURCE).parts
    }
    assert set(found) == {UsageSource.NONE.value, UsageSource.REPORTED.value}
    for name, totals in stored.call_log.by_group(UsageFilter(team_id=TEAM), Group.SOURCE):
        assert found[name] == totals
    assert stored.usage.read(UsageFilter(team_id=TEAM)).position == stored.usage.position(
        CALLS
    )


def test_a_step_tells_all_bots_that_had_the_hostname_in_it(database_url: str) -> None:
    first = facts(0, bot=1)
    second = replace(facts(10, bot=2), hostname=first.hostname)
    happened: list[Happened] = [
        (uuid4(), [admitted(of), settled(of)]) for of in (first, second, second)
    ]
    with recorded(database_url, calls=happened), database(database_url) as opened:
        views = Views(PostgresCallLog(opened), PostgresUsageRollup(opened))
        views.read(event_logs(opened)[CALLS])
        wanted = UsageFilter(team_id=TEAM, hostname=first.hostname)
        hours = views.usage.read(wanted, step=Step.HOUR).parts
    assert [(part.start, part.totals.calls) for part in hours] == [(NOON, 3)]
