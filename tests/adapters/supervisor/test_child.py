"""A child is kept running, and is gone when it should be."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from adapters.supervisor import child as supervised
from adapters.supervisor.child import Child
from adapters.supervisor.log_files import LogFile
from adapters.supervisor.programs import Probe, Program
from domain.errors import BadSetup

pytestmark = pytest.mark.anyio

SLEEPS = "import time; print('here', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPS}"
BAD_SETUP = "print(1); print('clawbot: it cannot be'); raise SystemExit(2)"


@dataclass
class Watched:
    """A running child: what it said, and where its output goes."""

    child: Child
    task: asyncio.Task[None]
    log: Path
    said: list[str] = field(default_factory=list)

    async def pid(self) -> int:
        """Its pid, once it runs and has written something."""
        before = self.log.read_bytes()
        await until(lambda: self.child.pid is not None and self.log.read_bytes() != before)
        assert self.child.pid is not None
        return self.child.pid


@asynccontextmanager
async def kept(
    folder: Path, script: str, *, stop_seconds: float = 5, probe: Probe | None = None
) -> AsyncIterator[Watched]:
    """A Python script under supervision; it is stopped in the end."""
    program = Program(
        name="it",
        command=(sys.executable, "-c", script),
        environment=dict(os.environ),
        stop_seconds=stop_seconds,
        probe=probe,
    )
    path, said = folder / "it.log", list[str]()
    with closing(LogFile(path)) as log:
        child = Child(program, log, said.append)
        task = asyncio.create_task(child.keep_running())
        try:
            yield Watched(child, task, path, said)
        finally:
            await child.stop()
            await asyncio.gather(task, return_exceptions=True)


async def test_what_ends_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    async with kept(tmp_path, SLEEPS) as it:
        first = await it.pid()
        os.kill(first, signal.SIGKILL)
        second = await it.pid()
        assert second != first
        assert it.log.read_text() == "here\nhere\n"
        assert len(it.said) == 1
        assert it.said[0].startswith("it was ended by SIGKILL after ")


async def test_what_keeps_ending_is_started_ever_more_slowly(tmp_path: Path) -> None:
    async with kept(tmp_path, "import sys; sys.exit(7)") as it:
        await until(lambda: len(it.said) == 3)
        pauses = [float(said.split()[-2]) for said in it.said]
        assert pauses == [0.2, 0.4, 0.8]
        assert "it ended with 7 after" in it.said[0]


async def test_a_bad_set_up_ends_it_with_the_sentence_of_its_last_line(
    tmp_path: Path,
) -> None:
    async with kept(tmp_path, BAD_SETUP) as it:
        with pytest.raises(BadSetup, match=r"^it cannot be$"):
            await it.task
        assert it.said == []


async def test_what_worked_before_is_started_again_whatever_it_ends_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervised, "WELL_AFTER_SECONDS", 0.0)
    async with kept(tmp_path, BAD_SETUP) as it:
        await until(lambda: len(it.said) == 2)
        assert not it.task.done()


async def test_what_took_long_to_find_that_it_cannot_start_did_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_port: int
) -> None:
    monkeypatch.setattr(supervised, "WELL_AFTER_SECONDS", 0.0)
    probe = Probe(host="127.0.0.1", port=free_port, path="/health")
    async with kept(tmp_path, BAD_SETUP, probe=probe) as it:
        with pytest.raises(BadSetup, match=r"^it cannot be$"):
            await it.task


async def test_a_stopped_child_is_not_started_again(tmp_path: Path) -> None:
    async with kept(tmp_path, SLEEPS) as it:
        pid = await it.pid()
        await it.child.stop()
        await it.task
        assert not is_alive(pid)
        assert it.said == []


async def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    async with kept(tmp_path, DEAF, stop_seconds=0.2) as it:
        pid = await it.pid()
        await it.child.stop()
        await it.task
        assert not is_alive(pid)
        assert it.said == ["it did not end in time and is killed"]


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - it looks at another process
            await asyncio.sleep(0.02)
