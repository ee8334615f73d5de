"""The `projector` process: keeps every view and policy at the head of the logs.

One process owns all of it, by a session advisory lock on a connection of its own; others
stand by and take over when that connection is gone. Two owners for a moment do no harm:
each page moves a position from where it was read, or nothing.

The owner's connection also rings: it hears of new fleet events, and looks at the head of
the calls log every 200 ms, so that the proxy's commits notify nobody. If it breaks, all is
dropped, and begun anew once the database is back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg

from adapters.bootstrap.followers import ROLE, Followers, followers
from adapters.following import follow
from adapters.garbage import spare_what_is_loaded
from adapters.jobs.sweeper import ring_again
from adapters.jobs.webhook_sender import ring_due
from adapters.postgres.database import connection_info
from adapters.postgres.view_positions import ensure_positions
from adapters.rebuild import outdated
from adapters.renewal import renew
from adapters.sealing.beside import keep_beside
from adapters.settings import Settings
from adapters.stopping import told_to_stop
from domain.errors import ConcurrentChange, Unavailable
from domain.log import CALLS, FLEET

OWNER = 0x636C6177_70726F6A  # "clawproj": one key, known to nothing else
STAND_BY_SECONDS = 0.5
RETRY_SECONDS = 1.0
POLL_SECONDS = 0.2
UNRUNG_SECONDS = 3.0  # a follower looks by itself, should nobody ring
REAP_SECONDS = 2.0
SWEEP_SECONDS = 30.0
ROUND_SECONDS = 5.0
MONTHS_SECONDS = 3600.0
DELIVER_SECONDS = 2.0

Connection = psycopg.Connection[tuple[Any, ...]]
Wakes = dict[str, list[threading.Event]]

log = logging.getLogger(__name__)


def run(settings: Settings, url: str) -> None:
    """Follow the logs until SIGTERM or SIGINT; `BadSetup` if that is impossible."""
    spare_what_is_loaded()
    project(settings, url, told_to_stop())


def project(settings: Settings, url: str, stop: threading.Event) -> None:
    """Follow the logs until `stop` is set; a database that is away is waited for.

    What else goes wrong is a bug, and is raised.
    """
    while not stop.is_set():
        try:
            with _connected(url) as owner:
                if _owns(owner, stop):
                    _lead(settings, url, owner, stop)
        except (Unavailable, psycopg.OperationalError, psycopg.InterfaceError) as error:
            log.warning("projector.waits", extra={"error": str(error)})
            stop.wait(RETRY_SECONDS)


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    info = connection_info(url, role=ROLE)
    with psycopg.Connection[tuple[Any, ...]].connect(info, autocommit=True) as connection:
        # An owner whose machine is gone must not keep the lock until the server gives up.
        for setting in ("idle = 2", "interval = 1", "count = 3"):
            connection.execute(f"SET tcp_keepalives_{setting}".encode())
        yield connection


def _owns(owner: Connection, stop: threading.Event) -> bool:
    """Wait to be the owner; False if told to stop before."""
    while not stop.is_set():
        row = owner.execute("SELECT pg_try_advisory_lock(%s)", (OWNER,)).fetchone()
        if row == (True,):
            log.info("projector.owns")
            return True
        stop.wait(STAND_BY_SECONDS)
    return False


def _lead(settings: Settings, url: str, owner: Connection, stop: threading.Event) -> None:
    """Run everything until told to stop, the connection breaks, or a part of it ends."""
    over = threading.Event()
    with followers(settings, url, over=over) as wired:
        for one in wired.followers:  # who has read nothing yet is seen to be behind
            ensure_positions(owner, one.name, one.logs, version=one.version)
        wakes: Wakes = {FLEET: [], CALLS: []}
        parts = [*_parts(wired, over), *_following(wired, url, wakes, over)]
        parts.append(partial(keep_beside, url, over))
        with ThreadPoolExecutor(len(parts)) as threads:
            running = [threads.submit(part) for part in parts]
            try:
                for rung in _rings(owner):
                    if stop.is_set() or any(part.done() for part in running):
                        break
                    for name in rung:
                        _ring(wakes[name])
            finally:
                over.set()
                for events in wakes.values():
                    _ring(events)
        for part in running:
            part.result()


def _parts(wired: Followers, over: threading.Event) -> list[Callable[[], None]]:
    """What is done every few seconds, each in a thread of its own until it is over."""
    return [
        partial(_repeat, wired.reaper.reap, REAP_SECONDS, over),
        partial(
            _repeat, partial(ring_again, wired.key_ring, wired.jobs), SWEEP_SECONDS, over
        ),
        partial(_repeat, wired.key_rounds.make, ROUND_SECONDS, over),
        partial(_repeat, wired.months_ahead.make, MONTHS_SECONDS, over),
        partial(
            _repeat, partial(ring_due, wired.deliveries, wired.jobs), DELIVER_SECONDS, over
        ),
    ]


def _following(
    wired: Followers, url: str, wakes: Wakes, over: threading.Event
) -> Iterator[Callable[[], None]]:
    """Each follower in a thread of its own, woken by what its logs ring."""
    old = set(outdated(url))
    for follower in wired.followers:
        wake = threading.Event()
        for name in follower.logs:
            wakes[name].append(wake)
        run = partial(
            follow,
            follower,
            wired.readers,
            wired.parking,
            wake=wake,
            stop=over,
            poll_seconds=UNRUNG_SECONDS,
        )
        renewing = partial(renew, url, follower.name, wired.parking, stop=over)
        yield partial(_one_by_one, renewing, run) if follower.name in old else run


def _one_by_one(*parts: Callable[[], None]) -> None:
    for part in parts:
        part()


def _ring(events: list[threading.Event]) -> None:
    for event in events:
        event.set()


def _rings(owner: Connection) -> Iterator[list[str]]:
    """The names of the logs that have grown, every 200 ms or sooner."""
    owner.execute("LISTEN fleet_events")
    head = None
    while True:
        rung = [FLEET for _ in owner.notifies(timeout=POLL_SECONDS, stop_after=1)][:1]
        before = head
        head = owner.execute("SELECT max(notification_id) FROM calls_events").fetchone()
        yield rung if head == before else [*rung, CALLS]


def _repeat(act: Callable[[], object], seconds: float, over: threading.Event) -> None:
    """Now and every so often; what is away is left for the next turn."""
    while not over.is_set():
        try:
            act()
        except (Unavailable, ConcurrentChange) as error:
            log.warning("projector.turn_missed", extra={"error": str(error)})
        over.wait(seconds)
