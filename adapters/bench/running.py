"""Processes of a run: up when they accept connections, gone when their block ends."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from domain.errors import BadSetup, Unavailable

ROOT = Path(__file__).parents[2]
START_SECONDS = 90.0  # LiteLLM imports for ten, on a quiet machine
END_SECONDS = 10.0


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def program_path() -> str:
    """Where programs are looked for: the user's own PATH, and where daemons are."""
    return f"{os.environ.get('PATH', os.defpath)}:/usr/sbin"


@contextmanager
def running(
    command: list[str], port: int, folder: Path, environment: Mapping[str, str]
) -> Iterator[int]:
    """Its pid, once it accepts connections on the port; what it says is in `output`.

    It gets PATH and this environment and nothing else. Raises `BadSetup` if it ends at
    once, `Unavailable` if it does not listen in time.
    """
    folder.mkdir(exist_ok=True)
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(  # noqa: S603  # a program of the installation, or ours
            command,
            cwd=ROOT,
            env={"PATH": program_path(), **environment},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        _wait_until_open(process, port, output)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_open(process: subprocess.Popen[bytes], port: int, output: Path) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process.poll() is not None:
            said = output.read_text(errors="replace")[-2000:]
            raise BadSetup(f"A process to be measured ended at once. It said:\n{said}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise Unavailable(f"{process.args!r} does not listen after {START_SECONDS:.0f} s")
