"""The `worker` process: does the jobs that policies and the sweeper ask for, and looks
after the containers of bots.

What is under way when it is told to stop is finished first. A worker that is killed leaves
its jobs to another one, or to itself after its next start; so with its bots.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from dramatiq import Worker

from adapters.bootstrap.jobs import worker_parts
from adapters.settings import Settings
from adapters.stopping import told_to_stop
from domain.errors import Unavailable

THREADS = 4
STOP_MS = 80_000  # longer than a job takes
RETRY_SECONDS = 1.0
LOOK_SECONDS = 1.0  # whether the loop is still at work

log = logging.getLogger(__name__)


def run(settings: Settings, url: str) -> None:
    """Work until SIGTERM or SIGINT; `BadSetup` if that is impossible."""
    work(settings, url, told_to_stop())


def work(settings: Settings, url: str, stop: threading.Event) -> None:
    """Work until `stop` is set; a database that is away at the start is waited for."""
    while not stop.is_set():
        try:
            with worker_parts(settings, url, over=stop) as parts:
                worker = Worker(parts.broker, worker_threads=THREADS)
                with _in_a_thread(parts.fleet.loop.run, over=stop) as looking:
                    worker.start()
                    log.info("worker.started")
                    while not stop.wait(LOOK_SECONDS) and not looking.done():
                        pass
                    stop.set()
                    worker.stop(timeout=STOP_MS)
                looking.result()  # a bug in it is not waited out
                log.info("worker.stopped")
        except Unavailable as error:
            log.warning("worker.waits", extra={"error": str(error)})
            stop.wait(RETRY_SECONDS)


@contextmanager
def _in_a_thread(
    act: Callable[[], None], *, over: threading.Event
) -> Iterator[Future[None]]:
    with ThreadPoolExecutor(1, thread_name_prefix="reconciler") as threads:
        try:
            yield threads.submit(act)
        finally:
            over.set()
