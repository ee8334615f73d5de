"""The loop of one engine: looks at the start, every 15 s, when asked and when it stirs.

One thread looks, several act, and one feels the engine's pulse: one that hangs is noticed
as soon as its time limit allows. An engine that does not answer is asked again every few
seconds, and its bots are `unknown` meanwhile; once it is back, all are looked at.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import UUID

from adapters.reconciler.due import DueBots
from application.engines import Engine, EngineUnavailable
from application.reconciling import Look, Reconciler
from domain.errors import ConcurrentChange, Unavailable

PASS_SECONDS = 15.0
RETRY_SECONDS = 1.0
PULSE_SECONDS = 3.0  # with the engine's time limit of 20 s, what hangs is told within 30
AWAY_SECONDS = 4.0  # between two questions to an engine that does not answer
BREATH_SECONDS = 0.05  # between two looks, so that what stirs together is seen at once
FAULT_SECONDS = 15.0
STOP_SECONDS = 1.0  # until it is noticed that we are told to stop
THREADS = 12

log = logging.getLogger(__name__)


class ReconcilerLoop:
    """Keeps a reconciler going until `stop` is set."""

    def __init__(
        self,
        reconciler: Reconciler,
        engine: Engine,
        *,
        stop: threading.Event,
        pass_seconds: float = PASS_SECONDS,
    ) -> None:
        self._reconciler = reconciler
        self._engine = engine
        self._stop = stop
        self._pass_seconds = pass_seconds
        self._due = DueBots()
        self._wake = threading.Event()
        self._answers = threading.Event()  # the engine did, when it was last asked
        self._excused = (
            True  # what ended since the last pass may have ended with the engine
        )
        self._next_pass = 0.0

    def ask(self, bot_id: UUID) -> None:
        """The bot is looked at soon."""
        self._due.ask(bot_id)
        self._wake.set()

    def run(self) -> None:
        """Work until told to stop; what is in hand then is finished."""
        for name, beside in (("events", self._listen), ("pulse", self._feel_pulse)):
            threading.Thread(target=beside, daemon=True, name=f"engine-{name}").start()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="bots") as pool:
            try:
                while not self._stop.is_set():
                    self._wake.clear()
                    self._turn(pool)
                    self._stop.wait(BREATH_SECONDS)
                    self._wake.wait(self._pause())
            finally:
                pool.shutdown(cancel_futures=True)

    def _pause(self) -> float:
        due = self._due.next_in() if self._answers.is_set() else None
        until_pass = self._next_pass - time.monotonic()
        pause = until_pass if due is None else min(due, until_pass)
        return min(max(0.0, pause), STOP_SECONDS)

    def _turn(self, pool: ThreadPoolExecutor) -> None:
        """One look, if one is due; whom it is about is given to the threads."""
        try:
            look, bot_ids = self._look()
        except EngineUnavailable as error:
            self._lose_sight(error)
            return
        except Unavailable as error:
            log.warning("reconciler.waits", extra={"error": str(error)})
            self._next_pass = time.monotonic() + RETRY_SECONDS
            self._stop.wait(RETRY_SECONDS)
            return
        for bot_id in self._due.take(bot_ids):
            pool.submit(self._look_after, bot_id, look)

    def _look(self) -> tuple[Look, Sequence[UUID]]:
        if time.monotonic() >= self._next_pass:
            excused, self._excused = self._excused, False
            try:
                look, bot_ids = self._reconciler.look_at_all(forgiven=excused)
            except Unavailable:
                self._excused = True
                raise
            if not self._answers.is_set():
                log.info("engine.answers", extra={"runtime": self._engine.name})
                self._answers.set()
            self._next_pass = time.monotonic() + self._pass_seconds
            return look, bot_ids
        waiting = self._due.waiting()
        if not waiting or not self._answers.is_set():
            return Look(seen={}, known={}), []
        return self._reconciler.look_at(waiting), waiting

    def _look_after(self, bot_id: UUID, look: Look) -> None:
        seconds: float | None = FAULT_SECONDS
        try:
            at = self._reconciler.look_after(bot_id, look)
            seconds = None if at is None else (at - datetime.now(UTC)).total_seconds()
        except EngineUnavailable:
            seconds = None
            self._pass_now()
        except (Unavailable, ConcurrentChange) as error:
            log.warning("bot.waits", extra={"bot_id": bot_id, "error": str(error)})
            seconds = RETRY_SECONDS
        except Exception:
            # A bug that one bot brings to light must not leave the others without care.
            log.exception("bot.look_failed", extra={"bot_id": bot_id})
        finally:
            self._due.put_back(bot_id, seconds=seconds)
            self._wake.set()

    def _lose_sight(self, error: EngineUnavailable) -> None:
        if self._answers.is_set():
            log.warning(
                "engine.away",
                extra={"runtime": self._engine.name, "error": str(error)},
            )
        self._answers.clear()
        self._excused = True
        self._next_pass = time.monotonic() + AWAY_SECONDS
        try:
            self._reconciler.lose_sight()
        except (Unavailable, ConcurrentChange) as other:
            log.warning("reconciler.waits", extra={"error": str(other)})
            self._next_pass = time.monotonic() + RETRY_SECONDS

    def _pass_now(self) -> None:
        self._next_pass = 0.0
        self._wake.set()

    def _feel_pulse(self) -> None:
        while not self._stop.wait(PULSE_SECONDS):
            if not self._answers.is_set():
                continue
            try:
                self._engine.ping()
            except EngineUnavailable as error:
                self._lose_sight(error)

    def _listen(self) -> None:
        """Every bot of whose container something changed is looked at."""
        while not self._stop.is_set():
            if not self._answers.wait(RETRY_SECONDS):
                continue
            try:
                for bot_id in self._engine.events():
                    self.ask(bot_id)
                    if self._stop.is_set():
                        return
            except EngineUnavailable:
                log.info("engine.events_ended", extra={"runtime": self._engine.name})
            self._excused = True
            self._pass_now()
            self._stop.wait(RETRY_SECONDS)
