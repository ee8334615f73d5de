"""The health of a key as calls see it: a circuit that opens, is tried, and closes.

    closed --throttled, no funds, dead, or too often overloaded--> open
    open   --its time is over--> half open: one call at a time tries the key
    half open --any answer but those--> closed, --one of those--> open, for longer

A vendor that is overloaded says nothing against the key, so it takes several such answers
in a row, and the circuit is soon open no more. What calls report that began before the
circuit opened changes nothing: a burst counts once. Times are in seconds of any one clock.

A gate refuses at once: a trial that has heard nothing for a few seconds was let in, and so
is everybody then. A vendor that is overloaded may be silent for long, and is tried anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.verdicts import Verdict

OVERLOADED_IN_A_ROW = 5  # then the circuit opens
FIRST_BACKOFF = 1.0
LONGEST_BACKOFF = 60.0
LONGEST_OVERLOADED = 15.0
LONGEST_WAIT = 24 * 3600.0  # that a vendor may ask for
PARKED_SECONDS = 60.0  # for a dead key; by then the fleet log has it
TRIAL_SECONDS = 30.0  # an overloaded vendor that has said nothing by then is tried anew
GATE_SECONDS = 5.0  # any other that has refused nothing by then has let the trial in
JITTER = 0.1  # of the time a vendor asked for, on top of it


class Circuit(StrEnum):
    """Whether calls go through."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyHealth:
    """What is remembered of a key that has failed; a healthy one needs no memory."""

    failures: int = 0  # in a row
    verdict: Verdict | None = None  # of the last one
    open_until: float | None = None  # None: closed
    trial_until: float = 0.0

    def circuit(self, now: float) -> Circuit:
        """How the circuit stands."""
        if self.open_until is None:
            return Circuit.CLOSED
        return Circuit.OPEN if now < self.open_until else Circuit.HALF_OPEN

    def lets_pass(self, now: float) -> bool:
        """Whether a call should use the key, if there are others."""
        circuit = self.circuit(now)
        half_open = circuit is Circuit.HALF_OPEN and now >= self.trial_until
        return half_open or circuit is Circuit.CLOSED

    def must_rest(self, now: float) -> bool:
        """Whether a call may not use the key even if there is no other."""
        return self._is_shut(now) or self.on_trial(now)

    def on_trial(self, now: float) -> bool:
        """Whether a call finds out just now if the key may be used again."""
        half_open = self.circuit(now) is Circuit.HALF_OPEN
        return half_open and now < self.trial_until and self._at_fault

    def tried(self, now: float) -> KeyHealth:
        """A call uses the key from now on: while it is half open, nobody else should."""
        if self.circuit(now) is not Circuit.HALF_OPEN or now < self.trial_until:
            return self
        if not self._at_fault:
            return replace(self, trial_until=now + TRIAL_SECONDS)
        return self if self.trial_until else replace(self, trial_until=now + GATE_SECONDS)

    def let_in(self, now: float) -> KeyHealth:
        """The vendor begins to answer the trial: a gate that did so lets others in too."""
        return replace(self, trial_until=now) if self.on_trial(now) else self

    def after(
        self, verdict: Verdict, now: float, *, wait: float | None, dice: float
    ) -> KeyHealth:
        """The health after one more answer.

        `wait` is what the vendor asked for, in seconds; `dice` is a random number from 0
        to 1, so that not everybody comes back at the same moment.
        """
        if verdict in {Verdict.OK, Verdict.CLIENT_ERROR}:
            return self if self._is_shut(now) else HEALTHY
        if self.circuit(now) is Circuit.OPEN and not _worse(verdict, self.verdict):
            return self._longer(verdict, now, wait, dice)
        failures = self.failures + 1
        pause = _pause(verdict, failures, wait, dice)
        return KeyHealth(
            failures=failures,
            verdict=verdict,
            open_until=None if pause is None else now + pause,
            # Asked to come again at once, all may: there was no time to find anything out.
            trial_until=now if pause == 0 else 0.0,
        )

    def _is_shut(self, now: float) -> bool:
        return self.circuit(now) is Circuit.OPEN and self._at_fault

    @property
    def _at_fault(self) -> bool:
        """Whether it is the key, and not its vendor."""
        return self.verdict is not Verdict.OVERLOADED

    def _longer(
        self, verdict: Verdict, now: float, wait: float | None, dice: float
    ) -> KeyHealth:
        """Open already: only a vendor that asks for more time is heard."""
        if verdict is not Verdict.THROTTLED or wait is None or self.open_until is None:
            return self
        until = now + _asked_for(wait, dice)
        return replace(self, open_until=max(self.open_until, until))


HEALTHY = KeyHealth()

_WEIGHT = {
    Verdict.OVERLOADED: 1,
    Verdict.THROTTLED: 2,
    Verdict.NO_FUNDS: 3,
    Verdict.DEAD: 4,
}


def _worse(verdict: Verdict, than: Verdict | None) -> bool:
    return than is None or _WEIGHT[verdict] > _WEIGHT[than]


def _pause(
    verdict: Verdict, failures: int, wait: float | None, dice: float
) -> float | None:
    """How long the circuit stays open after so many failures; None: it does not open."""
    if verdict is Verdict.THROTTLED:
        if wait is not None:
            return _asked_for(wait, dice)
        return _backoff(failures, LONGEST_BACKOFF, dice)
    if verdict is Verdict.OVERLOADED:
        if failures < OVERLOADED_IN_A_ROW:
            return None
        return _backoff(failures - OVERLOADED_IN_A_ROW + 1, LONGEST_OVERLOADED, dice)
    return PARKED_SECONDS


def _asked_for(wait: float, dice: float) -> float:
    return min(max(wait, 0.0), LONGEST_WAIT) * (1 + JITTER * dice)


def _backoff(times: int, longest: float, dice: float) -> float:
    """Twice as long each time, up to the longest; half of it is chance."""
    pause = min(FIRST_BACKOFF * 2.0 ** min(times - 1, 30), longest)
    return pause * (1 + dice) / 2
