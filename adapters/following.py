"""Keeps a follower at the head of its logs, in a thread of its own, until told to stop."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from adapters.follower import Follower, Reader, catch_up
from adapters.parking import EventIsPoison, Parking, take_or_name_the_poison
from domain.errors import ConcurrentChange, Unavailable

PARKED_SECONDS = 1.0  # until it is looked up again whether it was resumed

log = logging.getLogger(__name__)


def follow(  # noqa: PLR0913  # what a thread is given
    follower: Follower,
    readers: Mapping[str, Reader],
    parking: Parking,
    *,
    wake: threading.Event,
    stop: threading.Event,
    poll_seconds: float = 1.0,
) -> None:
    """Keep up until told to stop: on every `wake`, and every `poll_seconds` anyway.

    What is away is waited for. A follower that cannot take an event is parked in front of
    it, until it is resumed.
    """
    while not stop.is_set():
        wake.clear()
        try:
            if parking.holds(follower.name):
                stop.wait(PARKED_SECONDS)
                continue
            _keep_up(follower, readers, stop)
        except EventIsPoison as poison:
            _park(parking, poison)
        except (Unavailable, ConcurrentChange) as error:
            _wait(follower, error)
            stop.wait(poll_seconds)
        else:
            wake.wait(poll_seconds)


def _keep_up(
    follower: Follower, readers: Mapping[str, Reader], stop: threading.Event
) -> None:
    for name in follower.logs:
        try:
            catch_up(follower, readers[name])
        except (Unavailable, ConcurrentChange):
            raise
        except Exception:
            log.exception("follower.failed", extra={"follower": follower.name})
            take_or_name_the_poison(follower, readers[name], name=follower.name, stop=stop)


def _park(parking: Parking, poison: EventIsPoison) -> None:
    try:
        parking.park(poison.parked)
    except (Unavailable, ConcurrentChange) as error:  # it is found again soon
        log.warning("follower.not_parked", extra={"error": str(error)})


def _wait(follower: Follower, error: Exception) -> None:
    told = {"follower": follower.name, "error": str(error)}
    log.warning("follower.waits", extra=told)
