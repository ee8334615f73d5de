"""One program that is kept running: started, watched, started again, stopped.

A program that ends with 2 before it ever worked was given something that cannot be, and
says so in its last line: that ends everything. Whatever else ends is started again, after
a pause that doubles while it keeps ending at once.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Coroutine
from typing import Any

from adapters.postgres.tied_process import tied
from adapters.supervisor.log_files import Output
from adapters.supervisor.programs import Program
from domain.errors import BadSetup

BAD_SETUP = 2
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0  # seconds
WELL_AFTER_SECONDS = 10.0  # without a probe: it lived that long
PROBE_EVERY_SECONDS = 0.05
CHUNK = 65536

Say = Callable[[str], None]


class Child:
    """A program and its process. `pid` is None while there is none."""

    def __init__(self, program: Program, log: Output, say: Say) -> None:
        self.program = program
        self.pid: int | None = None
        self._log, self._say = log, say
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._worked = False
        self._last_line = ""
        self._log_fails = False

    async def keep_running(self) -> None:
        """Returns once `stop` was called and the process is gone; raises `BadSetup`."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run()
            lived = time.monotonic() - began
            if self._stopping.is_set():
                return
            if self.program.probe is None and lived > WELL_AFTER_SECONDS:
                self._worked = True
            if code == BAD_SETUP and not self._worked:
                raise BadSetup(self._last_line.removeprefix("clawbot: "))
            pause = FIRST_PAUSE if lived > WELL_AFTER_SECONDS else pause
            self._say(
                f"{self.program.name} {_how(code)} after {lived:.1f} s; it is started "
                f"again in {pause:.1f} s"
            )
            await _either(self._stopping.wait(), seconds=pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def ready(self) -> None:
        """Returns once the probe answers; at once if there is none."""
        probe = self.program.probe
        while probe is not None and not await probe.answers():  # noqa: ASYNC110 - a process
            await asyncio.sleep(PROBE_EVERY_SECONDS)
        self._worked = self._worked or probe is not None

    async def stop(self) -> None:
        """The process has ended: by itself when told to, or killed when its time is up."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        if not await _either(process.wait(), seconds=self.program.stop_seconds):
            self._say(f"{self.program.name} did not end in time and is killed")
            process.kill()
            await process.wait()

    async def _run(self) -> int:
        """The program has run; its exit code."""
        self._process = await asyncio.create_subprocess_exec(
            *tied(self.program.command, ids=(os.geteuid(), os.getegid())),
            env=self.program.environment,
            cwd="/",
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            pass_fds=self.program.passed,
            start_new_session=True,  # Ctrl-C is for us; we stop them in order
        )
        self.pid = self._process.pid
        if self._stopping.is_set():
            self._process.terminate()
        assert self._process.stdout is not None
        await self._copy(self._process.stdout)
        code = await self._process.wait()
        self.pid = None
        return code

    async def _copy(self, output: asyncio.StreamReader) -> None:
        """What it writes is in its log, until it closes its output."""
        while chunk := await output.read(CHUNK):
            lines = chunk.decode(errors="replace").splitlines()
            self._last_line = next(filter(None, reversed(lines)), self._last_line)
            try:
                self._log.write(chunk)
                self._log_fails = False
            except OSError as error:
                if not self._log_fails:
                    self._say(f"the log of {self.program.name}: {error.strerror}")
                self._log_fails = True


def _how(code: int) -> str:
    if code >= 0:
        return f"ended with {code}"
    return f"was ended by {signal.Signals(-code).name}"


async def _either(happens: Coroutine[Any, Any, object], *, seconds: float) -> bool:
    """Whether it happened within the seconds."""
    try:
        await asyncio.wait_for(happens, seconds)
    except TimeoutError:
        return False
    return True
