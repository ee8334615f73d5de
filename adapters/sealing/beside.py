"""The sealer in a process of its own, beside the projector that owns it.

Within the projector it would wait its turn behind twenty threads that decode events: p99
was 460 ms at 2,000 events a second. It is told the database's URL on its standard input,
and ends when that does: with the projector, however that ends.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

from adapters import logs
from adapters.postgres.database import Database
from adapters.sealing.sealer import ROLE, Sealer, keep_sealing
from adapters.supervisor.programs import bare_environment

LOOK_SECONDS = 0.5
AGAIN_SECONDS = 1.0
STOP_SECONDS = 2.0

log = logging.getLogger(__name__)


def keep_beside(url: str, over: threading.Event) -> None:
    """A sealer runs until `over` is set; one that ends by itself is started again."""
    while not over.is_set():
        code = _run(url, over)
        if not over.is_set():
            log.error("sealer.ended", extra={"code": code})
            over.wait(AGAIN_SECONDS)


def _run(url: str, over: threading.Event) -> int:
    """One sealer has run, until it ended or `over` was set; its exit code."""
    with subprocess.Popen(  # noqa: S603  # ourselves
        (sys.executable, "-P", "-m", __name__),
        env=bare_environment(),
        stdin=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(f"{url}\n")
            process.stdin.flush()
            while process.poll() is None and not over.wait(LOOK_SECONDS):
                pass
            process.stdin.close()
            return process.wait(STOP_SECONDS)
        except (BrokenPipeError, subprocess.TimeoutExpired):
            process.kill()  # nothing is lost: a page is one transaction
            return process.wait()


def main() -> None:
    """Seal until standard input ends."""
    logs.configure()
    url, stop = sys.stdin.readline().strip(), threading.Event()
    threading.Thread(target=_stop_at_the_end, args=(stop,), daemon=True).start()
    database = Database(url, role=ROLE, size=1)
    database.open()
    try:
        keep_sealing(Sealer(database), stop)
    finally:
        database.close()


def _stop_at_the_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


if __name__ == "__main__":
    main()
