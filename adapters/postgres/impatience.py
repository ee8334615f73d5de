"""A time limit for statements that holds even when the server hangs.

psycopg answers a cancelled task by asking the server, on a new connection, to cancel the
statement, and waits for that: a server that hangs then holds up the caller for 10 s and
more. So the connection is cut instead, which ends the wait at once, with an
`OperationalError`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol

import psycopg


class Wired(Protocol):
    """A connection, as far as it can be cut."""

    def fileno(self) -> int:
        """Its socket; `OperationalError` if there is none any more."""


@contextmanager
def cut_after(seconds: float, connection: Wired) -> Iterator[None]:
    """The connection is cut if the block lasts longer."""
    timer = asyncio.get_running_loop().call_later(seconds, cut, connection)
    try:
        yield
    finally:
        timer.cancel()


def cut(connection: Wired) -> None:
    """Whoever waits for the connection hears that it is lost."""
    with (
        suppress(psycopg.OperationalError, OSError),  # it is gone already
        socket.socket(fileno=os.dup(connection.fileno())) as wire,
    ):
        wire.shutdown(socket.SHUT_RDWR)
