"""All that was started is stopped, and what serves is told at the same time."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest

from adapters.supervisor.child import Child
from adapters.supervisor.keeping import keep
from adapters.supervisor.programs import Probe, Program

pytestmark = pytest.mark.anyio

# Ends when told to, once the other one was told too.
NOT_BEFORE = """
import pathlib, signal, time
def on_term(*_):
    pathlib.Path("{folder}/{own}-told").touch()
    while not pathlib.Path("{folder}/{other}-told").exists():
        time.sleep(0.01)
    raise SystemExit(0)
signal.signal(signal.SIGTERM, on_term)
pathlib.Path("{folder}/{own}-runs").touch()
while True:
    time.sleep(0.01)
"""


@pytest.fixture(params=[signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def number(request: pytest.FixtureRequest) -> Iterator[signal.Signals]:
    """A signal that would do nothing to this process."""
    asked: signal.Signals = request.param
    before = signal.signal(asked, lambda *_: None)
    yield asked
    signal.signal(asked, before)


async def test_whatever_ends_us_ends_them_in_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    said = list[str]()
    child = Child(server(tmp_path, "one", "one"), BytesIO(), said.append)
    kept = asyncio.create_task(keep([child], None, ready=lambda _: None, say=said.append))
    async with asyncio.timeout(20):
        while not all_run(tmp_path, 1):  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), number)
        await kept
    assert (said, child.pid) == ([], None)


async def test_what_serves_is_told_to_stop_at_the_same_time(tmp_path: Path) -> None:
    said = list[str]()
    children = [
        Child(server(tmp_path, own, other), BytesIO(), said.append)
        for own, other in (("one", "two"), ("two", "one"))
    ]
    kept = asyncio.create_task(keep(children, None, ready=lambda _: None, say=said.append))
    async with asyncio.timeout(20):
        while not all_run(tmp_path, len(children)):  # noqa: ASYNC110 - processes
            await asyncio.sleep(0.01)
    kept.cancel()
    with suppress(asyncio.CancelledError):
        await kept
    assert said == []
    assert all(child.pid is None for child in children)


def all_run(folder: Path, number: int) -> bool:
    return len(list(folder.glob("*-runs"))) == number


def server(folder: Path, own: str, other: str) -> Program:
    """A program that serves, though nobody knows where."""
    script = NOT_BEFORE.format(folder=folder, own=own, other=other)
    return Program(
        name=own,
        command=(sys.executable, "-c", script),
        environment=dict(os.environ),
        stop_seconds=10,
        probe=Probe(host="127.0.0.1", port=1, path="/"),
    )
