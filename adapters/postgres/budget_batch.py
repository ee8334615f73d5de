"""A batch of call events under the quotas that apply to it: locked, decided, written.

One transaction of two round trips. `lock_budgets` locks every balance that the batch can
move and tells how it stands; then the calls are decided in the order in which they came
(`domain/budgets.py`); then `write_calls` moves the balances and puts the events into the
log, all or nothing. Other proxies that meet the same balances wait between the two. Where
the balances are remembered (`budget_memory.py`), one round trip does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.postgres.budget_concerns import Moves, Window
from domain.budgets import (
    Budget,
    Denied,
    Extension,
    Granted,
    QuotaExceeded,
    UnpricedCall,
    Wants,
    decide,
    take,
)
from domain.calls import CallEvent, CallExtended, CallRefused
from domain.holds import Booking, PassedOver
from domain.places import AnyOf, may_fit_elsewhere, soonest
from domain.quotas import Metric, Mode, ScopeKind

MOST = 4096  # combinations of scopes whose budgets are kept together
Row = tuple[Any, ...]


@dataclass(slots=True)  # not frozen: two are made for each call
class Decided:
    """What is to be recorded of one call, and what its caller is told."""

    event: CallEvent | None  # None: nothing
    granted: Granted | None = None
    refused: QuotaExceeded | UnpricedCall | None = None
    anywhere: bool = False  # nothing yet: the other places where it may go must be asked


class Budgets:
    """The budgets of one batch, as they move while it is decided."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.by_window: dict[Window, Budget] = {}
        self.by_key: dict[str, list[Budget]] = {}  # those of now
        self._stood: list[tuple[Window, Budget, int, int]] = []
        self._elsewhere: list[Booking] = []
        self._applying: dict[tuple[str, ...], list[Budget]] = {}  # as they were asked for
        for row in rows:
            quota_id, start, end, key, kind, scope_id, version, *rest = row
            metric, mode, limit, settled, held, is_now = rest
            budget = Budget(
                quota_id=quota_id,
                version=version,
                scope=ScopeKind(kind),
                scope_id=scope_id,
                metric=Metric(metric),
                mode=Mode(mode),
                limit=limit,
                window_start=start,
                window_end=end,
                settled=settled,
                held=held,
            )
            self.by_window[quota_id.int, start] = budget
            if is_now:
                self.by_key.setdefault(key, []).append(budget)
        self.begin(self.by_window.items())

    def begin(self, budgets: Iterable[tuple[Window, Budget]]) -> None:
        """A batch is decided from here on, and is about these."""
        self._stood = [(window, one, one.settled, one.held) for window, one in budgets]
        self._elsewhere = []

    def moves(self) -> Moves:
        """How the balances have moved since the batch began."""
        moves = Moves()
        for window, budget, before_settled, before_held in self._stood:
            settled, held = budget.settled - before_settled, budget.held - before_held
            if settled or held:
                moves.put(window, held=held, settled=settled)
        for booking in self._elsewhere:
            moves.add(booking)
        return moves

    def decided(self, asked: Wants | AnyOf | Extension) -> Decided:
        """What becomes of the next one; what it takes is gone for those behind it."""
        match asked:
            case Extension():
                return self._extended(asked)
            case AnyOf():
                return self._admitted_anywhere(asked.wants)
            case _:
                return self._admitted(asked)

    def _admitted(self, wants: Wants) -> Decided:
        decision = self._decision(wants)
        if isinstance(decision, Granted):
            return Decided(wants.admitted(decision), decision)
        if wants.has_others and may_fit_elsewhere(decision):
            return Decided(None, anywhere=True)
        return _refused([(wants, decision)])

    def _admitted_anywhere(self, places: Sequence[Wants]) -> Decided:
        """At the first place that has room, all of them on the balances of now."""
        denied: list[tuple[Wants, Denied]] = []
        for nth, wants in enumerate(places):
            decision = self._decision(wants)
            if isinstance(decision, Granted):
                granted = replace(decision, nth=nth) if nth else decision
                return Decided(wants.admitted(granted, _passed_over(denied)), granted)
            denied.append((wants, decision))
            if not may_fit_elsewhere(decision):
                break
        return _refused(denied)

    def _decision(self, wants: Wants) -> Granted | Denied:
        """What is granted is taken."""
        budgets = self._of(wants.scope_keys())
        if not budgets:
            return Granted(output_tokens=None, holds=())
        decision = decide(budgets, wants.need())
        if isinstance(decision, Granted):
            take(budgets, decision)
        return decision

    def _extended(self, extension: Extension) -> Decided:
        held = {(hold.quota_id.int, hold.window_start) for hold in extension.holds}
        budgets = [b for window, b in self.by_window.items() if window in held]
        more = self._of(extension.scope_keys)
        budgets += [b for b in more if (b.quota_id.int, b.window_start) not in held]
        decision = decide(budgets, extension.need)
        if isinstance(decision, Denied):
            return Decided(None, refused=_refusal(decision))
        take(budgets, decision)
        return Decided(CallExtended(facts=extension.facts, holds=decision.holds), decision)

    def _of(self, keys: tuple[str, ...]) -> list[Budget]:
        found = self._applying.get(keys)
        if found is None:
            if len(self._applying) >= MOST:
                self._applying.clear()
            found = [budget for key in keys for budget in self.by_key.get(key, ())]
            self._applying[keys] = found
        return found

    def know(self, key: str, budgets: list[Budget]) -> None:
        """These are the budgets of that scope now."""
        self.by_key[key] = budgets
        self._applying.clear()

    def book(self, bookings: Iterable[Booking]) -> None:
        """A call has ended, or was corrected: what it gives back is there for the next."""
        for booking in bookings:
            budget = self.by_window.get((booking.quota_id.int, booking.window_start))
            if budget is None:  # of a quota that is gone only the balance is left
                self._elsewhere.append(booking)
            else:
                budget.book(booking)


def _refused(denied: Sequence[tuple[Wants, Denied]]) -> Decided:
    """There is no room anywhere: it is told where there will be some first."""
    nth = soonest([one for _, one in denied])
    wants, told = denied[nth]
    refused = _refusal(told, nth)
    event = CallRefused(
        facts=wants.facts,
        code=refused.code,
        hold=told.hold,
        routing=wants.routing,
        passed_over=_passed_over([*denied[:nth], *denied[nth + 1 :]]),
    )
    return Decided(event, refused=refused)


def _refusal(denied: Denied, nth: int = 0) -> QuotaExceeded | UnpricedCall:
    kind = UnpricedCall if denied.unpriced else QuotaExceeded
    return kind(denied.hold, nth)


def _passed_over(denied: Iterable[tuple[Wants, Denied]]) -> tuple[PassedOver, ...]:
    return tuple(
        PassedOver(
            vendor=wants.facts.vendor,
            model=wants.facts.requested_model,
            provider_key_id=wants.facts.provider_key_id,
            code=_refusal(one).code,
            hold=one.hold,
        )
        for wants, one in denied
    )
