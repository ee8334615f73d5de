"""The lease under which a process admits calls, renewed by the database's clock.

Its row tells the reaper how long the process is alive (`ends_at`), and the position from
which on all its open calls are found (`open_since`), so that opening and closing a call
costs no row of its own.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from uuid import UUID

import psycopg

from adapters.postgres.impatience import cut_after

log = logging.getLogger(__name__)

LEASE_SECONDS = 10.0
RENEW_SECONDS = 2.5
RETRY_SECONDS = 0.2
STATEMENT_SECONDS = 2.0

RENEW = """
INSERT INTO call_lease (process_id, ends_at, open_since)
VALUES (%(process)s, now() + make_interval(secs => %(seconds)s),
        COALESCE(%(since)s, (SELECT max(notification_id) FROM calls_events), 0))
ON CONFLICT (process_id) DO UPDATE
SET ends_at = excluded.ends_at, open_since = COALESCE(%(since)s, call_lease.open_since)
"""


class CallLease:
    """One process's lease, and what it knows of its open calls."""

    def __init__(self, conninfo: str, process_id: UUID) -> None:
        self._conninfo = conninfo
        self._process_id = process_id
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None
        # Call -> position of its admission. By number: a UUID is hashed by Python code.
        self._open: dict[int, int] = {}
        self._doubts: dict[UUID, int] = {}  # call -> position before its admission
        self._last: int | None = None
        self._now = asyncio.Event()

    def wrote(self, call_id: UUID, position: int, *, opens: bool) -> None:
        """An event of the call is in the log, and opens or ends it."""
        self._last = position
        if opens:
            self._open[call_id.int] = position
        else:
            self._open.pop(call_id.int, None)

    def passed(self, position: int) -> None:
        """An event of a call that stays open is in the log."""
        self._last = position

    def ended(self, call_id: UUID) -> None:
        """The call has its end, whoever wrote it."""
        self._open.pop(call_id.int, None)

    @property
    def open_calls(self) -> int:
        """How many calls of ours have no end yet."""
        return len(self._open)

    @property
    def last_position(self) -> int:
        """The last one that this process wrote; what it writes next comes behind it."""
        return self._last or 0

    def doubt(self, call_id: UUID, before: int) -> None:
        """Perhaps the call's admission is in the log, behind the position `before`."""
        self._doubts[call_id] = before

    def settled_doubt(self, call_id: UUID) -> None:
        """It is known by now, and the call has its end."""
        self._doubts.pop(call_id, None)

    def open_since(self) -> int | None:
        """A position that no open call of ours is before; None: nothing written so far.

        What is on its way now comes behind the last position written, since one writer
        writes batch after batch.
        """
        marks = [*self._open.values(), *self._doubts.values()]
        return min(marks, default=self._last)

    def renew_now(self) -> None:
        """Do not wait for the next turn: an admission was not taken."""
        self._now.set()

    async def keep(self) -> None:
        """Renew until cancelled; while the database is away, try often."""
        while True:
            try:
                async with asyncio.timeout(STATEMENT_SECONDS):
                    connection = await self._connected()
                values = {
                    "process": self._process_id,
                    "seconds": LEASE_SECONDS,
                    "since": self.open_since(),
                }
                with cut_after(STATEMENT_SECONDS, connection):
                    await connection.execute(RENEW, values)
                pause = RENEW_SECONDS
            except (psycopg.Error, TimeoutError, OSError) as error:
                log.warning("lease.not_renewed", extra={"error": repr(error)})
                await self.close()
                pause = RETRY_SECONDS
            self._now.clear()
            try:
                async with asyncio.timeout(pause):
                    await self._now.wait()
            except TimeoutError:
                continue

    async def _connected(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = await psycopg.AsyncConnection[tuple[Any, ...]].connect(
                self._conninfo, autocommit=True
            )
        return self._connection

    async def close(self) -> None:
        """Drop the connection; the next statement makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
