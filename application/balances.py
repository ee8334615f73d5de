"""Balances of quotas: how they stand, how they stood, and that the log says the same.

The table of balances is the write side's own: admission and settlement change it in the
transaction of their events. So whoever folds the calls log comes to the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from application.event_log import EventLog
from application.reprice import first_position
from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallExtended,
    CallSettled,
)
from domain.events import Event
from domain.holds import Balance, Balances, WindowId
from domain.log import Placed

# An event may stand so far behind younger ones, if the clocks of proxies differ.
SLACK = timedelta(days=1)
PAGE = 1000

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class QuotaBalance:
    """One quota in one window, with the limit in force. Amounts are in its own unit."""

    quota_id: UUID
    team_id: UUID
    limit: int
    warn_at_permille: int | None
    window_start: datetime
    window_end: datetime | None
    settled: int
    held: int


@dataclass(frozen=True, kw_only=True)
class SeenBalance:
    """A balance, and where both logs stood when it was seen."""

    balance: QuotaBalance
    fleet: int
    calls: int


class QuotaBalances(Protocol):
    """Who can be asked how quotas stand."""

    def now(self, team_id: UUID, quota_id: UUID) -> SeenBalance | None:
        """The team's quota in its present window; None: there is none (any more)."""

    def of(self, windows: Iterable[WindowId]) -> list[QuotaBalance]:
        """Those of the windows in which anything was booked, of quotas that still are."""

    def mentions(self, quota_id: UUID, *, after: int, upto: int) -> Iterator[Placed]:
        """The events of the calls log, behind `after`, that name the quota, in order."""

    def holds_back(self, quota_id: UUID, *, after: int, upto: int) -> Iterator[Placed]:
        """Those of them that may hold of it, the last one first."""


class BalanceTable(Protocol):
    """The whole table, for comparing."""

    def snapshot(self) -> tuple[int, dict[WindowId, Balance]]:
        """Every balance, and where the calls log stood at that very moment."""


def fold(balances: Balances, event: Event) -> None:
    """The balances after an event of the calls log."""
    match event:
        case CallAdmitted(holds=holds) | CallExtended(holds=holds):
            balances.hold(holds)
        case (
            CallSettled(bookings=bookings)
            | CallAbandoned(bookings=bookings)
            | CallCorrected(bookings=bookings)
        ):
            balances.book(bookings)
        case _:
            pass


def windows_of(event: Event) -> Iterable[WindowId]:
    """The windows whose balance the event changes."""
    balances = Balances()
    fold(balances, event)
    return balances.by_window


def balance_at(
    calls: EventLog,
    balances: QuotaBalances,
    window: WindowId,
    *,
    at: datetime,
    position: int | None,
) -> Balance:
    """The balance as the calls log had it at that position, or else at that time.

    A hold tells the balance that it was decided on, so that nothing need be folded that
    stands before the last one of which it is sure that it was there by then.
    """
    quota_id, window_start = window
    after = first_position(calls, window_start - SLACK)
    upto, sure = position, position
    if upto is None or sure is None:
        upto, sure = first_position(calls, at + SLACK), first_position(calls, at - SLACK)
    folded = Balances()
    for placed in balances.holds_back(quota_id, after=after, upto=sure):
        begun = _behind(placed.recorded.event, window)
        if begun is not None:
            after, folded.by_window[window] = placed.position, begun
            break
    for placed in balances.mentions(quota_id, after=after, upto=upto):
        if position is not None or placed.recorded.at <= at:
            fold(folded, placed.recorded.event)
    return folded.of(window)


def _behind(event: Event, window: WindowId) -> Balance | None:
    """The balance as a hold in the event left it; None: it has none in that window."""
    if isinstance(event, CallAdmitted | CallExtended):
        for hold in reversed(event.holds):
            if hold.window == window:
                return Balance(settled=hold.settled, held=hold.held).hold(hold.amount)
    return None


@dataclass(frozen=True, kw_only=True)
class Differing:
    """A window in which the table says something else than the log."""

    quota_id: UUID
    window_start: datetime
    in_table: Balance
    in_log: Balance


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What came of a comparison, at that position of the calls log."""

    position: int
    windows: int
    differing: tuple[Differing, ...]


def _silent(_done: int, _total: int) -> None:
    pass


def verify(calls: EventLog, table: BalanceTable, progress: Progress = _silent) -> Verified:
    """Fold the whole calls log and compare with the table, both at one position.

    `progress` is told how many positions are read, and of how many.
    """
    head, in_table = table.snapshot()
    folded, after = Balances(), 0
    while after < head:
        page = calls.page(after=after, limit=PAGE, upto=head)
        for placed in page.events:
            fold(folded, placed.recorded.event)
        after = page.upto
        progress(after, head)
    windows = sorted(set(in_table) | set(folded.by_window))
    differing = tuple(
        Differing(
            quota_id=window[0],
            window_start=window[1],
            in_table=in_table.get(window, Balance()),
            in_log=folded.of(window),
        )
        for window in windows
        if in_table.get(window, Balance()) != folded.of(window)
    )
    return Verified(position=head, windows=len(windows), differing=differing)
