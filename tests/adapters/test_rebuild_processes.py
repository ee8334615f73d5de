"""Rebuilds in several processes: as in one, and nobody is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bootstrap.followers import VIEWS
from adapters.parking import EventIsPoison
from adapters.rebuild import RebuildIsRunning, rebuild_views
from adapters.rebuilds.shares import MUCH, shares_of, useful_processes
from domain.errors import Unavailable
from domain.log import CALLS
from tests.adapters.jobs.given import ROOT, eventually
from tests.adapters.test_rebuild import SAME, contents, live, spoil, traces

__all__ = ["live"]

SPOILT = ("call_log", "audit_trail", "key_ring")
IN_TWO = """
import sys
from adapters.rebuild import rebuild_views
told = lambda done, total: print(done, total, flush=True)
rebuild_views(sys.argv[1], sys.argv[2:], check=False, progress=told, processes=2)
"""


@given(
    views=st.sets(st.sampled_from(list(VIEWS)), min_size=1), processes=st.integers(1, 20)
)
def test_every_view_is_in_one_share(views: set[str], processes: int) -> None:
    shares = shares_of(list(views), processes)
    assert sorted(view for share in shares for view in share) == sorted(views)
    assert len(shares) == min(processes, len(views))
    assert all(shares)


def test_two_shares_of_all_views_have_as_many_of_calls() -> None:
    shares = shares_of(list(VIEWS), 2)
    of_calls = [sum(CALLS in VIEWS[view][0].logs for view in share) for share in shares]
    assert of_calls == [3, 3]


def test_a_process_for_each_cpu_is_begun_where_there_is_much_to_read() -> None:
    before = os.sched_getaffinity(0)
    assert useful_processes(MUCH - 1) == 1
    assert useful_processes(MUCH) == min(len(before), 4)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert useful_processes(MUCH) == 1
    finally:
        os.sched_setaffinity(0, before)


def test_two_processes_find_and_put_right_what_one_does(
    database_url: str, live: psycopg.Connection
) -> None:
    right = {name: contents(live, name) for name in VIEWS}
    for name in SPOILT:
        spoil(live, name)
    told: list[tuple[int, int]] = []
    found = rebuild_views(
        database_url,
        list(VIEWS),
        check=False,
        progress=lambda done, total: told.append((done, total)),
        processes=2,
    )
    assert list(found) == list(VIEWS)
    assert {name for name, difference in found.items() if difference} == set(SPOILT)
    for name in SPOILT:
        assert (found[name].missing, found[name].extra) == (2, 2), name
        assert len(found[name].samples) == 4
    assert {name: contents(live, name) for name in VIEWS} == right
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {told[-1][0]}
    assert told[-1][0] > 0
    assert traces(live) == (0, 0)
    assert children_of(os.getpid()) == set()


@pytest.mark.soak
@pytest.mark.parametrize("who", ["both", "one"])
def test_what_fails_in_a_process_is_raised_here_and_none_is_left(
    database_url: str, live: psycopg.Connection, who: str
) -> None:
    before = {name: contents(live, name) for name in SPOILT}
    if who == "both":
        live.execute(
            "INSERT INTO calls_events (originator_id, originator_version, topic, state) "
            "VALUES (gen_random_uuid(), 1, 'call.from_the_future', '{}')"
        )
        live.execute("DELETE FROM view_position")  # so that they are read to the end
        with pytest.raises(EventIsPoison, match="cannot take calls="):
            rebuild_views(database_url, SPOILT[:2], check=False, processes=2)
    else:
        live.execute(
            "SELECT pg_advisory_lock(hashtextextended('clawbot rebuild key_ring', 0))"
        )
        with pytest.raises(RebuildIsRunning, match="key_ring"):
            rebuild_views(database_url, SPOILT[1:], check=False, processes=2)
    assert children_of(os.getpid()) == set()
    assert traces(live) == (0, 0)
    assert {name: contents(live, name) for name in SPOILT} == before


def test_a_process_that_is_killed_is_told_of_and_the_other_leaves(
    database_url: str, live: psycopg.Connection
) -> None:
    for name in SPOILT:
        spoil(live, name)
    spoilt = {name: contents(live, name) for name in SPOILT}

    def kill_one(_done: int, _total: int) -> None:
        os.kill(max(children_of(os.getpid())), signal.SIGKILL)

    with held_views(database_url), pytest.raises(Unavailable, match="ended by signal 9"):
        rebuild_views(database_url, SPOILT, check=False, progress=kill_one, processes=2)
    assert children_of(os.getpid()) == set()
    assert {name: contents(live, name) for name in SPOILT} == spoilt
    eventually(lambda: finished(database_url))
    assert rebuild_views(database_url, SPOILT, check=True) == dict.fromkeys(SPOILT, SAME)
    assert traces(live) == (0, 0)


@pytest.mark.parametrize(
    "number", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=pytest.mark.soak)]
)
def test_the_processes_end_with_the_one_that_began_them_and_change_nothing(
    database_url: str, live: psycopg.Connection, number: signal.Signals
) -> None:
    for name in SPOILT:
        spoil(live, name)
    spoilt = {name: contents(live, name) for name in SPOILT}
    with (
        held_views(database_url),
        subprocess.Popen(
            [sys.executable, "-c", IN_TWO, database_url, *SPOILT],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.readline()  # both have begun
        children = children_of(process.pid)
        assert len(children) == 2
        process.send_signal(number)
        assert process.wait() != 0
        eventually(lambda: not any(map(runs, children)))
    assert {name: contents(live, name) for name in SPOILT} == spoilt
    eventually(lambda: finished(database_url))
    assert rebuild_views(database_url, SPOILT, check=True) == dict.fromkeys(SPOILT, SAME)
    assert traces(live) == (0, 0)


@contextmanager
def held_views(url: str) -> Iterator[None]:
    """No view can be replaced meanwhile: somebody else holds their positions."""
    with psycopg.connect(url) as connection:
        connection.execute(
            "SELECT FROM view_position WHERE view NOT LIKE 'rebuild:%' FOR UPDATE"
        )
        yield
        connection.rollback()


def finished(url: str) -> bool:
    """A rebuild ran to its end: the server had seen that the others are gone."""
    try:
        rebuild_views(url, SPOILT, check=False)
    except RebuildIsRunning:
        return False
    return True


def children_of(pid: int) -> set[int]:
    """Whom that process began and who has not ended, among the rebuild's processes."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").iterdir():
        found.update(map(int, (task / "children").read_text().split()))
    return {one for one in found if runs(one)}


def runs(pid: int) -> bool:
    """Whether it is one of the rebuild's processes, and not dead."""
    try:
        return b"adapters.rebuilds.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False
