"""`kill -9` of the sealer at random moments: one contiguous tree, never two of one size."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from adapters.postgres.recorder import PostgresRecorder
from adapters.postgres.sealed_log import PostgresSealedLog
from adapters.sealing.sealer import ROLE
from adapters.sealing.signer import sign_on
from domain.sealing.checkpoints import Checkpoint
from domain.sealing.notes import SignedNote
from tests.adapters.jobs.given import ROOT, eventually
from tests.adapters.sealing.given import ask, export, opened, seal_all, whole
from tests.faults.load import moments
from verifier.verify_log import INTACT, lines_of, verify

SEED = 20261122
SEALER = """
import sys, threading
from adapters.postgres.database import Database
from adapters.sealing.sealer import ROLE, Sealer, keep_sealing
database = Database(sys.argv[1], role=ROLE, size=2)
database.open()
keep_sealing(Sealer(database), threading.Event())
"""


@contextmanager
def a_sealer(url: str) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", SEALER, url], cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def written_to(url: str) -> Iterator[None]:
    """Both logs grow, some hundred events a second."""
    over = threading.Event()

    def write(log: str, role: str) -> None:
        with opened(url, role) as database:
            recorder = PostgresRecorder(database, log)
            while not over.is_set():
                recorder.insert_events(
                    [
                        StoredEvent(
                            originator_id=uuid4(),
                            originator_version=1,
                            topic="t",
                            state=b'{"team_id":"%b"}' % str(uuid4()).encode(),
                        )
                        for _ in range(7)
                    ]
                )
                over.wait(0.01)

    with ThreadPoolExecutor(2) as pool:
        running = [
            pool.submit(write, "fleet", "clawbot_api"),
            pool.submit(write, "calls", "clawbot_proxy"),
        ]
        try:
            yield
        finally:
            over.set()
        for one in running:
            one.result()


@contextmanager
def signed_by(url: str, folder: Path) -> Iterator[None]:
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(sign_on, folder, url, stop, every=0.05)
        try:
            yield
        finally:
            stop.set()
        running.result()


def size_of(url: str) -> int:
    return int(ask(url, "SELECT size FROM log_state")[0][0])


@pytest.mark.parametrize(
    "kills", [5, pytest.param(50, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
def test_a_sealer_that_is_killed_again_and_again_leaves_one_contiguous_log(
    database_url: str, tmp_path: Path, kills: int
) -> None:
    with signed_by(database_url, tmp_path / "signer"), written_to(database_url):
        for pause in moments(kills, seed=SEED, least=0.0, most=0.4):
            before = size_of(database_url)
            with a_sealer(database_url) as sealer:
                eventually(lambda: size_of(database_url) > before)  # noqa: B023
                time.sleep(pause)
                sealer.kill()
    size = seal_all(database_url)
    assert whole(database_url) == size > 20 * kills
    with opened(database_url, ROLE) as database:
        log = PostgresSealedLog(database)
        notes = ask(database_url, "SELECT note FROM log_checkpoint ORDER BY size")
        assert len(notes) > kills
        for (note,) in notes:
            signed = Checkpoint.parse(SignedNote.parse(note).text)
            assert log.tree(signed.size).root() == signed.root
    said, code = verify(lines_of(export(database_url, tmp_path / "bundle")))
    assert code == INTACT, said


def test_a_sealer_that_was_frozen_while_another_took_over_writes_nothing(
    database_url: str,
) -> None:
    with written_to(database_url), a_sealer(database_url) as frozen:
        eventually(lambda: size_of(database_url) > 0)
        frozen.send_signal(signal.SIGSTOP)
        with a_sealer(database_url):
            before = size_of(database_url)
            # The frozen one may hold the row, until the server gives it up.
            eventually(lambda: size_of(database_url) > before, 60)
            frozen.send_signal(signal.SIGCONT)
            time.sleep(1)
    seal_all(database_url)
    whole(database_url)
