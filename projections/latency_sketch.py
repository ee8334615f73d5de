"""How long many things took, as one whole number that is added up like any other.

The counts of `latency_histogram`, each in twelve decimal digits, the shortest times in the
lowest ones. The sum of such numbers is the number of all that is counted in them, exactly
and in any order, here or by `sum()` in SQL; what was added can be taken away again. So a
quantile of a day is the same whether it is told from minutes, from hours or call by call,
and like every quantile of the histogram it is off by less than 5 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from projections.latency_histogram import LAST, middle, step_of

DIGITS = 12  # of a step's count: it may be anything below a million millions
_ONE = tuple(10 ** (DIGITS * step) for step in range(LAST + 1))


def sketch_of(milliseconds: int | None) -> int:
    """A single measurement; what was not measured is counted nowhere."""
    return 0 if milliseconds is None else _ONE[step_of(milliseconds)]


def quantiles(sketch: int, shares: Sequence[float]) -> list[int] | None:
    """The milliseconds that each share stayed within, rising; None: of nothing."""
    counts = list(_counts(sketch))
    if not counts:
        return None
    total, seen, told = sum(count for _, count in counts), 0, []
    left = list(reversed(shares))
    for step, count in counts:
        seen += count
        while left and seen >= left[-1] * total:
            told.append(middle(step))
            left.pop()
    return told


def _counts(sketch: int) -> Iterator[tuple[int, int]]:
    """Each step that counts something, and how much; read off the digits."""
    text = str(sketch)
    for step, end in enumerate(range(len(text), 0, -DIGITS)):
        if count := int(text[max(end - DIGITS, 0) : end]):
            yield step, count
