"""Holds: what calls set aside of the quotas that apply to them, and what became of it.

A call is admitted with a hold on every quota of its scopes, may extend it while it streams,
and at its end each hold is released and what was really used is settled, in the same
transaction as the event that says so. So a fold of the calls log gives every balance that
there ever was, which is what `Balances` does.

    held     rises by the holds of CallAdmitted and CallExtended, falls with the end
    settled  rises with the end, by what was used; a correction moves it by the difference

A blocking quota is overrun only where a vendor reports more than could be held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from uuid import UUID

from domain.events import but
from domain.quota_events import Metric, Mode, ScopeKind
from domain.usage import Usage, UsageSource

WindowId = tuple[UUID, datetime]  # a quota, and the start of one of its windows

_new = object.__new__
# By names of this module, which are found in a fourth of the time.
KEY, MODEL = ScopeKind.PROVIDER_KEY, ScopeKind.MODEL  # of which a call may try several
REQUESTS, TOKENS, NOTIFY = Metric.REQUESTS, Metric.TOKENS, Mode.NOTIFY
REPORTED = UsageSource.REPORTED


# Neither frozen nor with slots, as some are made for every call: so they are made in a
# fifth of the time, and written down in half of it. Nobody changes one.
@dataclass(kw_only=True, unsafe_hash=True)
class Hold:
    """What one call set aside of one quota, and the balance that it was decided on."""

    quota_id: UUID
    version: int  # of the quota's definition
    scope: ScopeKind
    scope_id: str
    metric: Metric
    mode: Mode
    limit: int  # a raise in force included
    window_start: datetime
    window_end: datetime | None  # None: never
    amount: int
    settled: int  # in the window, before this hold
    held: int  # by other calls

    @property
    def window(self) -> WindowId:
        return self.quota_id, self.window_start


@dataclass(frozen=True, kw_only=True, slots=True)
class PassedOver:
    """Where a call could have gone, had a quota had room for it there."""

    vendor: str
    model: str | None
    provider_key_id: UUID | None
    code: str  # of the refusal that it would have been
    hold: Hold  # the one that could not be taken


@dataclass(kw_only=True, unsafe_hash=True)  # as `Hold`
class Booking:
    """What the end of a call changes in one balance: both in the quota's own unit."""

    quota_id: UUID
    window_start: datetime
    released: int  # no longer held
    settled: int  # used; below zero where a correction takes back

    @property
    def window(self) -> WindowId:
        return self.quota_id, self.window_start


@dataclass(frozen=True, kw_only=True, slots=True)
class Balance:
    """Of one quota in one window."""

    settled: int = 0
    held: int = 0

    def hold(self, amount: int) -> Balance:
        """With so much more set aside."""
        return Balance(settled=self.settled, held=self.held + amount)

    def book(self, booking: Booking) -> Balance:
        """After a call's end, or a correction of it."""
        return Balance(
            settled=self.settled + booking.settled, held=self.held - booking.released
        )


@dataclass
class Balances:
    """Every balance, folded from the events of the calls log in their order."""

    by_window: dict[WindowId, Balance] = field(default_factory=dict)

    def of(self, window: WindowId) -> Balance:
        """What is known of the window; nothing used if nothing was recorded."""
        return self.by_window.get(window, Balance())

    def hold(self, holds: Iterable[Hold]) -> None:
        """A call was admitted, or extended its holds."""
        for hold in holds:
            self.by_window[hold.window] = self.of(hold.window).hold(hold.amount)

    def book(self, bookings: Iterable[Booking]) -> None:
        """A call ended, or was corrected."""
        for booking in bookings:
            self.by_window[booking.window] = self.of(booking.window).book(booking)


# Neither frozen nor by keyword alone: one is made for each call.
@dataclass(slots=True)
class Outcome:
    """What a call came to, as far as quotas ask."""

    usage: Usage
    cost_micro_usd: int | None  # None: not known
    answered: bool  # with success: what is not known of it may have cost something
    provider_key_id: UUID | None  # that served it
    model: str | None  # as it was asked of the vendor


