"""Views are rebuilt fast, and readers of a view notice nothing of it.

In `make test` the counts are small and the limits wide; `make soak` measures. The pace is
that of all views in total: what each of them has read of its logs, added up. An event of a
call is read by six views and so counts six times; how many events of the log that is in a
second, which all these views read, is told beside it.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from adapters.bootstrap.followers import VIEWS
from adapters.event_store import EventMapper
from adapters.postgres.recorder import PostgresRecorder
from adapters.rebuild import rebuild, rebuild_views
from domain.calls import CallEvent
from domain.events import Event, Recorded
from domain.log import CALLS
from tests.adapters.test_new_versions import NEW
from tests.adapters.test_rebuild import catch_up_with
from tests.faults.reckoning import tell
from tests.garbage import as_in_a_process_of_its_own
from tests.projections.given import NOON, TEAM, TRIED, admitted, facts, settled, tokens
from tests.projections.given_logs import database

SOAK = [pytest.mark.soak, pytest.mark.timeout(3600)]
AT_ONCE = 1000  # events in a transaction, as busy proxies' group commits have them
UNDER_WAY = 50  # calls at any moment


def of_calls(count: int) -> Iterator[tuple[UUID, int, CallEvent]]:
    """The events of that many calls of a week, begun before those before them end."""
    dice, under_way = random.Random(5), list[tuple[UUID, CallEvent]]()
    for number in range(count):
        of = facts(number * 10_080 / count, bot=dice.randrange(1, 20), team=TEAM)
        of = replace(of, model=dice.choice(["gpt-5", "gpt-5-mini", "gpt-5-nano"]))
        call_id = UUID(int=dice.getrandbits(128))
        yield call_id, 1, admitted(of)
        paid = settled(of, tokens(dice.randrange(4000), dice.randrange(800)), 12)
        if number % 10 == 0:
            paid = replace(paid, attempt_log=TRIED)
        under_way.append((call_id, paid))
        if len(under_way) > UNDER_WAY:
            ended, end = under_way.pop(dice.randrange(UNDER_WAY))
            yield ended, 2, end
    for ended, end in under_way:
        yield ended, 2, end


def recorded_as(call_id: UUID, version: int, event: Event, number: int) -> Recorded[Event]:
    return Recorded(
        originator_id=call_id,
        originator_version=version,
        at=NOON + timedelta(milliseconds=number),
        actor="bot:1",
        team_id=TEAM,
        correlation_id=str(call_id),
        causation_id="-",
        event=event,
    )


def record_calls(url: str, count: int) -> int:
    """That many calls are in the log, by the real recorder; the position reached."""
    mapper, position = EventMapper(), 0
    with database(url, "clawbot_proxy") as proxy:
        recorder, batch = PostgresRecorder(proxy, CALLS), []
        for number, (call_id, version, event) in enumerate(of_calls(count)):
            told = recorded_as(call_id, version, event, number)
            batch.append(mapper.to_stored_event(told))
            if len(batch) == AT_ONCE:
                position = recorder.insert_events(batch)[-1]
                batch = []
        if batch:
            position = recorder.insert_events(batch)[-1]
    return position


def cpu_seconds() -> float:
    """What we have used of CPUs, and our children that have ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


@pytest.mark.parametrize(
    ("count", "least"),
    [
        pytest.param(1_000, 100, id="some"),
        pytest.param(500_000, 50_000, marks=SOAK, id="a million events"),
    ],
)
def test_all_views_are_rebuilt_at_fifty_thousand_events_a_second(
    database_url: str, count: int, least: int, capsys: pytest.CaptureFixture[str]
) -> None:
    events = record_calls(database_url, count)
    told: list[tuple[int, int]] = []
    with as_in_a_process_of_its_own():
        began, used = time.monotonic(), cpu_seconds()
        found = rebuild_views(
            database_url,
            list(VIEWS),
            check=False,
            progress=lambda done, total: told.append((done, total)),
        )
        took, used = time.monotonic() - began, cpu_seconds() - used
    read = max(done for done, _ in told)
    with capsys.disabled():
        tell(
            f"{len(VIEWS)} views rebuilt from {events} events in {took:.1f} s "
            f"({used:.1f} s of our CPU): {read / took:.0f} events/s in total, each event "
            f"counted once for each of the views that read it; "
            f"{events / took:.0f} events/s of the log"
        )
    assert found["call_log"].missing == count
    assert read / took >= least


@pytest.mark.parametrize(
    ("count", "switches"), [(300, 2), pytest.param(50_000, 10, marks=SOAK)]
)
def test_a_switch_under_load_loses_no_request(
    database_url: str, count: int, switches: int, capsys: pytest.CaptureFixture[str]
) -> None:
    record_calls(database_url, count)
    old, view = VIEWS["usage_rollup"], "usage_rollup"
    over, waited, seen = threading.Event(), list[float](), set[int]()
    with database(database_url) as opened:
        catch_up_with(opened, view)
    with database(database_url, "clawbot_api") as api, ThreadPoolExecutor(3) as pool:

        def ask() -> None:
            while not over.wait(0.001):
                began = time.monotonic()
                with api.team_cursor(TEAM) as cursor:
                    cursor.execute("SELECT sum(calls)::bigint FROM usage_rollup")
                    seen.update(number for (number,) in cursor.fetchall())
                waited.append(time.monotonic() - began)

        asking = [pool.submit(ask) for _ in range(3)]
        try:
            for number in range(switches):
                with pytest.MonkeyPatch.context() as patched:
                    patched.setitem(VIEWS, view, old if number % 2 else NEW)
                    assert rebuild(database_url, view, check=False)
        finally:
            over.set()
        for one in asking:
            one.result()  # none was refused
    with capsys.disabled():
        tell(
            f"{len(waited)} requests in {switches} switches of {count} calls: none lost, "
            f"the longest took {max(waited) * 1000:.0f} ms"
        )
    assert len(seen) == 2  # all of the old rows, or all of the new ones
