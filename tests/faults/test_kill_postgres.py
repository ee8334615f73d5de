"""`kill -9` of PostgreSQL under load: nothing is lost, nothing goes upstream, all heals."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from adapters.postgres.embedded import EmbeddedPostgres
from tests.faults.load import answers, loaded, moments
from tests.faults.reckoning import reap_until_closed, reckon, tell, views_agree
from tests.journeys.data_plane import running

AWAY_SECONDS = 4.0  # at least: long enough for calls to be asked and refused
SEED = 20261122
ANSWERED_WITHIN = 2.0  # seconds, while the database is away
HEALED_WITHIN = 10.0


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL of the test's own."""
    folder = Path(tempfile.mkdtemp(prefix="clawbot-test-"))
    folder.chmod(0o755)
    embedded = EmbeddedPostgres(folder / "postgres")
    try:
        embedded.start()
        yield embedded
    finally:
        embedded.stop()
        shutil.rmtree(folder)


def processes_of(url: str) -> list[int]:
    """The server and every process of it."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        postmaster = _parent(row[0])
        return [postmaster, *_children(postmaster)]


def signalled(processes: list[int], number: signal.Signals) -> None:
    """All of them at once."""
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself meanwhile
            os.kill(pid, number)


def _parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


def _children(pid: int) -> list[int]:
    return [
        int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]


@pytest.mark.parametrize(
    "kills", [3, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])]
)
def test_nothing_is_lost_when_the_database_is_killed_and_calls_are_refused_meanwhile(
    server: EmbeddedPostgres, kills: int, capsys: pytest.CaptureFixture[str]
) -> None:
    healed: list[float] = []
    refused: list[tuple[int, float]] = []
    began = time.monotonic()
    with running(server.url) as plane:
        with loaded(plane, seed=SEED) as load:
            for pause in moments(kills, seed=SEED, least=0.3, most=3):
                load.wait_for_answer()
                time.sleep(pause)
                signalled(processes_of(server.url), signal.SIGKILL)
                # The load's own clients wait, most of them, for ends that are not recorded.
                refused += answers(plane, load.bot, seconds=max(pause, AWAY_SECONDS))
                server.start()
                healed.append(load.wait_for_answer())
        took = time.monotonic() - began
        reaping = reap_until_closed(plane)
        figures = reckon(plane, load.outcomes)
        views_agree(plane)
    slowest = max(took for _, took in refused)
    with capsys.disabled():  # `make soak` shows them
        tell(
            f"{kills} kills in {took:.0f} s, all closed {reaping:.0f} s later: {figures}; "
            f"{len(refused)} calls while away, the slowest answered after {slowest:.2f} s; "
            f"served again {max(healed):.2f} s after the start at the latest"
        )
    assert {status for status, _ in refused} == {503}
    assert slowest < ANSWERED_WITHIN
    assert max(healed) < HEALED_WITHIN
    assert figures.seen > 20 * kills


def test_a_database_that_hangs_is_as_good_as_away(server: EmbeddedPostgres) -> None:
    """No connection breaks: nobody says anything, for 9 s."""
    with running(server.url) as plane:
        with loaded(plane, seed=SEED) as load:
            load.wait_for_answer()
            processes = processes_of(server.url)
            signalled(processes, signal.SIGSTOP)
            try:
                # The load's own clients wait for ends that cannot be recorded.
                got = answers(plane, load.bot, seconds=7)
            finally:
                signalled(processes, signal.SIGCONT)
            healed = load.wait_for_answer()
        reap_until_closed(plane)
        figures = reckon(plane, load.outcomes)
    assert {status for status, _ in got} == {503}
    assert max(took for _, took in got) < ANSWERED_WITHIN
    assert healed < HEALED_WITHIN
    assert figures.abandoned == 0
