"""The `worker` process: does the jobs that policies and the sweeper ask for.

What is under way when it is told to stop is finished first. A worker that is killed leaves
its jobs to another one, or to itself after its next start.
"""

from __future__ import annotations

import logging
import threading

from dramatiq import Worker

from adapters.bootstrap.jobs import job_broker
from adapters.settings import Settings
from adapters.stopping import told_to_stop
from domain.errors import Unavailable

THREADS = 4
STOP_MS = 80_000  # longer than a job takes
RETRY_SECONDS = 1.0

log = logging.getLogger(__name__)


def run(settings: Settings, url: str) -> None:
    """Work until SIGTERM or SIGINT; `BadSetup` if that is impossible."""
    work(settings, url, told_to_stop())


def work(settings: Settings, url: str, stop: threading.Event) -> None:
    """Work until `stop` is set; a database that is away at the start is waited for."""
    while not stop.is_set():
        try:
            with job_broker(settings, url, over=stop) as broker:
                worker = Worker(broker, worker_threads=THREADS)
                worker.start()
                log.info("worker.started")
                stop.wait()
                worker.stop(timeout=STOP_MS)
                log.info("worker.stopped")
        except Unavailable as error:
            log.warning("worker.waits", extra={"error": str(error)})
            stop.wait(RETRY_SECONDS)
