"""The one door to the write side: a command and its caller in, its result out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

from application.event_log import Caller, acting
from application.ports import UnitOfWork
from domain.errors import ConcurrentChange

Result_co = TypeVar("Result_co", covariant=True)

ATTEMPTS = 5

log = logging.getLogger(__name__)


class Command(Generic[Result_co]):
    """A request that may be refused, named in the imperative."""


class Bus:
    """Finds the handler of a command and runs it in one unit of work.

    If another writer was first, all is rolled back and the handler runs again, up to
    `ATTEMPTS` times in all; then `ConcurrentChange` reaches the caller.
    """

    def __init__(self, unit_of_work: UnitOfWork) -> None:
        self._unit_of_work = unit_of_work
        self._handlers: dict[type[Command[Any]], Callable[[Any], Any]] = {}

    def register(
        self, command: type[Command[Result_co]], handler: Callable[[Any], Result_co]
    ) -> None:
        """From now on this handler answers commands of that type."""
        self._handlers[command] = handler

    def handle(self, command: Command[Result_co], *, by: Caller) -> Result_co:
        """Carry the command out; what it recorded is committed when this returns."""
        handler = self._handlers[type(command)]
        started = time.monotonic()
        with acting(by):
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    with self._unit_of_work():
                        result = cast("Result_co", handler(command))
                except ConcurrentChange:
                    if attempt == ATTEMPTS:
                        raise
                    continue
                log.info(
                    "command.handled",
                    extra={
                        "command": type(command).__name__,
                        "actor": by.actor,
                        "correlation_id": by.correlation_id,
                        "attempt": attempt,
                        "duration_ms": round((time.monotonic() - started) * 1000),
                    },
                )
                return result
        raise ConcurrentChange(type(command).__name__)
