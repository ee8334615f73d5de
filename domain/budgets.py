"""Budgets: whether a call may go ahead under all the quotas that apply to it.

Calls are decided one after the other, in the order in which they came, each on the balances
that the one before left: `decide` is the rule for one call, and the only one.

What a call needs is safe, not likely: its prompt at the most tokens that it can be, and of
its answer as much as can be held. Where less is left than it asks for, it is given what is
left (and then kept to that), unless that is too little to be of use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.calls import CallAdmitted, CallFacts
from domain.errors import LimitReached
from domain.holds import Booking, Hold, PassedOver, WindowId
from domain.quota_events import Metric, Mode, ScopeKind
from domain.routing_kept import KeptRouting

LEAST_OUTPUT = 16  # tokens; an answer that would be cut before that is not begun

# What a hold tells of a budget, in the order of its fields; what differs comes last.
DEFINITION = (
    "quota_id",
    "version",
    "scope",
    "scope_id",
    "metric",
    "mode",
    "limit",
    "window_start",
    "window_end",
)

_new = object.__new__
# By names of this module, which are found in a fourth of the time.
BLOCK, REQUESTS, TOKENS = Mode.BLOCK, Metric.REQUESTS, Metric.TOKENS

CostBound = Callable[[int, int], "int | None"]


@dataclass(kw_only=True, slots=True)
class Budget:
    """A quota with the balance of its window: that alone moves while calls are decided."""

    # pylint: disable=duplicate-code  # a hold is this, as it stood, and never changes
    quota_id: UUID
    version: int
    scope: ScopeKind
    scope_id: str
    metric: Metric
    mode: Mode
    limit: int
    window_start: datetime
    window_end: datetime | None
    settled: int
    held: int
    _hold: dict[str, object] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._hold = {name: getattr(self, name) for name in DEFINITION}
        # There already: a dictionary that grows is laid out anew.
        self._hold |= {"amount": 0, "settled": 0, "held": 0}

    @property
    def window(self) -> WindowId:
        return self.quota_id, self.window_start

    @property
    def room(self) -> int:
        """What may still be held; below zero if the limit was lowered meanwhile."""
        return self.limit - self.settled - self.held

    def hold(self, amount: int) -> Hold:
        """A hold of so much; the balance is as before until it is taken."""
        fields = self._hold.copy()
        fields["amount"] = amount
        fields["settled"] = self.settled
        fields["held"] = self.held
        hold = _new(Hold)  # in a third of the time of its constructor
        hold.__dict__ = fields
        return hold

    def book(self, booking: Booking) -> None:
        """A call has ended, or was corrected."""
        self.held -= booking.released
        self.settled += booking.settled


# Neither frozen nor by keyword alone: one is made for each call.
@dataclass(slots=True)
class Need:
    """What a call asks to hold. `cost` is the most that so many tokens can cost, in
    micro-dollars: (input, output) -> amount, None if there is no price.
    """

    input_tokens: int
    least_output: int
    most_output: int
    cost: CostBound
    # Whether it can be kept to so much output; where it cannot, it needs all. None: it can.
    keeps_to: Callable[[int], bool] | None = None
    requests: int = 1  # 0 where a call extends what it holds
    most_ever: int | None = None  # output, of a call that will extend what it holds

    def least(self) -> int:
        """The least output for which it is worth beginning."""
        if self.keeps_to is None or self.keeps_to(self.least_output):
            return self.least_output
        return self.most_output

    def amount(self, metric: Metric, output: int) -> int | None:
        """How much of a quota it takes with so many output tokens; None: not known."""
        if metric is TOKENS:
            return self.input_tokens + output
        if metric is REQUESTS:
            return self.requests
        return self.cost(self.input_tokens, output)


@dataclass(slots=True)  # as `Need`
class Granted:
    """The call may go ahead, with so many tokens of output; None: no quota applies."""

    output_tokens: int | None
    holds: tuple[Hold, ...]
    room: int | None = None  # output that could be held now, up to `Need.most_ever`
    nth: int = 0  # of the places where the call could go, in order


@dataclass(frozen=True, kw_only=True, slots=True)
class Denied:
    """It may not. `hold` is the one that could not be taken: the least it would need."""

    hold: Hold
    unpriced: bool = False


class Wants(Protocol):
    """A call that asks to be admitted; only looked at where a quota may apply."""

    @property
    def facts(self) -> CallFacts:
        """Who calls what."""

    @property
    def routing(self) -> KeptRouting | None:
        """Why it goes where it does, if routing decided: a refusal keeps it too."""

    def scope_keys(self) -> tuple[str, ...]:
        """Every scope that the call is in (`domain.quotas.scope_key`)."""

    def need(self) -> Need:
        """What it asks to hold."""

    def admitted(
        self, granted: Granted, passed_over: tuple[PassedOver, ...] = ()
    ) -> CallAdmitted:
        """The event of its admission with these holds."""

    @property
    def has_others(self) -> bool:
        """Whether it may go elsewhere, as far as is known without a closer look."""

    def others(self) -> Sequence[Wants]:
        """The same call to each other place where it may go, in order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Extension:
    """A call under way asks for more: of what it holds, or in further scopes."""

    facts: CallFacts
    need: Need
    holds: tuple[Hold, ...] = ()  # whose windows are asked for more
    scope_keys: tuple[str, ...] = ()  # whose windows of now are asked


