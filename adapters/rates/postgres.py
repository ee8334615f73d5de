"""The library's storage on PostgreSQL: one row for each key, one statement for each hit.

The database's clock counts, so that the processes' own need not agree. There is one
connection, made when it is first needed and again after it failed; a storage is used by one
thread, and may be interrupted by any.
"""

from __future__ import annotations

import time
from typing import Any, LiteralString

import psycopg
from limits.storage import MovingWindowSupport, SlidingWindowCounterSupport, Storage

from adapters.postgres.database import Connection, connection_info
from adapters.postgres.impatience import cut
from adapters.rates import statements

SWEEP_SECONDS = 60.0


class PostgresStorage(Storage, MovingWindowSupport, SlidingWindowCounterSupport):
    """Counts in the table `request_count`, which a crash of the server empties."""

    base_exceptions = (psycopg.Error,)

    def __init__(self, url: str, *, role: str) -> None:
        super().__init__(wrap_exceptions=True)
        self._info = connection_info(url, role=role)
        self._connection: Connection | None = None
        self._swept = time.monotonic()

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        if amount > limit:  # a first hit is not compared
            return False
        return self._hit(statements.SLIDING, key, limit, expiry, amount)

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        found = self._one(statements.SLIDING_STANDS, key=key, seconds=expiry)
        windows_ago, now, count, before = found or (2, 0.0, 0, 0)
        left = (1 - now % 1) * expiry
        if windows_ago == 0:
            return before, left, count, left + expiry
        return (count if windows_ago == 1 else 0), left, 0, 0.0

    def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002
        self.clear(key)

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return amount <= limit and self._hit(statements.MOVING, key, limit, expiry, amount)

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """The start is told by this process's clock."""
        found = self._one(statements.MOVING_STANDS, key=key, most=limit, seconds=expiry)
        age, count = found or (0.0, 0)
        return time.time() - age, count

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        found = self._one(statements.FIXED, key=key, seconds=expiry, amount=amount)
        assert found is not None, "a fixed window counts whatever comes"
        return int(found[0])

    def get(self, key: str) -> int:
        found = self._one(statements.FIXED_STANDS, key=key)
        return int(found[0]) if found else 0

    def get_expiry(self, key: str) -> float:
        """By this process's clock."""
        found = self._one(statements.FIXED_STANDS, key=key)
        return time.time() + (found[1] if found else 0.0)

    def check(self) -> bool:
        """Whether the database answers, on a new connection if need be."""
        try:
            self._execute(statements.ANSWERS, {})
        except psycopg.Error:
            return False
        return True

    def reset(self) -> int:
        return self._execute(statements.FORGET_ALL, {}).rowcount

    def clear(self, key: str) -> None:
        self._execute(statements.FORGET, {"key": key})

    def interrupt(self) -> None:
        """Whoever waits for the database hears that it is away; from any thread."""
        connection = self._connection
        if connection is not None:
            cut(connection)

    def close(self) -> None:
        """The connection is given back; another is made if it is needed."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _hit(self, statement: LiteralString, key: str, most: int, s: int, n: int) -> bool:
        found = self._one(statement, key=key, most=most, seconds=s, amount=n)
        self._sweep()
        return found is not None

    def _one(self, statement: LiteralString, **values: object) -> tuple[Any, ...] | None:
        return self._execute(statement, values).fetchone()

    def _execute(
        self, statement: LiteralString, values: dict[str, object]
    ) -> psycopg.Cursor[tuple[Any, ...]]:
        if self._connection is None:
            self._connection = psycopg.connect(self._info, autocommit=True)
        try:
            return self._connection.execute(statement, values)
        except (psycopg.OperationalError, psycopg.InterfaceError):
            self.close()
            raise

    def _sweep(self) -> None:
        """Now and then, what counts no more is deleted."""
        if time.monotonic() >= self._swept + SWEEP_SECONDS:
            self._swept = time.monotonic()
            self._execute(statements.SWEEP, {})
