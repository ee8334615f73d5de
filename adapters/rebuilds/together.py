"""Rebuilds several views in this process; each page of a log is read once for all of them.

The next page is decoded while this one is written.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import chain, cycle

from adapters.bootstrap.followers import ROLE, VIEWS, event_logs
from adapters.follower import Reader, catch_up
from adapters.months.ahead import make_months
from adapters.months.months import refuse_while_detached
from adapters.parking import Parking, name_the_poison, parking_in
from adapters.postgres.database import Connection, Database
from adapters.postgres.view_copy import Difference, view_copy
from adapters.rebuilds.copy import Copy
from domain.errors import ConcurrentChange, Unavailable
from domain.log import CALLS, Page

PAGE = 5000
THREADS = 4  # more would only wait for each other
WAIT_SECONDS = 10.0  # for a connection, while all of them compute
ROUNDS = 20  # of catching up before the lock; more would not bring a copy nearer

Progress = Callable[[int, int], None]


def rebuild_together(
    url: str, views: Sequence[str], *, check: bool, progress: Progress
) -> dict[str, Difference]:
    """How each view differs from its logs; unless it is a `check`, none does any more.

    `progress` is told at least once. Raises `RebuildIsRunning`, `EventIsPoison`, and
    `Unavailable`; each view is replaced by itself.
    """
    with opened(url, size=2 * THREADS + 2) as database, ExitStack() as stack:
        holders = [stack.enter_context(database.connection()) for _ in views[:THREADS]]
        if any(CALLS in VIEWS[view][0].logs for view in views):
            refuse_while_detached(holders[0], "A view of calls")
            if not check:  # so that each row finds the part of its month
                make_months(holders[0])
        readers = {
            name: Reader(log, size=PAGE) for name, log in event_logs(database).items()
        }
        parking, copies = parking_in(database), []
        for view, holder in zip(views, cycle(holders), strict=False):
            stack.enter_context(view_copy(holder, view, VIEWS[view][0].row.KEY))
            parked = parking.holds(view)
            copies.append(Copy(database, holder, view, check=check, parked=parked))
        rebuilding = _Rebuild(readers, copies, parking, progress)
        rebuilding.come_near()
        return rebuilding.finish()


@contextmanager
def opened(url: str, *, size: int) -> Iterator[Database]:
    """The database as the projector sees it, with up to so many connections."""
    database = Database(url, role=ROLE, size=size, wait_seconds=WAIT_SECONDS)
    database.open()
    try:
        yield database
    finally:
        database.close()


class _Rebuild:
    """Some views, once their copies are there."""

    def __init__(
        self,
        readers: Mapping[str, Reader],
        copies: Sequence[Copy],
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
            self._tell()
            if self._total - self._done() <= PAGE * len(self._copies):
                return
            with ThreadPoolExecutor(THREADS) as pool:
                for log in self._readers:
                    following = [copy for copy in self._copies if log in copy.logs]
                    goal = {copy: goals[copy][log] for copy in following}
                    self._read_together(log, goal, pool)

    def _read_together(
        self, log: str, goals: Mapping[Copy, int], pool: ThreadPoolExecutor
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

    def _take(self, copy: Copy, page: Page, upto: int) -> None:
        if (copy.done[page.log], upto) != (page.after, page.upto):
            self._read(copy, page.log, upto)  # its goal is nearer than those of the others
            return
        with self._naming_poison(copy, page.log):
            copy.follower.take(page)
            copy.done[page.log] = upto

    def _read(self, copy: Copy, log: str, upto: int) -> None:
        with self._naming_poison(copy, log):
            copy.done[log] = catch_up(copy.follower, self._readers[log], upto=upto)

    @contextmanager
    def _naming_poison(self, copy: Copy, log: str) -> Iterator[None]:
        try:
            yield
        except (Unavailable, ConcurrentChange):
            raise
        except Exception:
            name_the_poison(copy.follower, self._readers[log], name=copy.name)
            raise

    def finish(self) -> dict[str, Difference]:
        """Every view is compared with its copy and, unless checked, is as that is."""
        lanes: dict[Connection, list[Copy]] = {}
        for copy in self._copies:
            lanes.setdefault(copy.holder, []).append(copy)
        with ThreadPoolExecutor(len(lanes)) as pool:
            found = dict(chain.from_iterable(pool.map(self._finish, lanes.values())))
        return {copy.name: found[copy.name] for copy in self._copies}

    def _finish(self, copies: Sequence[Copy]) -> list[tuple[str, Difference]]:
        """One after the other, as they have one connection."""
        return [(copy.name, self._finish_one(copy)) for copy in copies]

    def _finish_one(self, copy: Copy) -> Difference:
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
