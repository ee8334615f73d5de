"""Balances as this process left them, so that it need not look them up before it decides.

Who is alone with a balance finds it as it was left. So a batch is decided on what is
remembered, and the statement that writes it first sees that all of it still stands
(`write_calls_as_seen`): the balances, the quotas of these scopes and their limits, and that
the windows are still those of now. If anything is another, nothing is written, all is
forgotten, and the batch is decided anew on what `lock_budgets` tells; where that happens
again and again, as others are at the same balances, it is tried less and less often.

The next batch may be decided on what one leaves before that is written: if it is not, what
the next has seen does not stand either.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from adapters.postgres.binary_array import (
    bigint,
    bigint_array,
    text_array,
    timestamp,
)
from adapters.postgres.budget_batch import Budgets
from adapters.postgres.budget_concerns import Concerns, Window, written
from domain.budgets import Budget
from domain.windows import EPOCH

NEVER = datetime.max.replace(tzinfo=UTC)
MOST = 4096  # windows, and scopes, that are remembered
LONGEST_REST = 64  # batches
BOOKED_ONLY = 0  # instead of a quota's version: its definition does not matter


class Remembered(NamedTuple):
    """The budgets that a batch is decided on, and how they stood, as the statement asks."""

    budgets: Budgets
    seen: tuple[bytes, ...]


class _Asked(NamedTuple):
    """What batches about the same budgets ask of the database: all but the balances."""

    keys: set[str]
    budgets: dict[Window, Budget]  # those that apply now come first
    until: datetime  # when the first of their windows ends
    written: tuple[bytes, ...]


class BudgetMemory:
    """Of one process, which is told of every batch that it commits."""

    def __init__(self) -> None:
        self._budgets: Budgets | None = None  # as the last batch leaves them, once written
        self._rest = 0  # batches that will not be tried
        self._next_rest = 1
        self._last: _Asked | None = None

    def recall(self, concerns: Concerns) -> Remembered | None:
        """All that the batch is about, and no longer here; None: look it up."""
        if self._rest:
            self._rest -= 1
            return None
        if concerns.extends:
            return None
        budgets = self._budgets
        asked = None if budgets is None else self._asked_of(concerns, budgets)
        if budgets is None or asked is None:
            return None
        if asked.until <= datetime.now(UTC):  # the database asks its own clock
            return None
        budgets.begin(asked.budgets.items())
        stood = asked.budgets.values()
        settled = bigint_array([one.settled for one in stood])
        held = bigint_array([one.held for one in stood])
        return Remembered(budgets, (*asked.written, settled, held))

    def learn(self, concerns: Concerns, budgets: Budgets) -> None:
        """A batch was committed that was decided on these, looked up for it."""
        known = self._budgets
        if known is None or len(known.by_window) + len(known.by_key) > MOST:
            known = self._budgets = Budgets(())
        self._last = None
        for key in concerns.keys:
            known.know(key, budgets.by_key.get(key, []))
        now = {id(budget) for of_key in budgets.by_key.values() for budget in of_key}
        for window, budget in budgets.by_window.items():
            left = known.by_window.get(window)
            if left is None or id(budget) in now:
                known.by_window[window] = budget
            else:  # by its scope, too: there must be one of it only
                left.settled, left.held = budget.settled, budget.held

    def stood(self) -> None:
        """It was so, and is now as the batch that was committed has left it."""
        self._next_rest = 1

    def fell(self, remembered: Remembered) -> None:
        """What was recalled was not so any more."""
        if self.forget(remembered):
            self._rest = self._next_rest
            self._next_rest = min(2 * self._next_rest, LONGEST_REST)

    def forget(self, remembered: Remembered) -> bool:
        """The batch may not be written; False: what it was decided on is forgotten by now,
        for a batch before it was not.
        """
        if self._budgets is not remembered.budgets:
            return False
        self._budgets = self._last = None
        return True

    def _asked_of(self, concerns: Concerns, known: Budgets) -> _Asked | None:
        """None: something that the batch is about is not known here."""
        last = self._last
        if (
            last is not None
            and last.keys == concerns.keys
            and last.budgets.keys() >= concerns.windows
        ):
            return last  # the usual case: a budget changes in its balance only
        applying: dict[Window, Budget] = {}
        for key in sorted(concerns.keys):
            of_key = known.by_key.get(key)
            if of_key is None:
                return None
            applying |= {(one.quota_id.int, one.window_start): one for one in of_key}
        booked = {}
        for window in concerns.windows.difference(applying):
            budget = known.by_window.get(window)
            if budget is None:
                return None
            booked[window] = budget
        self._last = _asked(concerns.keys, applying, booked)
        return self._last


def _asked(
    keys: set[str], applying: dict[Window, Budget], booked: dict[Window, Budget]
) -> _Asked:
    budgets = applying | booked
    since = max((start for _, start in applying), default=EPOCH)
    until = min((one.window_end or NEVER for one in applying.values()), default=NEVER)
    versions = [one.version for one in applying.values()] + [BOOKED_ONLY] * len(booked)
    asked = (
        text_array(sorted(keys)),
        timestamp(since),
        timestamp(until),
        bigint(len(applying)),
        *written(tuple(budgets)),
        bigint_array(versions),
        bigint_array([one.limit for one in budgets.values()]),
    )
    return _Asked(keys, budgets, until, asked)
