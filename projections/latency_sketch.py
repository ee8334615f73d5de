"""How long many things took: the counts of `latency_histogram`, made to be added up.

Sketches are added exactly and in any order, here or by `sum()` in SQL, where one is a
number whose decimal digits are the counts, twelve for each step, the shortest times in the
lowest ones. So a quantile of a day is the same whether it is told from minutes, from hours
or call by call, and like every quantile of the histogram it is off by less than 5 %.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from projections.latency_histogram import LAST, middle, step_of

DIGITS = 12  # of a step's count: it may be anything below a million millions
_MIDDLES = tuple(map(middle, range(LAST + 1)))


@dataclass(frozen=True, slots=True)
class Sketch:
    """How much each step counts from `lowest` on; neither the first nor the last is 0."""

    lowest: int = 0
    counts: tuple[int, ...] = ()

    def __add__(self, other: Sketch) -> Sketch:
        if not self.counts or not other.counts:
            return self if self.counts else other
        low, high = (self, other) if self.lowest <= other.lowest else (other, self)
        at = high.lowest - low.lowest
        counts = list(low.counts)
        counts += [0] * (at + len(high.counts) - len(counts))
        for step, count in enumerate(high.counts, start=at):
            counts[step] += count
        return Sketch(low.lowest, tuple(counts))

    def quantiles(self, shares: Sequence[float]) -> list[int] | None:
        """The milliseconds that each share stayed within; None: nothing was measured."""
        if not self.counts:
            return None
        upto = list(accumulate(self.counts))
        steps = (self.lowest + bisect_left(upto, share * upto[-1]) for share in shares)
        return [_MIDDLES[step] for step in steps]


NOTHING = Sketch()
_ONE = tuple(Sketch(step, (1,)) for step in range(LAST + 1))


def sketch_of(milliseconds: int | None) -> Sketch:
    """A single measurement; what was not measured is counted nowhere."""
    return NOTHING if milliseconds is None else _ONE[step_of(milliseconds)]
