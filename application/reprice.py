"""Repricing: calls of a time, charged again by today's prices.

A price book can be late, or wrong. Each call whose cost is another today gets a
`CallCorrected`, which every total follows; the settlement stays as it was recorded. A
second run finds nothing to correct. A cost that was known is never made unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

from application.event_log import Caller, EventLog, Stream, acting
from application.ports import MovesBalances, Prices, UnitOfWork
from domain.calls import REPRICED, Call, CallCorrected, CallEnd, CallSettled, end_of
from domain.errors import ConcurrentChange
from domain.events import Event, Recorded
from domain.usage import UsageSource

PAGE = 500
TRIES = 5  # at a page in which somebody else ended a call meanwhile
ACTOR = "system:reprice"
# The log is in the order of commits: an event may stand so far behind younger ones, if the
# clocks of proxies differ or one of them was frozen.
SLACK = timedelta(days=1)

Progress = Callable[[int, int], None]
End = tuple[Recorded[Event], CallSettled | CallCorrected]


@dataclass(kw_only=True)
class Repriced:
    """What came of it: calls, and whole micro-dollars of those that cost something else."""

    calls: int = 0  # settled calls of that time
    repriced: int = 0
    unknown: int = 0  # of the calls, those that today's prices do not tell
    before_micro_usd: int = 0
    now_micro_usd: int = 0


def _silent(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Repricing:
    """Charges settled calls again."""

    calls: EventLog
    prices: Prices
    unit_of_work: UnitOfWork
    balances: MovesBalances

    def run(
        self,
        since: datetime,
        until: datetime,
        *,
        dry: bool = False,
        progress: Progress = _silent,
    ) -> Repriced:
        """Each settled call that was admitted in [since, until) costs what it would today.

        A dry run records nothing and counts the same. `progress` is told how many positions
        of the log are read, and of how many.
        """
        run_id, counts = str(uuid4()), Repriced()
        begin, head = first_position(self.calls, since - SLACK), self.calls.head()
        after = begin
        while after < head:
            page = self.calls.page(after=after, limit=PAGE, upto=head)
            ends = [
                (one.recorded, event)
                for one in page.events
                if isinstance(event := one.recorded.event, CallSettled | CallCorrected)
                and since <= event.facts.admitted_at < until
            ]
            self._take(ends, counts, run_id, dry=dry)
            after = page.upto
            progress(after - begin, head - begin)
        return counts

    def _take(
        self, ends: Sequence[End], counts: Repriced, run_id: str, *, dry: bool
    ) -> None:
        """One page: settlements, which count calls, and corrections of them."""
        suspects = {}
        for recorded, event in ends:
            end = end_of(event)
            cost, _ = self._price(end)
            if not (isinstance(event, CallCorrected) and event.reason == REPRICED):
                counts.calls += 1
                counts.unknown += cost is None
            if cost is not None and cost != end.cost_micro_usd:
                suspects[recorded.originator_id] = recorded.originator_version
        for _ in range(TRIES):
            changes = list(self._changes(suspects))
            with suppress(ConcurrentChange):
                if changes and not dry:
                    self._record(changes, run_id)
                break
        else:
            raise ConcurrentChange(run_id)
        for _, correction in changes:
            counts.repriced += 1
            counts.before_micro_usd += correction.before_cost_micro_usd or 0
            counts.now_micro_usd += correction.cost_micro_usd or 0

    def _price(self, end: CallEnd) -> tuple[int | None, str | None]:
        """What the call costs today, by the prices of the time of its admission."""
        if end.usage.source is UsageSource.NONE:
            return None, None
        return self.prices.priced(end.usage, end.priced_as)

    def _changes(
        self, suspects: Mapping[UUID, int]
    ) -> Iterator[tuple[Stream[Call], CallCorrected]]:
        """The corrections; a call that was corrected since is met again, further on."""
        for stream in self.calls.read_all(Call(), list(suspects)):
            if stream.version == suspects[stream.id] and stream.state.end is not None:
                for event in stream.state.reprice(*self._price(stream.state.end)):
                    yield stream, cast("CallCorrected", event)

    def _record(
        self, changes: Sequence[tuple[Stream[Call], CallCorrected]], run_id: str
    ) -> None:
        """All of the page, or nothing: each team's in its name."""
        of_team = defaultdict(list)
        for stream, event in changes:
            of_team[event.facts.team_id].append((stream, [event]))
        with self.unit_of_work():
            self.balances.move(one for _, event in changes for one in event.bookings)
            for team_id, mine in of_team.items():
                with acting(Caller(ACTOR, team_id=team_id, correlation_id=run_id)):
                    self.calls.append_all(*mine)


def first_position(log: EventLog, moment: datetime) -> int:
    """A position behind which all was recorded that was recorded since (by bisection)."""
    low, high = 0, log.head()
    while low < high:
        middle = (low + high) // 2
        page = log.page(after=middle, limit=1)
        if page.events and page.events[0].recorded.at < moment:
            low = page.upto
        else:
            high = middle
    return low
