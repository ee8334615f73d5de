"""Each client passes on what the vendor says, and every piece as soon as it comes.

aiohttp is not installed for tests; `make bench CLIENTS=1` makes the same checks with it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from adapters import simulator
from adapters.bench.asking import PATH, bearer, calls, paced_call
from adapters.bench.checks import check
from adapters.bench.clients import CLIENTS, PROGRAM
from adapters.bench.open_streams import OpenLoad, flow
from adapters.bench.running import ROOT, free_port, running
from adapters.bench.targets import Target

HERE = [name for name in CLIENTS if name != "aiohttp"]


@contextmanager
def passing(name: str, base: str, folder: Path) -> Iterator[Target]:
    """A pass-through to that URL."""
    port = free_port()
    command = [sys.executable, "-c", PROGRAM, name, str(port), base]
    with running(command, port, folder, {"PYTHONPATH": str(ROOT)}) as pid:
        yield Target(name=name, pid=pid, port=port, calls=calls(PATH, bearer("x")))


@pytest.mark.parametrize("name", HERE)
def test_it_says_what_the_vendor_says(name: str, tmp_path: Path) -> None:
    with (
        simulator.started(fast=True) as vendor,
        passing(name, vendor.url, tmp_path) as through,
    ):
        port = urlsplit(vendor.url).port or 0
        bare = Target(name="bare", pid=vendor.pid, port=port, calls=through.calls)
        check([bare, through])


@pytest.mark.parametrize("name", HERE)
def test_no_piece_waits_for_another(name: str, tmp_path: Path) -> None:
    upstream, pieces = free_port(), 40
    command = [sys.executable, "-m", "adapters.bench.paced", str(upstream)]
    with (
        running(command, upstream, tmp_path / "paced", {}),
        passing(name, f"http://127.0.0.1:{upstream}", tmp_path / "through") as through,
    ):
        load = OpenLoad(
            port=through.port,
            request=paced_call(PATH, bearer("x"), pieces=pieces),
            streams=2,
            pieces=pieces,
            seconds=0.8,
        )
        came = flow(load, time.perf_counter)
    assert came.broken == 0
    assert len(came.delays) > pieces
    assert sorted(came.delays)[len(came.delays) // 2] < 0.1  # held to the end: 0.4 s
