"""Calls that may go to several places: to one model or another, under one key or another.

Each place has quotas of its own beside those that apply everywhere, and the call is
admitted at the first that has room. All are weighed on the same balances, so that it is
refused only if one thread, deciding at that moment, would find no room anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from domain.budgets import Denied, Wants, wait_of
from domain.calls import CallFacts
from domain.quota_events import Metric, ScopeKind


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A call that asks to be admitted at the first of these places that has room."""

    wants: tuple[Wants, ...]

    @property
    def facts(self) -> CallFacts:
        """As if it were the first."""
        return self.wants[0].facts

    def scope_keys(self) -> tuple[str, ...]:
        """Of all of them."""
        return tuple(dict.fromkeys(key for one in self.wants for key in one.scope_keys()))


def may_fit_elsewhere(denied: Denied) -> bool:
    """Whether there may be room for the call at another model, or under another key.

    A quota that holds for all of them alike, and asks no prices, says no to all of them.
    """
    hold = denied.hold
    own = hold.scope in {ScopeKind.MODEL, ScopeKind.PROVIDER_KEY}
    return own or hold.metric is Metric.COST_MICRO_USD


def soonest(denied: Sequence[Denied]) -> int:
    """Which of the places that have no room is the first to have some again."""
    return min(range(len(denied)), key=lambda nth: wait_of(denied[nth]))
