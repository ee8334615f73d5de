"""How long many things took: the counts of `latency_histogram`, made to be added up.

Sketches are added exactly and in any order, here or by `sum()` in SQL, where one is a
number whose decimal digits are the counts, twelve for each step, the shortest times in the
lowest ones. So a quantile of a day is the same whether it is told from minutes, from hours
or call by call, and like every quantile of the histogram it is off by less than 5 %.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, chain
from struct import pack
from typing import NamedTuple

from projections.latency_histogram import LAST, middle, step_of

DIGITS = 12  # of a step's count: it may be anything below a million millions
BASE, EACH = 10_000, 3  # as a number is kept: so many digits of that base for a count
_BYTES = 2 * EACH
_MIDDLES = tuple(map(middle, range(LAST + 1)))


class Sketch(NamedTuple):
    """How much each step counts from `lowest` on; neither the first nor the last is 0.

    The digits are those of the number, to its base, in two bytes each (big-endian). Counts
    are made of them when they are needed: what is asked for by the minute has very many.
    """

    lowest: int = 0
    digits: bytes = b""

    @classmethod
    def of(cls, lowest: int, counts: Sequence[int]) -> Sketch:
        """The sketch of these counts, from the lowest step's on."""
        if max(counts) <= _ONE_BYTE:
            digits = bytearray(_BYTES * len(counts))
            digits[_BYTES - 1 :: _BYTES] = bytes(reversed(counts))
            return cls(lowest, bytes(digits))
        many = list(chain.from_iterable(map(_digits, reversed(counts))))
        return cls(lowest, pack(f"!{len(many)}H", *many))

    @property
    def counts(self) -> tuple[int, ...]:
        """How much each step counts, from `lowest` on."""
        digits = self.digits
        small = digits[::-_BYTES]
        if digits.count(0) - small.count(0) == (_BYTES - 1) * len(small):
            return tuple(small)  # a single byte of each count is not 0
        many = array("H", digits)
        if sys.byteorder == "little":
            many.byteswap()
        low, middle, high = many[::-EACH], many[-2::-EACH], many[-3::-EACH]
        if not any(middle) and not any(high):
            return tuple(low)
        triples = zip(high, middle, low, strict=True)
        return tuple((h * BASE + m) * BASE + n for h, m, n in triples)

    def __add__(self, other: Sketch) -> Sketch:  # type: ignore[override]
        if not self.digits or not other.digits:
            return self if self.digits else other
        low, high = (self, other) if self.lowest <= other.lowest else (other, self)
        counts, more = list(low.counts), high.counts
        at = high.lowest - low.lowest
        counts += [0] * (at + len(more) - len(counts))
        for step, count in enumerate(more, start=at):
            counts[step] += count
        return Sketch.of(low.lowest, counts)

    def quantiles(self, shares: Sequence[float]) -> list[int] | None:
        """The milliseconds that each share stayed within; None: nothing was measured."""
        if not self.digits:
            return None
        upto = list(accumulate(self.counts))
        lowest, total = self.lowest, upto[-1]
        return [_MIDDLES[lowest + bisect_left(upto, share * total)] for share in shares]


def sketch_of(milliseconds: int | None) -> Sketch:
    """A single measurement; what was not measured is counted nowhere."""
    return NOTHING if milliseconds is None else _ONE[step_of(milliseconds)]


def _digits(count: int) -> tuple[int, int, int]:
    upper, low = divmod(count, BASE)
    return *divmod(upper, BASE), low


_ONE_BYTE = 255
NOTHING = Sketch()
_ONE = tuple(Sketch.of(step, (1,)) for step in range(LAST + 1))
