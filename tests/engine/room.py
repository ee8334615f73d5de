"""A room: a network, process and mount namespace of its own, which ends with us.

Whatever runs in it, and whatever that starts, is killed by the kernel when the room is
left or the process that made it dies; its bridges and firewall rules are gone with it. So
an engine in a room can do nothing to the machine, nor to another test's engine.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

_LIBC = ctypes.CDLL(None, use_errno=True)
_NETWORK = 0x40000000  # CLONE_NEWNET


class Room:
    """Namespaces, held by a process that does nothing but wait and bury the dead."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            pytest.fail("The tests of the container engine need root (or `sudo make test`)")
        self._holder = subprocess.Popen(
            [
                *("setpriv", "--pdeathsig", "KILL"),
                *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=KILL"),
                *("--mount-proc", "docker-init", "sleep", "infinity"),
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,  # it complains about being left
        )
        self.first = _child_of(self._holder.pid)
        self.run("ip", "link", "set", "lo", "up")

    def close(self) -> None:
        """Nothing that ran in the room runs any more."""
        os.kill(self.first, signal.SIGKILL)  # the first process of a room takes all along
        self._holder.wait()

    def start(
        self, *command: str, output: IO[bytes]
    ) -> tuple[subprocess.Popen[bytes], int]:
        """A process that runs in the room: what waits for it here, and its own id."""
        waiting = subprocess.Popen(
            [*self._entering("--net", "--mount", "--pid"), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        return waiting, _child_of(waiting.pid)

    def run(self, *command: str) -> str:
        """What a command wrote that ran in the room's network; it has succeeded."""
        ran = subprocess.run(
            [*self._entering("--net"), *command],
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, f"{command}: {ran.stderr}"
        return ran.stdout

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This thread, and whatever it starts, sees the network of the room, not ours."""
        with (
            Path("/proc/thread-self/ns/net").open("rb") as ours,
            Path(f"/proc/{self.first}/ns/net").open("rb") as theirs,
        ):
            _enter(theirs)
            try:
                yield
            finally:
                _enter(ours)

    def _entering(self, *namespaces: str) -> Sequence[str]:
        return ["nsenter", "--target", str(self.first), *namespaces, "--"]


def _child_of(pid: int) -> int:
    """The one child of that process, as soon as it has one."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    deadline = time.monotonic() + 10
    while not (found := children.read_text().split()):
        assert time.monotonic() < deadline, "The process started no other"
        time.sleep(0.01)
    return int(found[0])


def _enter(namespace: IO[bytes]) -> None:
    if _LIBC.setns(namespace.fileno(), _NETWORK) != 0:
        raise OSError(ctypes.get_errno(), "setns")
