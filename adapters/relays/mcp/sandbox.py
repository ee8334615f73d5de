"""Where an MCP server runs: whose it is, what it finds, and that nothing of it remains.

As root each server has a user of its own, a number that no account has, so that servers of
two teams cannot look into each other; when it ends, all that this user still runs is
killed. As anybody else Landlock keeps them apart, and where there is none no server is run.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.relays.mcp import launcher
from domain.errors import Conflict, Unavailable
from domain.plugin_launch import COMMANDS, Started

FOLDERS = "clawbot-mcp-"
FIRST_UID = 1_900_000_000
MOST_USERS = 10_000
READABLE = (
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/opt", "/etc", "/proc", "/sys/fs/cgroup",
    "/run/systemd/resolve",
)  # fmt: skip
LARGEST_MESSAGE = 8 * 1024 * 1024
MEBIBYTE = 1024 * 1024
LIMITS: Mapping[str, int] = {
    "DATA": 1024 * MEBIBYTE,  # of each of its processes
    "FSIZE": 256 * MEBIBYTE,
    "NOFILE": 1024,
    "CPU": 3600,  # seconds
    "CORE": 0,
}
PROCESSES = 256  # of a user of its own; another's would be counted with all that it runs
REAP_SECONDS = 10.0


class NotIsolated(Conflict):
    """Nothing keeps a plugin apart here: run as root, or on a kernel with Landlock."""

    code = "plugins-cannot-be-isolated"


class CommandMissing(Unavailable):
    """The program that starts the plugin is not installed on the manager's machine."""

    code = "plugin-command-missing"


@dataclass(frozen=True, kw_only=True)
class Running:
    """A server's process, its user and its folder."""

    process: asyncio.subprocess.Process
    uid: int
    folder: Path


class Sandbox:
    """Starts servers and clears up after them; lives in one event loop."""

    def __init__(
        self,
        *,
        programs: str,
        readable: Sequence[str] = (),
        limits: Mapping[str, int] = LIMITS,
        guard: Callable[[], None] = lambda: None,
    ) -> None:
        """`programs` is a PATH; `readable` are folders beside the system's own.

        `guard` is called before each start; what it raises keeps the server from starting.
        """
        self._programs = programs
        self._readable = (*READABLE, *readable)
        self._limits = limits
        self._guard = guard
        self._users: dict[int, socket.socket] = {}

    async def start(self, started: Started) -> Running:
        """The server runs; `NotIsolated`, `CommandMissing`, `Unavailable`."""
        if os.geteuid() != 0 and not launcher.landlock_version():
            raise NotIsolated
        program = shutil.which(started.command, path=self._programs)
        if started.command not in COMMANDS or program is None:
            raise CommandMissing
        await asyncio.to_thread(self._guard)
        uid, folder = self._own_uid(), Path(tempfile.mkdtemp(prefix=FOLDERS))
        try:
            await self._reap(uid)  # what a manager that was killed has left
            if uid in self._users:
                await asyncio.to_thread(_remove_folders_of, uid)
            if uid != os.geteuid():
                os.chown(folder, uid, uid)
            process = await self._spawned([program, *started.args], started, uid, folder)
        except OSError as error:
            await self._clear(uid, folder)
            msg = "the plugin's server could not be started"
            raise Unavailable(msg) from error
        except BaseException:
            await self._clear(uid, folder)
            raise
        return Running(process=process, uid=uid, folder=folder)

    async def end(self, running: Running) -> None:
        """The server is gone, with all that it has started, and so is its folder."""
        if running.process.returncode is None:
            running.process.kill()
        with suppress(ProcessLookupError):  # nothing of its session is left
            os.killpg(running.process.pid, signal.SIGKILL)
        # First all of its user's processes: the pipes of one that still runs are open, and
        # asyncio waits for them.
        await self._clear(running.uid, running.folder)
        with suppress(TimeoutError):
            async with asyncio.timeout(REAP_SECONDS):
                await running.process.wait()

    async def _spawned(
        self, command: Sequence[str], started: Started, uid: int, folder: Path
    ) -> asyncio.subprocess.Process:
        own = uid != os.geteuid()
        told = {
            "parent": os.getpid(),
            "uid": uid,
            "gid": uid if own else os.getegid(),
            "folder": str(folder),
            "limits": {**self._limits, **({"NPROC": PROCESSES} if own else {})},
            "readable": self._readable,
            "command": command,
        }
        process = await asyncio.create_subprocess_exec(
            *_launcher(told),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,  # it may hold what no log of ours may
            limit=LARGEST_MESSAGE,
            env={},
            cwd="/",
            start_new_session=True,
        )
        if process.stdin is not None:  # first what no list of processes may show
            told = {**_environment(self._programs, folder), **started.env}
            environment = json.dumps(told).encode()
            process.stdin.write(len(environment).to_bytes(4, "big") + environment)
        return process

    def _own_uid(self) -> int:
        """A user that no account, no other server and no other manager here has."""
        if os.geteuid() != 0:
            return os.geteuid()
        for uid in range(FIRST_UID, FIRST_UID + MOST_USERS):
            taken = None if _is_an_account(uid) else _taken(uid)
            if taken is not None:
                self._users[uid] = taken
                return uid
        raise NotIsolated

    async def _clear(self, uid: int, folder: Path) -> None:
        try:
            await self._reap(uid)
        finally:
            taken = self._users.pop(uid, None)
            if taken is not None:
                taken.close()
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _reap(self, uid: int) -> None:
        """No process of that user is left, if it is one that only a server can have."""
        if uid not in self._users:
            return
        reaper = await asyncio.create_subprocess_exec(
            *_launcher({"reap": uid}),
            env={},
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        await reaper.wait()


def _launcher(told: Mapping[str, object]) -> list[str]:
    return [sys.executable, "-I", "-S", launcher.__file__, json.dumps(told)]


def _environment(programs: str, folder: Path) -> dict[str, str]:
    place = str(folder)
    return {
        "PATH": programs,
        "HOME": place,
        "TMPDIR": place,
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "npm_config_update_notifier": "false",
        "npm_config_fund": "false",
    }


def _remove_folders_of(uid: int) -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDERS}*"):
        with suppress(FileNotFoundError):
            if folder.lstat().st_uid == uid:
                shutil.rmtree(folder, ignore_errors=True)


def _taken(uid: int) -> socket.socket | None:
    """The user is ours while this socket is open, which ends with us at the latest."""
    taken = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        taken.bind(f"\0clawbot-plugin-user-{uid}")
    except OSError:
        taken.close()
        return None
    return taken


def _is_an_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
