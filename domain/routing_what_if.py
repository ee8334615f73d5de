"""What a scenario comes to: cost, refusals and the shares of models, beside what was.

Other quotas are judged in the order of the calls, each by what it used in the end: a call
that no longer fits into its window is refused. Holds are left out, because nobody knows
which calls would have overlapped: real admission refuses a little earlier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.prices import cost_of
from domain.quota_events import Metric, ScopeKind
from domain.routing_replay import (
    BY_QUOTA,
    PastCall,
    Replayed,
    Scenario,
    likely,
    replayed,
)
from domain.usage import Usage
from domain.windows import Window, window_of

EXCEEDED, UNPRICED = "quota-exceeded", "unpriced-call"


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialQuota:
    """A blocking quota as it might be."""

    scope: ScopeKind
    scope_id: str
    metric: Metric
    window: Window
    limit: int
    time_zone: str = "UTC"


@dataclass(kw_only=True, slots=True)
class ModelShare:
    """What one model of one vendor comes to. Unknown costs are counted apart."""

    calls: int = 0
    tokens: int = 0
    cost_micro_usd: int = 0
    unpriced: int = 0


@dataclass(kw_only=True)
class Outcome:
    """What all calls come to."""

    calls: int = 0
    tokens: int = 0
    cost_micro_usd: int = 0
    unpriced: int = 0  # served calls whose cost is not known
    refused: dict[str, int] = field(default_factory=dict)  # by code
    models: dict[tuple[str, str | None], ModelShare] = field(default_factory=dict)

    def add(self, one: Replayed | PastCall) -> None:
        """One more call."""
        self.calls += 1
        if one.refused is not None:
            self.refused[one.refused] = self.refused.get(one.refused, 0) + 1
            return
        tokens = tokens_of(one.usage)
        share = self.models.setdefault((one.vendor, one.model), ModelShare())
        share.calls += 1
        for total in (self, share):
            total.tokens += tokens
            total.cost_micro_usd += one.cost_micro_usd or 0
            total.unpriced += one.cost_micro_usd is None


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """Before and after. `reproduced`: every decision came out as it was made."""

    before: Outcome
    after: Outcome
    changed: int  # calls that go another way, or are refused, or no longer are
    unanswered: int  # calls whose rules ask what nobody knows any more
    reproduced: bool


def what_if(
    calls: Iterable[PastCall],
    scenario: Scenario,
    quotas: Sequence[TrialQuota] | None = None,
) -> WhatIf:
    """All calls, in the order of their beginning, under the scenario.

    With `quotas` these hold instead of those that did; None leaves refusals as they were.
    """
    before, after = Outcome(), Outcome()
    changed = unanswered = 0
    reproduced = True
    results: Iterator[Replayed] = replayed(calls, scenario)
    if quotas is not None:
        results = _under(quotas, results, scenario)
    for one in results:
        before.add(one.call)
        after.add(one)
        unanswered += one.unanswered
        reproduced = reproduced and one.reproduced
        was = (one.call.vendor, one.call.model, one.call.refused)
        changed += was != (one.vendor, one.model, one.refused)
    return WhatIf(
        before=before,
        after=after,
        changed=changed,
        unanswered=unanswered,
        reproduced=reproduced,
    )


def tokens_of(usage: Usage) -> int:
    """Input and output, as quotas count them."""
    return (usage.input_tokens or 0) + (usage.output_tokens or 0)


def _under(
    quotas: Sequence[TrialQuota], results: Iterable[Replayed], scenario: Scenario
) -> Iterator[Replayed]:
    budgets = [_Budget(quota) for quota in quotas]
    for result in results:
        one = _let_through(result, scenario)
        applying = [budget for budget in budgets if budget.applies(one)]
        refusals = [budget.refuses(one) for budget in applying]
        refused = one.refused or next(filter(None, refusals), None)
        if refused is not None:
            yield replace(one, refused=refused, usage=Usage(), cost_micro_usd=0)
            continue
        for budget in applying:
            budget.book(one)
        yield one


class _Budget:
    """A quota with what was used in each of its windows."""

    def __init__(self, quota: TrialQuota) -> None:
        self._quota = quota
        self._used: dict[datetime, int] = {}

    def applies(self, one: Replayed) -> bool:
        return _scope(one, self._quota.scope) == self._quota.scope_id

    def refuses(self, one: Replayed) -> str | None:
        amount = self._amount(one)
        if amount is None:
            return UNPRICED
        used = self._used.get(self._window(one), 0)
        return EXCEEDED if used + amount > self._quota.limit else None

    def book(self, one: Replayed) -> None:
        window = self._window(one)
        self._used[window] = self._used.get(window, 0) + (self._amount(one) or 0)

    def _window(self, one: Replayed) -> datetime:
        return window_of(self._quota.window, self._quota.time_zone, one.call.at)[0]

    def _amount(self, one: Replayed) -> int | None:
        if self._quota.metric is Metric.REQUESTS:
            return 1
        if self._quota.metric is Metric.TOKENS:
            return tokens_of(one.usage)
        return one.cost_micro_usd


def _let_through(one: Replayed, scenario: Scenario) -> Replayed:
    """The old quotas are gone: a call that they refused is served, where it was to go.

    One that named its vendor itself was to go there.
    """
    call, made = one.call, one.decision
    if one.refused not in BY_QUOTA:
        return one
    vendor, model, key_id = call.vendor, call.model, call.key_id
    if made is not None:
        if not made.candidates:
            return one
        first = made.candidates[0]
        vendor, model, key_id = first.target.vendor, first.target.model, first.keys[0]
    usage = likely(call, call.routing)
    price = None if model is None else scenario.price_of(vendor, model, call.at)
    return replace(
        one,
        vendor=vendor,
        model=model,
        key_id=key_id,
        refused=None,
        usage=usage,
        cost_micro_usd=None if price is None else cost_of(usage, price),
    )


def _scope(one: Replayed, kind: ScopeKind) -> str | None:
    if kind is ScopeKind.MODEL:
        return one.model
    if kind is ScopeKind.PROVIDER_KEY:
        return None if one.key_id is None else str(one.key_id)
    return one.call.scopes.get(kind)
