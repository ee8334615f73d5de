"""Renews a view: its rows become those of this release's version of its projector.

Until then the old rows are served, as of where the old version left them; nobody can go on
with them but the old release. To keep them current meanwhile, run `clawbot rebuild VIEW` of
the new release beside the projector of the old one, and start the new projector then.
"""

from __future__ import annotations

import logging
import threading
import time

from adapters.parking import EventIsPoison, Parking
from adapters.rebuild import RebuildIsRunning, outdated, rebuild
from domain.errors import ConcurrentChange, Unavailable

AGAIN_SECONDS = 2.0
TELL_SECONDS = 10.0

log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The projector is told to stop."""


def renew(url: str, view: str, parking: Parking, *, stop: threading.Event) -> None:
    """The view's rows are of its projector's version, or `stop` is set.

    What is away is waited for, and so is whoever is rebuilding the view already. A new
    version that cannot take an event is parked; the old rows are served.
    """
    while not stop.is_set():
        try:
            if parking.holds(view):
                stop.wait(AGAIN_SECONDS)
                continue
            if view in outdated(url):
                difference = rebuild(url, view, check=False, progress=_Watch(view, stop))
                told = {"missing": difference.missing, "extra": difference.extra}
                log.info("view.renewed", extra={"view": view, **told})
        except _StoppedError:
            return
        except EventIsPoison as poison:
            parking.park(poison.parked)
        except (Unavailable, ConcurrentChange, RebuildIsRunning) as error:
            log.warning("view.waits", extra={"view": view, "error": str(error)})
            stop.wait(AGAIN_SECONDS)
        else:
            return


class _Watch:
    """Says now and then how far it is, and breaks off if told to stop."""

    def __init__(self, view: str, stop: threading.Event) -> None:
        self._view = view
        self._stop = stop
        self._told_at = 0.0

    def __call__(self, done: int, total: int) -> None:
        if self._stop.is_set():
            raise _StoppedError
        if time.monotonic() - self._told_at >= TELL_SECONDS:
            self._told_at = time.monotonic()
            told = {"view": self._view, "done": done, "total": total}
            log.info("view.renewing", extra=told)
