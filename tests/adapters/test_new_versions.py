"""A view's new version takes its place at once: before, the old rows are served."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from adapters.bootstrap.followers import VIEWS
from adapters.parking import parking_in
from adapters.postgres.usage_rollup import PostgresUsageRollup
from adapters.rebuild import RebuildIsRunning, outdated, rebuild
from adapters.renewal import renew
from domain.errors import ConcurrentChange
from domain.log import CALLS, Page
from projections.usage_rollup import RollupRow, UsageRollupProjector
from projections.view import Key
from tests.adapters.jobs.given import ROOT, eventually
from tests.adapters.test_rebuild import catch_up_with, traces
from tests.projections.given import calls
from tests.projections.given_logs import database, record, recorded

VIEW = "usage_rollup"
SUMS = "SELECT coalesce(sum(calls), 0)::int FROM usage_rollup"
STATE = "SELECT position, version FROM view_position WHERE view = 'usage_rollup'"
PAGES = 5
NEW_RELEASE = f"""
import sys
import adapters.rebuild
from adapters.bootstrap.followers import VIEWS
from tests.adapters.test_new_versions import NEW
VIEWS["usage_rollup"] = NEW
adapters.rebuilds.together.PAGE = 120 // {PAGES}
told = lambda done, total: print(done, total, flush=True)
adapters.rebuild.rebuild(sys.argv[1], "usage_rollup", check=False, progress=told)
"""


class CountsTwice(UsageRollupProjector):
    """What the next release makes of the same events."""

    version = UsageRollupProjector.version + 1

    def fold(
        self, page: Page, rows: Mapping[Key, RollupRow]
    ) -> dict[Key, RollupRow | None]:
        changed = super().fold(page, rows)
        return {
            key: row and replace(row, totals=row.totals + row.totals)
            for key, row in changed.items()
        }


NEW = (CountsTwice, PostgresUsageRollup)


@pytest.fixture
def live(database_url: str) -> Iterator[psycopg.Connection]:
    """A database whose view is current, and of the old version."""
    with (
        recorded(database_url, calls=calls(60)),
        database(database_url) as opened,
        psycopg.connect(database_url, autocommit=True) as connection,
    ):
        catch_up_with(opened, VIEW)
        yield connection


@pytest.fixture
def new_release(live: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    monkeypatch.setitem(VIEWS, VIEW, NEW)


def number(live: psycopg.Connection, statement: str = SUMS) -> int:
    ((found,),) = live.execute(statement.encode()).fetchall()
    return int(found)


@pytest.mark.usefixtures("new_release")
def test_readers_see_all_of_the_old_version_or_all_of_the_new_one(
    database_url: str, live: psycopg.Connection
) -> None:
    old, over, seen = number(live), threading.Event(), set[int]()

    def read() -> None:
        with psycopg.connect(database_url, autocommit=True) as reader:
            while not over.wait(0.002):
                seen.add(number(reader))

    with ThreadPoolExecutor(2) as pool:
        reading = [pool.submit(read) for _ in range(2)]
        try:
            assert outdated(database_url) == [VIEW]
            assert rebuild(database_url, VIEW, check=False)
            time.sleep(0.05)
        finally:
            over.set()
        for one in reading:
            one.result()
    assert seen <= {old, 2 * old}
    assert number(live) == 2 * old > 0
    assert outdated(database_url) == []
    assert traces(live) == (0, 0)


@pytest.mark.usefixtures("new_release")
def test_a_new_version_goes_on_from_the_head_and_the_old_release_moves_nothing(
    database_url: str, live: psycopg.Connection
) -> None:
    with recorded(database_url, calls=calls(5, seed=7)) as logs:
        rebuild(database_url, VIEW, check=False)  # the old one had not read these
        assert live.execute(STATE).fetchall() == [(logs[CALLS].head(), CountsTwice.version)]
        record(logs[CALLS], calls(5, seed=8))
        before = number(live)
        with database(database_url) as opened, pytest.MonkeyPatch.context() as old:
            old.setitem(VIEWS, VIEW, (UsageRollupProjector, PostgresUsageRollup))
            with pytest.raises(ConcurrentChange):
                catch_up_with(opened, VIEW)
        assert number(live) == before
        with database(database_url) as opened:
            catch_up_with(opened, VIEW)
    assert number(live) > before
    assert not rebuild(database_url, VIEW, check=True)


@pytest.mark.usefixtures("new_release")
def test_a_check_of_a_new_version_compares_and_changes_nothing(
    database_url: str, live: psycopg.Connection
) -> None:
    old, state = number(live), live.execute(STATE).fetchall()
    assert rebuild(database_url, VIEW, check=True)
    assert (number(live), live.execute(STATE).fetchall()) == (old, state)


@pytest.mark.usefixtures("new_release")
def test_a_projector_renews_what_is_of_another_version_unless_told_to_stop(
    database_url: str, live: psycopg.Connection
) -> None:
    old, stop = number(live), threading.Event()
    stop.set()
    with database(database_url) as opened:
        renew(database_url, VIEW, parking_in(opened), stop=stop)
        assert number(live) == old
        renew(database_url, VIEW, parking_in(opened), stop=threading.Event())
    assert number(live) == 2 * old


def test_a_view_that_never_ran_is_of_this_version(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VIEWS, VIEW, NEW)
    with recorded(database_url, calls=calls(5)), database(database_url) as opened:
        assert outdated(database_url) == []
        catch_up_with(opened, VIEW)
        assert outdated(database_url) == []


@pytest.mark.parametrize(
    "kills", [1, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
@pytest.mark.usefixtures("new_release")
def test_a_rebuild_that_is_killed_leaves_the_old_version_and_the_next_one_finishes(
    database_url: str, live: psycopg.Connection, kills: int
) -> None:
    old, dice = number(live), random.Random(20261122)
    for _ in range(kills):
        with subprocess.Popen(
            [sys.executable, "-c", NEW_RELEASE, database_url],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            for _ in range(dice.randint(1, PAGES)):
                assert process.stdout.readline()  # a page more
            time.sleep(dice.choice([0, 0.003, 0.01, 0.03]))
            process.kill()
        ((_, version),) = live.execute(STATE).fetchall()
        assert (version, number(live)) in {
            (UsageRollupProjector.version, old),
            (CountsTwice.version, 2 * old),
        }
        eventually(lambda: finished(database_url))
        assert number(live) == 2 * old
        assert traces(live) == (0, 0)
        with pytest.MonkeyPatch.context() as back:
            back.setitem(VIEWS, VIEW, (UsageRollupProjector, PostgresUsageRollup))
            assert rebuild(database_url, VIEW, check=False)
        assert number(live) == old


def finished(url: str) -> bool:
    """A rebuild ran to its end: the server had seen that the other one is dead."""
    try:
        rebuild(url, VIEW, check=False)
    except RebuildIsRunning:
        return False
    return True