class QuotaExceeded(LimitReached):
    """A blocking quota has no room for the call; the event tells which and why."""

    code = "quota-exceeded"

    def __init__(self, hold: Hold, nth: int = 0) -> None:
        """`nth`: of the places where the call could go, the one that is told of."""
        super().__init__()
        self.hold = hold
        self.nth = nth


class UnpricedCall(LimitReached):
    """A quota of money applies, and nobody knows what the call can cost."""

    code = "unpriced-call"

    def __init__(self, hold: Hold, nth: int = 0) -> None:
        """`nth`: of the places where the call could go, the one that is told of."""
        super().__init__()
        self.hold = hold
        self.nth = nth


def decide(budgets: Sequence[Budget], need: Need) -> Granted | Denied:
    """May the call go ahead? Nothing is taken yet (`take`)."""
    output, holds = need.most_output, list[Hold]()
    for budget in budgets:
        amount = need.amount(budget.metric, output)
        if budget.mode is BLOCK and (amount is None or amount > budget.room):
            break
        holds.append(budget.hold(amount or 0))
    else:  # the usual case
        return _granted(budgets, need, output, holds)
    denied = list[Denied]()
    for budget in budgets:
        if budget.mode is not Mode.BLOCK:
            continue
        fits = _fitting(budget, need, output)
        if isinstance(fits, Denied):
            denied.append(fits)
        else:
            output = fits
    if denied:
        return max(denied, key=wait_of)
    holds = [budget.hold(need.amount(budget.metric, output) or 0) for budget in budgets]
    return _granted(budgets, need, output, holds)


def _room(budgets: Sequence[Budget], need: Need, room: int) -> int:
    """How much output the call could hold, up to all that it may come to."""
    for budget in budgets:
        amount = need.amount(budget.metric, room)
        if budget.mode is BLOCK and (amount is None or amount > budget.room):
            fits = _fitting(budget, need, room)
            room = 0 if isinstance(fits, Denied) else fits
    return room


def _granted(
    budgets: Sequence[Budget], need: Need, output: int, holds: Iterable[Hold]
) -> Granted:
    if need.most_ever is None:
        return Granted(output, tuple(holds))
    room = _room(budgets, need, need.most_ever)
    return Granted(output, tuple(holds), room)


def _fitting(budget: Budget, need: Need, output: int) -> int | Denied:
    """The most output, up to `output`, for which the budget has room."""
    least = need.amount(budget.metric, need.least())
    if least is None:
        return Denied(hold=budget.hold(0), unpriced=True)
    # A lowered limit begins no call, and ends none that asks for nothing more of it.
    room = budget.room if need.requests else max(0, budget.room)
    if least > room:
        return Denied(hold=budget.hold(least))
    if (need.amount(budget.metric, output) or 0) <= room:
        return output
    if budget.metric is Metric.TOKENS:
        return room - need.input_tokens
    return _largest(lambda so: (need.cost(need.input_tokens, so) or 0) <= room, output)


def _largest(fits: Callable[[int], bool], beyond: int) -> int:
    """The largest number below `beyond` that fits, of a rule that only ever gets worse."""
    low = 0
    while beyond - low > 1:
        middle = (low + beyond) // 2
        if fits(middle):
            low = middle
        else:
            beyond = middle
    return low


def wait_of(denied: Denied) -> tuple[bool, float]:
    """The quota that says no for longest is the one to tell of; what never ends, first."""
    end = denied.hold.window_end
    return (end is None, end.timestamp() if end else 0.0)


def take(budgets: Iterable[Budget], granted: Granted) -> None:
    """The holds of a decision stand: the next call is decided on what is left."""
    for budget, hold in zip(budgets, granted.holds, strict=True):
        budget.held += hold.amount
