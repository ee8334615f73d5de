"""Webhooks get their turns in threads of their own, as they were rung for.

An address may take ten seconds to take each message, and a team may name fifty: they hold
up one another, and never a key's check or a look at a bot.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import UUID

from domain.errors import ConcurrentChange, Unavailable

THREADS = 8

log = logging.getLogger(__name__)


class WebhookTurns:
    """Remembers whose turn is to come; what it forgets at its end is rung for again."""

    def __init__(
        self, deliver: Callable[[UUID], None], threads: ThreadPoolExecutor
    ) -> None:
        self._deliver = deliver
        self._threads = threads
        self._lock = threading.Lock()
        self._waiting = set[UUID]()

    def ask(self, webhook_id: UUID) -> None:
        """The webhook gets a turn; one that waits for its turn gets no second one."""
        with self._lock:
            if webhook_id in self._waiting:
                return
            self._waiting.add(webhook_id)
        self._threads.submit(self._turn, webhook_id)

    def _turn(self, webhook_id: UUID) -> None:
        with self._lock:
            self._waiting.discard(webhook_id)
        try:
            self._deliver(webhook_id)
        except (Unavailable, ConcurrentChange) as error:  # what is due is rung for again
            extra = {"webhook_id": webhook_id, "error": str(error)}
            log.warning("webhook.waits", extra=extra)
        except Exception:
            log.exception("webhook.failed", extra={"webhook_id": webhook_id})


@contextmanager
def webhook_turns(deliver: Callable[[UUID], None]) -> Iterator[WebhookTurns]:
    """Turns until the block ends; those under way are finished, and no other begins."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
    try:
        yield WebhookTurns(deliver, threads)
    finally:
        threads.shutdown(cancel_futures=True)
