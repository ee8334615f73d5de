"""A task that waits for an answer, until its client has been gone for too long."""

from __future__ import annotations

import asyncio
import time

from proxy.client import Client


class Waiting:
    """Gives the current task up some time after its client has left; costs nothing before.

    It is over with `stop`; a task that was cancelled asks `given_up` whether it was this.
    """

    __slots__ = ("_client", "_loop", "_over", "_seconds", "_task", "_timer")

    def __init__(
        self, client: Client, seconds: float, loop: asyncio.AbstractEventLoop
    ) -> None:
        """`loop`: the one that runs; to ask for it is a system call."""
        self._client = client
        self._seconds = seconds
        self._loop = loop
        self._task = asyncio.current_task(loop)
        self._timer: asyncio.TimerHandle | None = None
        self._over = False
        client.when_left(self._begin)

    def stop(self) -> None:
        """The answer is there, or something else is wrong."""
        self._client.when_left(None)
        if self._timer is not None:
            self._timer.cancel()

    def given_up(self) -> bool:
        """Whether the task was cancelled for this and nothing else; it can go on then."""
        return self._over and self._task is not None and self._task.uncancel() == 0

    def _begin(self) -> None:
        left = self._client.left_at + self._seconds - time.monotonic()
        self._timer = self._loop.call_later(max(0, left), self._give_up)

    def _give_up(self) -> None:
        self._over = True
        if self._task is not None:
            self._task.cancel()
