"""Rebuilds views in several processes, all of them started, heard and ended here.

A process gets its order on its standard input, which stays open for as long as we are
there: when we end, however we do, it ends too. Ctrl-C is for us: each has a session of its
own, and is told to leave it. If one of them fails, the others leave their work as well;
views that were replaced by then are as their logs say, and the others as they were.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread

import orjson

from adapters.parking import EventIsPoison
from adapters.postgres.view_copy import Difference
from adapters.rebuilds import worker
from adapters.rebuilds.together import Progress
from adapters.supervisor.programs import bare_environment
from domain.errors import Unavailable

LEAVE_SECONDS = 5.0
LEAVE_IT = b"leave it\n"

Lines = SimpleQueue[tuple["_Share", bytes]]  # and whose; an empty one is the last


def rebuild_in_processes(
    url: str, shares: Sequence[Sequence[str]], *, check: bool, progress: Progress
) -> dict[str, Difference]:
    """What `rebuild_together` answers for all of the shares, each in a process of its own.

    Raises what that does, and `Unavailable` if a process ends before its work does. No
    process is left.
    """
    lines: Lines = SimpleQueue()
    begun: list[_Share] = []
    try:
        for views in shares:
            order = worker.Order(url=url, views=list(views), check=check)
            begun.append(_Share(order, lines))
        while any(share.found is None for share in begun):
            share, line = lines.get()
            share.hear(line)
            if all(one.total is not None for one in begun):
                progress(
                    sum(one.done for one in begun), sum(one.total or 0 for one in begun)
                )
    finally:
        for share in begun:
            share.leave()
        for share in begun:
            share.end()
    return {view: one for share in begun for view, one in (share.found or {}).items()}


class _Share:
    """Some views, the process that rebuilds them, and how far it is."""

    def __init__(self, order: worker.Order, lines: Lines) -> None:
        self.done = 0
        self.total: int | None = None  # it has not looked yet
        self.found: dict[str, Difference] | None = None
        self._views = ", ".join(order.views)
        self._process = subprocess.Popen(  # noqa: S603  # ourselves
            (sys.executable, "-P", "-m", worker.__name__),
            env=bare_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._write(orjson.dumps(order) + b"\n")
        self._listener = Thread(target=self._listen, args=(lines,), daemon=True)
        self._listener.start()

    def hear(self, line: bytes) -> None:
        """What it told is known; what failed there is raised here."""
        if not line:
            self._hear_the_end()
            return
        told = worker.READ_TOLD.validate_json(line)
        if told.poison is not None:
            raise EventIsPoison(told.poison)
        if told.failed is not None:
            raise worker.KINDS[told.failed](told.why)
        if told.found is None:
            self.done, self.total = told.done, told.total
        self.found = told.found

    def leave(self) -> None:
        """It is told to leave its work, unless it has ended."""
        self._write(LEAVE_IT)

    def end(self) -> None:
        """It has ended: by itself in a few seconds, or killed."""
        try:
            self._process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # a transaction that is cut off has changed nothing
            self._process.wait()
        self._listener.join()
        for end in (self._process.stdin, self._process.stdout):
            assert end is not None
            end.close()

    def _hear_the_end(self) -> None:
        if self.found is None:
            code = self._process.wait()
            how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
            msg = f"The process that rebuilt {self._views} {how}: run it again."
            raise Unavailable(msg)

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # how it ended is heard at the other end
            os.write(self._process.stdin.fileno(), line)

    def _listen(self, lines: Lines) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            lines.put((self, line))
        lines.put((self, b""))
