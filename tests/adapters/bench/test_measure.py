"""What is read from /proc is what processes really took."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.bench.measure import (
    Patience,
    Sample,
    cpu_seconds,
    family,
    fdatasync_us,
    foreign,
    machine_seconds,
    pinned,
    pss_mb,
    shares,
    until_idle,
)

BUSY = "import time\nwhile time.process_time() < .3: pass\nprint(flush=True); input()"


def test_a_child_is_of_the_family_and_its_work_is_counted() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        machine = machine_seconds()
        assert child.pid in family(os.getpid())
        assert child.stdout is not None
        child.stdout.readline()
        assert 0.25 < cpu_seconds({child.pid}) < 0.6
        assert machine_seconds() - machine > 0.2
        assert pss_mb({child.pid}) > 1
        child.communicate(b"\n")
    assert child.pid not in family(os.getpid())
    assert cpu_seconds({child.pid}) == 0


def test_what_others_took_is_what_the_machine_did_beyond_us() -> None:
    before = Sample(at=10.0, target=1.0, ours=5.0, machine=100.0, generator=1.0)
    after = replace(before, at=12.0, ours=6.0, machine=101.5)
    assert foreign(before, after) == pytest.approx(0.25)
    assert foreign(before, replace(after, ours=7.0)) == 0


def test_a_pinned_thread_gives_its_cpu_to_what_it_starts_and_is_free_again() -> None:
    before = os.sched_getaffinity(0)
    under_test, others = shares()
    assert len(under_test) == 1
    with pinned(under_test):
        shown = subprocess.check_output(
            [sys.executable, "-c", "import os; print(*os.sched_getaffinity(0))"], text=True
        )
    assert {int(cpu) for cpu in shown.split()} == under_test
    assert os.sched_getaffinity(0) == before == under_test | others


def test_a_process_at_work_is_not_idle_and_one_that_waits_is() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        looks = [until_idle({child.pid}, within=0.06) for _ in range(5)]
        assert not all(looks)
        assert child.stdout is not None
        child.stdout.readline()  # its work is done
        assert until_idle({child.pid}, within=5)
        child.communicate(b"\n")


def test_patience_ends() -> None:
    began = time.monotonic()
    patience = Patience(0.2)
    for _ in range(10):
        patience.wait()
    assert time.monotonic() - began < 5


def test_a_disk_takes_its_time(tmp_path: Path) -> None:
    assert 0 < fdatasync_us(tmp_path) < 1e6
