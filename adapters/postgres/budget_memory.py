"""Balances as this process left them, so that it need not look them up before it decides.

Who is alone with a balance finds it as it was left. So a batch is decided on what is
remembered, and the statement that writes it first sees that all of it still stands
(`write_calls_as_seen`): the balances, the quotas of these scopes and their limits, and that
the windows are still those of now. If anything is another, nothing is written, all is
forgotten, and the batch is decided anew on what `lock_budgets` tells; where that happens
again and again, as others are at the same balances, it is tried less and less often.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from adapters.postgres.binary_array import (
    bigint,
    bigint_array,
    text_array,
    time_array,
    timestamp,
    uuid_array,
)
from adapters.postgres.budget_batch import Budgets
from adapters.postgres.budget_concerns import Concerns
from domain.budgets import Budget
from domain.windows import EPOCH

NEVER = datetime.max.replace(tzinfo=UTC)
MOST = 4096  # windows, and scopes, that are remembered
LONGEST_REST = 64  # batches
BOOKED_ONLY = 0  # instead of a quota's version: its definition does not matter


@dataclass(frozen=True, slots=True)
class Remembered:
    """The budgets that a batch is decided on, and how they stood, as the statement asks."""

    budgets: Budgets
    seen: tuple[bytes, ...]


class BudgetMemory:
    """Of one process, which is told of every batch that it commits."""

    def __init__(self) -> None:
        self._budgets = Budgets(())
        self._rest = 0  # batches that will not be tried
        self._next_rest = 1

    def recall(self, concerns: Concerns) -> Remembered | None:
        """All that the batch is about, and no longer here; None: look it up."""
        if self._rest:
            self._rest -= 1
            return None
        if concerns.extends:
            return None
        applying = self._applying(concerns)
        if applying is None:
            return None
        windows, now = self._budgets.by_window, {id(budget) for budget in applying}
        booked = [windows.get(window) for window in concerns.windows]
        others = [one for one in booked if one is not None and id(one) not in now]
        if None in booked or _over(applying):
            return None
        budgets, self._budgets = self._budgets, Budgets(())
        budgets.begin(applying + others)
        seen = (text_array(sorted(concerns.keys)), *_parameters(applying, others))
        return Remembered(budgets, seen)

    def learn(self, concerns: Concerns, budgets: Budgets) -> None:
        """A batch was committed that was decided on these, looked up for it."""
        known = self._budgets
        if len(known.by_window) + len(known.by_key) > MOST:
            known = self._budgets = Budgets(())
        for key in concerns.keys:
            known.by_key[key] = budgets.by_key.get(key, [])
        now = {id(budget) for of_key in budgets.by_key.values() for budget in of_key}
        for window, budget in budgets.by_window.items():
            left = known.by_window.get(window)
            if left is None or id(budget) in now:
                known.by_window[window] = budget
            else:  # by its scope, too: there must be one of it only
                left.settled, left.held = budget.settled, budget.held

    def stood(self, remembered: Remembered) -> None:
        """It was so, and is now as the batch that was committed has left it."""
        self._budgets, self._next_rest = remembered.budgets, 1

    def fell(self) -> None:
        """What was recalled was not so any more."""
        self._rest = self._next_rest
        self._next_rest = min(2 * self._next_rest, LONGEST_REST)

    def _applying(self, concerns: Concerns) -> list[Budget] | None:
        applying: list[Budget] = []
        for key in concerns.keys:
            of_key = self._budgets.by_key.get(key)
            if of_key is None:
                return None
            applying += of_key
        return applying


def _over(applying: list[Budget]) -> bool:
    """Whether a window has ended by our own clock; the database asks its own."""
    now = datetime.now(UTC)
    return any(one.window_end is not None and one.window_end <= now for one in applying)


def _parameters(applying: list[Budget], others: list[Budget]) -> tuple[bytes, ...]:
    both = applying + others
    since = max((one.window_start for one in applying), default=EPOCH)
    until = min((one.window_end or NEVER for one in applying), default=NEVER)
    versions = [one.version for one in applying] + [BOOKED_ONLY] * len(others)
    return (
        timestamp(since),
        timestamp(until),
        bigint(len(applying)),
        uuid_array([one.quota_id for one in both]),
        time_array([one.window_start for one in both]),
        bigint_array(versions),
        bigint_array([one.limit for one in both]),
        bigint_array([one.settled for one in both]),
        bigint_array([one.held for one in both]),
    )
