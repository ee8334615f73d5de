"""Rebuilds views from the logs beside the live ones, compares, and replaces what differs.

Copies are filled while the projector goes on. Then the live view's positions are locked,
which holds its projector for that moment, the copy is read on to exactly there, and both
are compared. What differs is put right in the same transaction (`postgres/view_copy.py`).

A view that is parked, never ran, or has rows of another version of its projector is not
compared where it stands: its copy is read to the log's head, and the view takes the copy's
rows, positions and version, and goes on. From then on whoever follows with the old version
moves nothing.

Several views share the pages of their logs: the next page is decoded while this one is
written. A view has no effect on anything but its rows, so nothing is done twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import chain, cycle

from psycopg.sql import SQL

from adapters.bootstrap.followers import ROLE, VIEWS, event_logs
from adapters.follower import Reader, ViewFollower, catch_up
from adapters.months.months import refuse_while_detached
from adapters.parking import Parking, name_the_poison, parking_in
from adapters.postgres.database import Connection, Database
from adapters.postgres.view_copy import (
    SCHEMA,
    Difference,
    RebuildIsRunning,
    compare,
    put_right,
    take_position,
    view_copy,
)
from adapters.postgres.view_positions import ensure_positions, stored_version
from domain.errors import BadSetup, ConcurrentChange, Unavailable
from domain.log import CALLS, Page

__all__ = ["Difference", "RebuildIsRunning", "outdated", "rebuild", "rebuild_views"]

PAGE = 5000
THREADS = 4  # more would only wait for each other
WAIT_SECONDS = 10.0  # for a connection, while all of them compute
ROUNDS = 20  # of catching up before the lock; more would not bring a copy nearer

Progress = Callable[[int, int], None]


def _silent(_done: int, _total: int) -> None:
    """Nobody watches."""


def rebuild(
    url: str, view: str, *, check: bool, progress: Progress = _silent
) -> Difference:
    """How the view differs from its logs; unless it is a `check`, it does no more.

    `progress` is told how many positions are read, and of how many; what it raises ends the
    rebuild and leaves the view as it was. Raises `BadSetup` for a view that there is not,
    `RebuildIsRunning`, `EventIsPoison`, and `Unavailable`.
    """
    return rebuild_views(url, [view], check=check, progress=progress)[view]


def rebuild_views(
    url: str, views: Sequence[str], *, check: bool, progress: Progress = _silent
) -> dict[str, Difference]:
    """The same of several views, which are read together and replaced each by itself."""
    for view in views:
        if view not in VIEWS:
            msg = f"There is no view {view}; there are {', '.join(sorted(VIEWS))}."
            raise BadSetup(msg)
    with _opened(url, size=2 * THREADS + 2) as database, ExitStack() as stack:
        holders = [stack.enter_context(database.connection()) for _ in views[:THREADS]]
        if any(CALLS in VIEWS[view][0].logs for view in views):
            refuse_while_detached(holders[0], "A view of calls")
        readers = {
            name: Reader(log, size=PAGE) for name, log in event_logs(database).items()
        }
        parking, copies = parking_in(database), []
        for view, holder in zip(views, cycle(holders), strict=False):
            stack.enter_context(view_copy(holder, view, VIEWS[view][0].row.KEY))
            parked = parking.holds(view)
            copies.append(_Copy(database, holder, view, check=check, parked=parked))
        rebuilding = _Rebuild(readers, copies, parking, progress)
        rebuilding.come_near()
        return rebuilding.finish()


def outdated(url: str) -> list[str]:
    """The views whose rows are of another version than their projectors.

    And those that have read nothing yet of more than a page: until a new view has its rows,
    it has none.
    """
    with _opened(url, size=2) as database, database.connection() as connection:
        heads = {name: log.head() for name, log in event_logs(database).items()}
        found = []
        for view, (projector, _) in VIEWS.items():
            version, position = stored_version(connection, view)
            much = sum(heads[log] for log in projector.logs) > PAGE
            if version not in {None, projector.version} or (much and not position):
                found.append(view)
    return found


@contextmanager
def _opened(url: str, *, size: int) -> Iterator[Database]:
    database = Database(url, role=ROLE, size=size, wait_seconds=WAIT_SECONDS)
    database.open()
    try:
        yield database
    finally:
        database.close()


class _Copy:
    """A view's copy, and where the view itself is.

    Whoever holds the copy's lock replaces the view: a lost connection is both.
    """

    def __init__(
        self,
        database: Database,
        connection: Connection,
        name: str,
        *,
        check: bool,
        parked: bool,
    ) -> None:
        projector, view = VIEWS[name]
        self.name = name
        self.key: tuple[str, ...] = projector.row.KEY
        self.version = projector.version
        self.logs = projector.logs
        self.follower = ViewFollower(projector(), view(database, schema=SCHEMA))
        self.check = check
        self.done = dict.fromkeys(self.logs, 0)
        self.holder = connection
        # A view that has never run has no row that could be locked.
        ensure_positions(connection, name, self.logs, version=self.version)
        # Whether the view is to go on from where the copy is, instead of from where it is.
        other = stored_version(connection, name)[0] != self.version
        self.leads = not check and (other or parked or not any(self.live().values()))

    def live(self, *, lock: bool = False) -> dict[str, int]:
        """Where the live view is in each log, and will stay if they are locked."""
        rows: list[tuple[str, int]] = self.holder.execute(
            SQL("SELECT log, position FROM view_position WHERE view = %s ORDER BY log")
            + SQL(" FOR UPDATE" if lock else ""),
            (self.name,),
        ).fetchall()
        return {log: position for log, position in rows if log in self.logs}

    def settle(self, goal: Mapping[str, int]) -> Difference:
        """Compare, and replace what differs; in the transaction that holds the view."""
        if CALLS in self.logs:  # a month may have been taken out while the copy read
            refuse_while_detached(self.holder, "A view of calls")
        difference = compare(self.holder, self.name, self.key)
        if difference and not self.check:
            put_right(self.holder, self.name, self.key)
        if self.leads:
            take_position(self.holder, self.name, goal, self.version)
        return difference

    @contextmanager
    def holding_the_view(self) -> Iterator[dict[str, int]]:
        """Its projector waits, and what is done to its rows is seen at the end."""
        with self.holder.transaction():
            # Nobody is idle here: this waits while another connection fills the copy.
            self.holder.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield self.live(lock=True)


class _Rebuild:
    """Some views, once their copies are there."""

    def __init__(
        self,
        readers: Mapping[str, Reader],
        copies: Sequence[_Copy],
        parking: Parking,
        progress: Progress,
    ) -> None:
        self._readers = readers
        self._copies = copies
        self._parking = parking
        self._progress = progress
        self._total = 0
        self._telling = threading.Lock()

    def come_near(self) -> None:
        """Every copy is where its view is, or the log's head, but for a page or so."""
        for _ in range(ROUNDS):
            heads = {log: reader.head() for log, reader in self._readers.items()}
            goals = {copy: heads if copy.leads else copy.live() for copy in self._copies}
            self._total = sum(goals[copy][log] for copy in goals for log in copy.logs)
            if self._total - self._done() <= PAGE * len(self._copies):
                return
            with ThreadPoolExecutor(THREADS) as pool:
                for log in self._readers:
                    following = [copy for copy in self._copies if log in copy.logs]
                    goal = {copy: goals[copy][log] for copy in following}
                    self._read_together(log, goal, pool)

    def _read_together(
        self, log: str, goals: Mapping[_Copy, int], pool: ThreadPoolExecutor
    ) -> None:
        """Every copy has read the log up to its goal."""
        reader, upto = self._readers[log], max(goals.values(), default=0)
        position = min((copy.done[log] for copy in goals), default=0)
        page = reader.page(position, upto=upto)
        while page.upto > page.after:
            taking = [
                pool.submit(self._take, copy, page, min(page.upto, goal))
                for copy, goal in goals.items()
                if copy.done[log] < min(page.upto, goal)
            ]
            page = reader.page(page.upto, upto=upto)
            for one in taking:
                one.result()
            self._tell()

    def _take(self, copy: _Copy, page: Page, upto: int) -> None:
        if (copy.done[page.log], upto) != (page.after, page.upto):
            self._read(copy, page.log, upto)  # its goal is nearer than those of the others
            return
        with self._naming_poison(copy, page.log):
            copy.follower.take(page)
            copy.done[page.log] = upto

    def _read(self, copy: _Copy, log: str, upto: int) -> None:
        with self._naming_poison(copy, log):
            copy.done[log] = catch_up(copy.follower, self._readers[log], upto=upto)

    @contextmanager
    def _naming_poison(self, copy: _Copy, log: str) -> Iterator[None]:
        try:
            yield
        except (Unavailable, ConcurrentChange):
            raise
        except Exception:
            name_the_poison(copy.follower, self._readers[log], name=copy.name)
            raise

    def finish(self) -> dict[str, Difference]:
        """Every view is compared with its copy and, unless checked, is as that is."""
        lanes: dict[Connection, list[_Copy]] = {}
        for copy in self._copies:
            lanes.setdefault(copy.holder, []).append(copy)
        with ThreadPoolExecutor(len(lanes)) as pool:
            found = dict(chain.from_iterable(pool.map(self._finish, lanes.values())))
        return {copy.name: found[copy.name] for copy in self._copies}

    def _finish(self, copies: Sequence[_Copy]) -> list[tuple[str, Difference]]:
        """One after the other, as they have one connection."""
        return [(copy.name, self._finish_one(copy)) for copy in copies]

    def _finish_one(self, copy: _Copy) -> Difference:
        with copy.holding_the_view() as live:
            heads = {log: self._readers[log].head() for log in copy.logs}
            goal = heads if copy.leads else live
            for log, position in goal.items():
                self._read(copy, log, position)
            self._tell()
            difference = copy.settle(goal)
        if copy.leads:
            self._parking.resume(copy.name)
        return difference

    def _done(self) -> int:
        return sum(sum(copy.done.values()) for copy in self._copies)

    def _tell(self) -> None:
        with self._telling:  # or an older number might come last
            done = self._done()
            self._total = max(self._total, done)
            self._progress(done, self._total)
