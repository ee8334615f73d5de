"""Judges a calls log: at every position, what its events say of budgets is true.

Each hold tells the limit and the balance that it was decided on; so the log is judged by
itself. What was admitted had room there, what was refused had none, and nothing that was
settled and held together ever exceeds a limit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from application.balances import fold
from domain.calls import (
    CallAbandoned,
    CallAdmitted,
    CallCorrected,
    CallEvent,
    CallExtended,
    CallRefused,
    CallSettled,
)
from domain.events import Recorded
from domain.holds import Balances, Booking, Hold, WindowId
from domain.quotas import Mode


@dataclass
class Judged:
    """A log as far as it was read. Limits are only ever raised in it."""

    balances: Balances = field(default_factory=Balances)
    limits: dict[WindowId, int] = field(default_factory=dict)  # of those that block
    open: dict[UUID, dict[WindowId, int]] = field(default_factory=dict)  # held by calls
    ended: set[UUID] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    fullest: float = 0.0  # the largest share of a limit that was ever taken

    def read(self, recorded: Recorded[CallEvent]) -> None:
        """One more event; fails if it can't be right where it stands."""
        call_id, event = recorded.originator_id, recorded.event
        self.counts[event.TOPIC] += 1
        match event:
            case CallRefused():
                self._refused(event)
            case CallAdmitted() | CallExtended():
                assert isinstance(event, CallAdmitted) != (call_id in self.open)
                assert call_id not in self.ended
                self._took(call_id, event.holds)
            case CallSettled() | CallAbandoned():
                self._ended(call_id, event.bookings)
                self.counts["cut"] += getattr(event, "error", None) == "quota-exceeded"
                self.counts["left"] += getattr(event, "client_left", False)
            case CallCorrected():
                assert call_id in self.ended
                assert not any(booking.released for booking in event.bookings)
        fold(self.balances, event)
        for window, balance in self.balances.by_window.items():
            assert balance.held >= 0
            if limit := self.limits.get(window):
                assert balance.settled + balance.held <= limit, (window, event)
                share = (balance.settled + balance.held) / limit
                self.fullest = max(self.fullest, share)

    def _refused(self, event: CallRefused) -> None:
        if event.hold is not None:
            self._as_decided(event.hold)
            assert not _fits(event.hold)
            self.counts[f"refused by {event.hold.metric}"] += 1

    def _took(self, call_id: UUID, holds: Iterable[Hold]) -> None:
        held = self.open.setdefault(call_id, {})
        for hold in holds:
            self._as_decided(hold)
            held[hold.window] = held.get(hold.window, 0) + hold.amount
            if hold.mode is Mode.BLOCK:
                assert _fits(hold)
                assert hold.limit >= self.limits.get(hold.window, 0)
                self.limits[hold.window] = hold.limit

    def _as_decided(self, hold: Hold) -> None:
        """The balance is the one that the hold was decided on."""
        balance = self.balances.of(hold.window)
        assert (hold.settled, hold.held) == (balance.settled, balance.held)

    def _ended(self, call_id: UUID, bookings: Iterable[Booking]) -> None:
        """Once, and every hold with it; nothing was used that was not held."""
        bookings = tuple(bookings)
        assert self.open.pop(call_id) == {one.window: one.released for one in bookings}
        self.ended.add(call_id)
        over = [one for one in bookings if one.settled > one.released]
        assert not over, (call_id, over)


def judged(log: Iterable[Recorded[CallEvent]]) -> Judged:
    """The whole log, in order; fails if any of it is not right."""
    found = Judged()
    for recorded in log:
        found.read(recorded)
    return found


def _fits(hold: Hold) -> bool:
    return hold.amount <= hold.limit - hold.settled - hold.held
