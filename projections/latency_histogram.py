"""How long things took, counted in steps that grow: small, added up exactly, good to 5 %.

A step is a ninth longer than the one before it, from 1 ms on (eight of them double it). A
quantile is told as the middle of its step, so it is off by less than 5 %; only what took a
few milliseconds is told to the millisecond.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

PER_DOUBLING = 8
LAST = PER_DOUBLING * 22  # beyond an hour everything is alike

Counts = tuple[
    tuple[int, int], ...
]  # step and how many, in order; steps that are empty are left out
NONE: Counts = ()


def step_of(milliseconds: int) -> int:
    """The step that so many milliseconds are counted in."""
    if milliseconds <= 1:
        return 0
    return min(math.ceil(math.log2(milliseconds) * PER_DOUBLING), LAST)


def one(milliseconds: int | None) -> Counts:
    """A single measurement; None was not measured and counts nowhere."""
    return NONE if milliseconds is None else ((step_of(milliseconds), 1),)


def merged(many: Iterable[Counts]) -> Counts:
    """All of them in one."""
    total: dict[int, int] = {}
    for counts in many:
        for step, count in counts:
            total[step] = total.get(step, 0) + count
    return tuple(sorted(total.items()))


def quantile(counts: Counts, share: float) -> int | None:
    """The milliseconds that this share stayed within; None if nothing was measured."""
    left = share * sum(count for _, count in counts)
    for step, count in counts:
        left -= count
        if left <= 0:
            return middle(step)
    return None


def middle(step: int) -> int:
    """The milliseconds in the middle of a step, by proportion."""
    if step == 0:
        return 1
    return round(2 ** ((step - 0.5) / PER_DOUBLING))
