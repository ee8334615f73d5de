"""A manager that is killed leaves no server behind; the next one clears what is left."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.journeys.proxy_process import ROOT, until

MANAGER = """
import asyncio, sys
from adapters.relays.mcp.sandbox import Sandbox
from domain.plugin_launch import Started

async def main():
    sandbox = Sandbox(programs="/usr/bin:/bin", readable=("/",))
    begun = Started(command="python3", args=("-c", sys.argv[1]), env={})
    running = await sandbox.start(begun)
    text = await running.process.stdout.readline()
    print(running.process.pid, running.folder, text.decode(), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
SERVER = """
import os, subprocess, time
apart = os.getuid() != {uid}
child = subprocess.Popen(["/bin/sleep", "20"], start_new_session=apart)
print(child.pid, flush=True)
time.sleep(20)
"""


def manager() -> tuple[subprocess.Popen[str], int, Path, int]:
    """A manager, its server with its folder, and what that has started."""
    server = SERVER.format(uid=os.geteuid() or -1)
    running = subprocess.Popen(
        [sys.executable, "-c", MANAGER, server],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
    )
    assert running.stdout is not None
    pid, folder, child = running.stdout.readline().split()
    return running, int(pid), Path(folder), int(child)


def test_a_server_ends_with_a_manager_that_is_killed_and_the_rest_with_the_next() -> None:
    first, server, folder, child = manager()
    with first:
        first.kill()
    until(lambda: not lives(server), seconds=5)
    second, _, own, _ = manager()
    with second:
        second.kill()
    if os.geteuid() == 0:
        until(lambda: not lives(child), seconds=5)
        # Whoever took over its user removes it a moment later: another test's manager may.
        until(lambda: not folder.exists(), seconds=5)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(own)


def lives(pid: int) -> bool:
    """Whether that process runs; one that nobody has asked after yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