def bookings_of(holds: Sequence[Hold], outcome: Outcome) -> tuple[Booking, ...]:
    """All holds of a call, released, and what it really used, settled.

    Where a successful answer does not tell what it used, all that was held counts as used,
    and so it does where an estimate does not know what was written; what was only estimated
    never counts as more where a call is kept to what it holds.
    """
    grew = len({hold.quota_id.int for hold in holds}) < len(holds)
    return tuple(_booked(_by_window(holds) if grew else holds, outcome))


def booked_at_once(holds: Sequence[Hold], outcome: Outcome) -> tuple[Booking, ...]:
    """The same for a call that never grew: no two of its holds are of one quota."""
    return tuple(_booked(holds, outcome))


def _booked(holds: Iterable[Hold], outcome: Outcome) -> list[Booking]:
    usage, cost, answered = outcome.usage, outcome.cost_micro_usd, outcome.answered
    tokens = _tokens(usage)
    reported = usage.source is REPORTED
    if not reported:
        answered = answered or usage.source is UsageSource.ESTIMATED
        if usage.output_tokens is None:
            tokens = None
    booked = list[Booking]()
    for hold in holds:
        metric, scope, used = hold.metric, hold.scope, hold.amount
        if (scope is KEY or scope is MODEL) and not _served_under(hold, outcome):
            used = 0
        elif metric is not REQUESTS:
            known = tokens if metric is TOKENS else cost
            if known is None:
                used = used if answered else 0
            elif reported or known < used or hold.mode is NOTIFY:
                used = known
        booking = _new(Booking)  # in a third of the time of its constructor
        booking.__dict__ = {
            "quota_id": hold.quota_id,
            "window_start": hold.window_start,
            "released": hold.amount,
            "settled": used,
        }
        booked.append(booking)
    return booked


def _by_window(holds: Iterable[Hold]) -> list[Hold]:
    """One hold for each window, of all that is held there."""
    windows: dict[WindowId, Hold] = {}
    for hold in holds:
        before = windows.get(hold.window)
        amount = hold.amount + (0 if before is None else before.amount)
        windows[hold.window] = but(hold if before is None else before, amount=amount)
    return list(windows.values())


def abandoned(holds: Sequence[Hold]) -> tuple[Booking, ...]:
    """The holds of a call whose end nobody saw: all that was held counts as used."""
    unknown = Outcome(
        usage=Usage(),
        cost_micro_usd=None,
        answered=True,
        provider_key_id=None,
        model=None,
    )
    return tuple(
        replace(booking, settled=booking.released)
        for booking in bookings_of(holds, unknown)
    )


def corrected(
    settled: Mapping[WindowId, int], holds: Sequence[Hold], outcome: Outcome
) -> tuple[Booking, ...]:
    """The differences to what was settled at the end before; nothing is released twice."""
    return tuple(
        Booking(
            quota_id=booking.quota_id,
            window_start=booking.window_start,
            released=0,
            settled=booking.settled - settled.get(booking.window, 0),
        )
        for booking in bookings_of(holds, outcome)
        if booking.settled != settled.get(booking.window, 0)
    )


@lru_cache(maxsize=1024)  # much the same ones again and again, by number
def _text(key: int | None) -> str:
    return str(None if key is None else UUID(int=key))


def _served_under(hold: Hold, outcome: Outcome) -> bool:
    """Whether the call was served under what the hold is about: another key may have."""
    if hold.scope is MODEL:
        return hold.scope_id == outcome.model
    key = outcome.provider_key_id
    return hold.scope_id == _text(None if key is None else key.int)


def _tokens(usage: Usage) -> int | None:
    """Input and output; what is known of them."""
    if usage.input_tokens is None and usage.output_tokens is None:
        return usage.total_tokens
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)
