"""One place where counts are kept: how long it is waited for, and whether it answers.

Whoever asks waits for `patience` seconds at most, whatever hangs: the asking is done by
threads of our own. A place that did not answer is away. It is not asked any more, but
looked at once a second, by a thread that nobody waits for, and is used again when it
answers.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from typing import TypeVar

from limits.errors import StorageError
from limits.storage import Storage

from adapters.rates.window import Window
from application.rates import Rate
from application.readiness import Dependency

LOOK_EVERY_SECONDS = 1.0
LOOK_PATIENCE_SECONDS = 1.0

Found = TypeVar("Found")

log = logging.getLogger(__name__)


class KeeperAway(Exception):
    """It did not answer."""


def _nothing() -> None:
    return


class Keeper:
    """Counts in a storage that may be away; the storage has to wrap its exceptions."""

    def __init__(  # noqa: PLR0913 - two of them let go of the storage
        self,
        name: str,
        storage: Storage,
        *,
        patience: float,
        threads: int,
        close: Callable[[], None],
        interrupt: Callable[[], None] = _nothing,
    ) -> None:
        """`interrupt` frees a thread that waits for the storage; any thread may ask it."""
        self._close = close
        self.name = name
        self._storage = storage
        self._window = Window(storage)
        self._patience = patience
        self._interrupt = interrupt
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix=f"rates-{name}")
        self._lock = threading.Lock()
        self._away = False
        self._look_at = 0.0  # monotonic

    def hit(self, rate: Rate, who: str, cost: int) -> float | None:
        """As `Window.hit`; `KeeperAway` if it does not answer, or did not lately."""
        if self._away:
            self._look_now_and_then()
            raise KeeperAway
        try:
            return self._within(self._patience, lambda: self._window.hit(rate, who, cost))
        except KeeperAway:
            self._found(answers=False)
            raise

    def look(self) -> Dependency:
        """Whether it answers now; nothing depends on it."""
        try:
            answers = self._within(LOOK_PATIENCE_SECONDS, self._look)
        except KeeperAway:
            answers = False
            self._found(answers=False)
        return Dependency(name=self.name, ready=answers, needed=False)

    def close(self) -> None:
        """Its threads end, and its connections."""
        self._interrupt()
        self._threads.shutdown(cancel_futures=True)
        self._close()

    def _within(self, seconds: float, ask: Callable[[], Found]) -> Found:
        asked: Future[Found] = self._threads.submit(ask)
        try:
            return asked.result(seconds)
        except TimeoutError as error:
            if not asked.cancel():
                self._interrupt()
            raise KeeperAway from error
        except (StorageError, CancelledError) as error:
            raise KeeperAway from error

    def _look_now_and_then(self) -> None:
        with self._lock:
            now = time.monotonic()
            if now < self._look_at:
                return
            self._look_at = now + LOOK_EVERY_SECONDS
        self._threads.submit(self._look)

    def _look(self) -> bool:
        answers = self._storage.check()
        self._found(answers=answers)
        return answers

    def _found(self, *, answers: bool) -> None:
        with self._lock:
            self._look_at = time.monotonic() + LOOK_EVERY_SECONDS
            if self._away is not answers:
                return
            self._away = not answers
        event = "rates.keeper_back" if answers else "rates.keeper_away"
        log.log(
            logging.INFO if answers else logging.WARNING, event, extra={"keeper": self.name}
        )
