"""What this process knows of keys that have failed lately, nearer than the fleet log.

A key that is not remembered here is well. What is remembered is void as soon as the route
table has a newer version of the key in which it was found good again.
"""

from __future__ import annotations

import math
import random
import time
from datetime import UTC, datetime
from uuid import UUID

from domain.errors import LimitReached
from domain.key_health import HEALTHY, KeyHealth
from domain.keys import KeyStatus
from domain.verdicts import Verdict
from projections.route_table import KeyRoute

BUDGET_SHARE = 0.2  # attempts at what is down already, as a share of all calls
BUDGET_PER_SECOND = 5.0  # that a quiet process may make beside that
BUDGET_RESERVE = 50.0  # that may be spent at once
MOST_REMEMBERED = 10_000


class AllKeysCooling(LimitReached):
    """Every key that could serve the call was told to wait; try again later."""

    code = "all-keys-cooling"


class KeyRests(Exception):
    """Since the key was chosen another call has begun to try it."""


class RetryBudget:
    """Lets a call press what is down already, unless that happens too often: no storm.

    It is not asked for an attempt elsewhere under a key that is well (`going_on`): with it,
    a failover of as many calls at once as there are lost 2 % of them in the chaos run while
    another vendor was fine, and saved nobody anything. When all are down it is what keeps
    four attempts a call to 1.2.
    """

    __slots__ = ("_left", "_since")

    def __init__(self, now: float) -> None:
        self._left = BUDGET_RESERVE
        self._since = now

    def earn(self) -> None:
        """One more call was made."""
        if self._left < BUDGET_RESERVE:
            self._left += BUDGET_SHARE

    def spend(self, now: float) -> bool:
        """Whether one more attempt may be made; it is counted."""
        earned = (now - self._since) * BUDGET_PER_SECOND
        self._left = min(self._left + earned, BUDGET_RESERVE)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class KeyHealths:
    """One for each process; lives in its event loop."""

    def __init__(self) -> None:
        self.budget = RetryBudget(time.monotonic())
        self._known: dict[UUID, tuple[int, KeyHealth]] = {}

    def ready(self, keys: list[KeyRoute]) -> list[KeyRoute]:
        """Those that a call may try now, in order; `AllKeysCooling`, or none at all.

        A key whose vendor is overloaded comes last, and still is better than none.
        """
        if not self._known:  # the usual case, and a fast one
            for key in keys:
                if key.status is not KeyStatus.ACTIVE:
                    break
            else:
                return keys
        now, today = time.monotonic(), datetime.now(UTC)
        well: list[KeyRoute] = []
        doubtful: list[tuple[float, KeyRoute]] = []
        waits: list[float] = []
        for key in keys:
            health = self._health(key)
            until = key.cooling_until
            if not key.usable(today):
                waits.append((until - today).total_seconds() if until else 0.0)
            elif health.lets_pass(now):
                well.append(key)
            elif not health.must_rest(now):
                doubtful.append((health.open_until or now, key))
            elif health.verdict is Verdict.THROTTLED:
                waits.append(max(0.0, (health.open_until or now) - now))
        doubtful.sort(key=lambda one: one[0])
        ready = [*well, *(key for _, key in doubtful)]
        if not ready and waits:
            raise AllKeysCooling(retry_after_seconds=max(1, math.ceil(min(waits))))
        return ready

    def strained(self, keys: list[KeyRoute]) -> bool:
        """Whether the vendor was overloaded lately under each of these keys."""
        if not self._known:
            return False
        now = time.monotonic()
        return not any(self._health(key).lets_pass(now) for key in keys)

    def on_trial(self, key: KeyRoute) -> bool:
        """Whether a call tries the key just now, for all others."""
        return bool(self._known) and self._health(key).on_trial(time.monotonic())

    def trying(self, key: KeyRoute, *, always: bool = False) -> None:
        """A call uses the key now; `KeyRests`: it may not, unless it may `always`."""
        if not self._known or key.key_id not in self._known:
            return
        now, health = time.monotonic(), self._health(key)
        if health.on_trial(now) and not always:
            raise KeyRests
        self._keep(key, health.tried(now))

    def let_in(self, key: KeyRoute) -> None:
        """A call under the key is being answered."""
        if self._known and key.key_id in self._known:
            self._keep(key, self._health(key).let_in(time.monotonic()))

    def fine(self, key: KeyRoute) -> None:
        """A call has had what it wanted."""
        if self._known and key.key_id in self._known:
            self.learned(key, Verdict.OK, None)

    def learned(
        self, key: KeyRoute, verdict: Verdict, wait: float | None
    ) -> datetime | None:
        """Remember the verdict; until when the key cools, if it does."""
        now = time.monotonic()
        dice = random.random()  # noqa: S311  # so that not all come back at once
        health = self._health(key).after(verdict, now, wait=wait, dice=dice)
        self._keep(key, health)
        if verdict is not Verdict.THROTTLED or health.open_until is None:
            return None
        return datetime.fromtimestamp(time.time() + health.open_until - now, UTC)

    def _health(self, key: KeyRoute) -> KeyHealth:
        good_version, health = self._known.get(key.key_id, (0, HEALTHY))
        return health if good_version >= key.good_version else HEALTHY

    def _keep(self, key: KeyRoute, health: KeyHealth) -> None:
        self._known.pop(key.key_id, None)
        if health != HEALTHY:
            if len(self._known) >= MOST_REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key.key_id] = (key.good_version, health)
