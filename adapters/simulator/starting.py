"""A simulator in a process of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.errors import BadSetup

ROOT = Path(__file__).parents[2]
END_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Started:
    """A simulator that accepts calls."""

    url: str  # http://127.0.0.1:PORT, without a slash at the end
    pid: int


@contextmanager
def started(
    *, key: str | None = None, fast: bool = False, port: int = 0
) -> Iterator[Started]:
    """A simulator on a free port of this machine; gone when the block ends."""
    command = [sys.executable, "-m", "adapters.simulator", "--port", str(port)]
    command += ["--key", key] if key is not None else []
    command += ["--fast"] if fast else []
    with subprocess.Popen(  # noqa: S603  # our own interpreter and module
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Started(_address(process), process.pid)
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[str]) -> str:
    """Where it listens; raises BadSetup if it ended instead: its output says why."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        msg = "The simulator did not start; what it printed says why."
        raise BadSetup(msg)
    return line.split()[-1]
