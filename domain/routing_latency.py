"""How quick a target has been: an average in which the latest calls count most.

Each call moves it by a fifth of the difference. What was measured long ago says nothing:
after `FORGOTTEN_SECONDS` without a call a target is unknown again, so that it is tried.
One that has only refused calls lately counts as `UNANSWERED_MS`: a refusal is quick, and
that would be the reason to send it all the others.
"""

from __future__ import annotations

from dataclasses import dataclass

SHARE = 0.2  # of the newest call
FORGOTTEN_SECONDS = 60.0
UNANSWERED_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Latency:
    """The average in milliseconds to the first byte, and when it was last moved."""

    ms: float
    at: float  # in seconds of any one clock

    def after(self, ms: float, now: float) -> Latency:
        """With one more call; a forgotten average begins anew."""
        if now - self.at > FORGOTTEN_SECONDS:
            return Latency(ms, now)
        return Latency(self.ms + SHARE * (ms - self.ms), now)

    def known(self, now: float) -> int | None:
        """The average in whole milliseconds, at least 1; None once it is forgotten."""
        if now - self.at > FORGOTTEN_SECONDS:
            return None
        return max(round(self.ms), 1)
