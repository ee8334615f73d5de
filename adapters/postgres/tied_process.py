"""Programs that end when we do, even when we end by `kill -9`.

Linux sends a child a signal of its choice when its parent dies (PR_SET_PDEATHSIG,
prctl(2)). Three traps shape this file: a change of user clears the wish, so it is made
after it; no Python may run between fork and exec in a process with threads, so a small
interpreter (this very file, run as a script) does all that and then becomes the program;
and "parent" means the *thread* that forked, so a thread stays with the child to its end.

Run as a script this file sees the standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from subprocess import DEVNULL, Popen
from threading import Thread

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tied(command: Sequence[str], *, ids: tuple[int, int]) -> list[str]:
    """The command as that user; it gets SIGINT when the thread that runs it ends."""
    uid, gid = ids
    launcher = [sys.executable, "-I", "-S", __file__]
    return [*launcher, str(os.getpid()), str(uid), str(gid), *command]


class TiedProcess:
    """A running program in a session of its own, and the thread that stays with it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        ids: tuple[int, int],
        env: Mapping[str, str],
        log: int,
    ) -> None:
        """The program runs, its output going to the file descriptor `log`."""
        self._begun: Future[Popen[bytes]] = Future()
        self._command, self._env, self._log = tied(command, ids=ids), env, log
        # daemon: at our exit nobody waits for the program; it is told by the kernel
        self._keeper = Thread(target=self._keep, name="tied-process", daemon=True)
        self._keeper.start()
        self._process = self._begun.result()

    def _keep(self) -> None:
        try:
            process = Popen(  # noqa: S603 - our own launcher and a program of the installation
                self._command,
                env=self._env,
                stdin=DEVNULL,
                stdout=self._log,
                stderr=self._log,
                start_new_session=True,
                cwd="/",  # ours may be closed to the program's user
            )
        except OSError as error:
            self._begun.set_exception(error)
            return
        self._begun.set_result(process)
        process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._keeper.is_alive()

    @property
    def exit_code(self) -> int | None:
        """How it ended: below zero by that signal; None while it runs."""
        return None if self.alive else self._process.returncode

    def end(self, number: signal.Signals, *, seconds: float) -> bool:
        """The signal is sent; answers whether the program ended within the seconds."""
        self._process.send_signal(number)
        self._keeper.join(seconds)
        return not self.alive


def _become(parent: int, uid: int, gid: int, command: list[str]) -> None:
    if os.geteuid() != uid:
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGINT), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:
        sys.exit("the parent was gone before the program began")
    os.umask(0o077)
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
