"""A connection for prepared statements, driven with as little ado as libpq allows.

psycopg makes the connection; from then on the event loop reads its socket all the time and
hands what comes to libpq, in pipeline mode. Waiting as psycopg does costs a statement two
calls of epoll and some thirty Python frames; and a connection that is lost while nobody
waits is known to be lost. What is asked while an answer is awaited is sent at once: the
server goes on with it as soon as it is done with what came before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeAlias

import psycopg
from psycopg import errors, pq
from psycopg.pq.abc import PGresult

Step: TypeAlias = tuple[bytes, Sequence[bytes]]  # a statement's name, its values in binary
Run: TypeAlias = Callable[..., Awaitable[list[PGresult]]]  # of steps

_DONE = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})
_SYNC = pq.ExecStatus.PIPELINE_SYNC
_BINARY = pq.Format.BINARY


class Pipeline:
    """One connection of one process; what it runs at once is one transaction."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[Any, ...]]) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._libpq = connection.pgconn
        self._socket = connection.fileno()
        self._results: list[PGresult] = []
        self._answers: deque[asyncio.Future[list[PGresult]]] = deque()
        self._taken = asyncio.Lock()  # by a transaction of several round trips
        self.closed = False  # or lost
        self._libpq.enter_pipeline_mode()
        self._loop.add_reader(self._socket, self._on_readable)

    @classmethod
    async def opened(
        cls, conninfo: str, statements: Mapping[bytes, bytes], *, within_seconds: float
    ) -> Pipeline:
        """A connection that knows these statements by these names.

        `TimeoutError` or `OperationalError` when the time is over.
        """
        async with asyncio.timeout(within_seconds):
            connection = await psycopg.AsyncConnection[tuple[Any, ...]].connect(
                conninfo, autocommit=True
            )
        pipeline = cls(connection)
        try:
            with pipeline.closed_after(within_seconds):
                await pipeline._prepare(statements)
        except psycopg.Error:
            pipeline.close()
            raise
        return pipeline

    async def run(self, *steps: Step) -> list[PGresult]:
        """The result of each step, in binary; they are one transaction, which is committed.

        One round trip. Raises `psycopg.Error`; the connection is good for more unless
        `closed`. Sent before this coroutine first waits, unless another `taken` it.
        """
        if self._taken.locked():
            await self.free()
        return await self._run(*steps)

    async def free(self) -> None:
        """Nobody has the connection to themselves; so it is until the caller next waits."""
        while self._taken.locked():
            async with self._taken:
                pass

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[Run]:
        """To run a transaction of several round trips by what is given; others wait."""
        async with self._taken:
            while self._answers:
                await asyncio.wait({self._answers[-1]})
            yield self._run

    async def _run(self, *steps: Step) -> list[PGresult]:
        for name, values in steps:
            formats = (_BINARY,) * len(values)
            self._libpq.send_query_prepared(name, values, formats, _BINARY)
        return await self._answered()

    def close(self) -> None:
        """Let go of the connection, whatever it is waiting for."""
        self._lose(errors.OperationalError("the connection was closed"))

    @contextmanager
    def closed_after(self, seconds: float) -> Iterator[None]:
        """It is closed if the block lasts longer, however the server hangs."""
        timer = self._loop.call_later(seconds, self.close)
        try:
            yield
        finally:
            timer.cancel()

    async def _prepare(self, statements: Mapping[bytes, bytes]) -> None:
        for name, statement in statements.items():
            self._libpq.send_prepare(name, statement)
        await self._answered()

    async def _answered(self) -> list[PGresult]:
        """Send what was prepared to be sent; its results, if all of them are good."""
        self._libpq.pipeline_sync()
        self._flush()
        answer: asyncio.Future[list[PGresult]] = self._loop.create_future()
        self._answers.append(answer)
        try:
            results = await answer
        except asyncio.CancelledError:
            self.close()  # what comes now would be taken for the next answer
            raise
        for result in results:
            if result.status not in _DONE:
                raise _error_of(result)
        return results

    def _flush(self) -> None:
        """Send what the socket takes, the rest when it takes more."""
        if self._libpq.flush():
            self._loop.add_writer(self._socket, self._on_writable)

    def _on_writable(self) -> None:
        self._loop.remove_writer(self._socket)
        try:
            self._flush()
        except psycopg.Error as error:
            self._lose(error)

    def _on_readable(self) -> None:
        expected = len(self._answers)
        try:
            self._read()
            # After an error of the socket libuv calls once and never again: what the server
            # said last is read now, and behind it stands the end.
            if len(self._answers) == expected:
                self._read()
        except psycopg.Error as error:
            self._lose(error)

    def _read(self) -> None:
        libpq = self._libpq
        libpq.consume_input()
        while self._answers and not libpq.is_busy():
            self._take(libpq.get_result())

    def _take(self, result: PGresult | None) -> None:
        if result is None:  # between two statements
            return
        if result.status != _SYNC:
            self._results.append(result)
            return
        answer = self._answers.popleft()
        results, self._results = self._results, []
        if not answer.done():
            answer.set_result(results)

    def _lose(self, error: psycopg.Error) -> None:
        answers, self._answers = self._answers, deque()
        if not self.closed:
            self.closed = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
            self._libpq.finish()
        for answer in answers:
            if not answer.done():
                answer.set_exception(error)


def _error_of(result: PGresult) -> psycopg.Error:
    """The server's error as psycopg would raise it, with its `sqlstate`."""
    return errors.error_from_result(result)
