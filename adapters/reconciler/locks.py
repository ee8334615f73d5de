"""Locks on bots, so that two workers never act on one bot at once.

Advisory locks of one session, on a connection of its own: a worker that is killed loses
them with its connection, a worker whose machine is gone within seconds. Who lost its locks
without noticing does no harm for long: an engine has one container of a name, and the next
look corrects what was done twice.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from adapters.postgres.database import connection_info
from domain.errors import Unavailable

BOTS = 0x626F7473  # "bots": the first half of a key, known to nothing else
KEEPALIVE = ("idle = 2", "interval = 1", "count = 3")

Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresBotLocks:
    """Plays `BotLocks`; safe to use from threads."""

    def __init__(self, url: str, *, role: str) -> None:
        self._info = connection_info(url, role=role)
        self._connection: Connection | None = None
        self._held: set[UUID] = set()
        self._guard = threading.Lock()

    @contextmanager
    def holding(self, bot_id: UUID) -> Iterator[bool]:
        """Whether the bot is ours until the end of the block; `Unavailable`."""
        # The session may lock twice what it holds already, so threads are kept apart here.
        with self._guard:
            is_free = bot_id not in self._held
            self._held.add(bot_id)
        if not is_free:
            yield False
            return
        try:
            is_ours = self._ask("SELECT pg_try_advisory_lock(%s, %s)", bot_id)
            try:
                yield is_ours
            finally:
                if is_ours:
                    self._give_back(bot_id)
        finally:
            with self._guard:
                self._held.discard(bot_id)

    def close(self) -> None:
        """Every lock is free."""
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _give_back(self, bot_id: UUID) -> None:
        try:
            self._ask("SELECT pg_advisory_unlock(%s, %s)", bot_id)
        except Unavailable:
            return  # it went with the connection

    def _ask(self, statement: str, bot_id: UUID) -> bool:
        key = int.from_bytes(bot_id.bytes[-4:], signed=True)
        try:
            with self._guard:
                connection = self._connected()
            row = connection.execute(statement.encode(), (BOTS, key)).fetchone()
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            msg = "the database does not answer"
            raise Unavailable(msg) from error
        return row == (True,)

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.Connection[tuple[Any, ...]].connect(
                self._info, autocommit=True
            )
            for setting in KEEPALIVE:
                self._connection.execute(f"SET tcp_keepalives_{setting}".encode())
        return self._connection
