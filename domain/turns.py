"""Whose turn it is: an order that is fair over many calls and needs no shared counter.

`turn` is a large random number that every process draws for itself, such as the random
part of a call's id. Over many turns each share comes first as often as its weight says,
and each of its members as often as the others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Share(Generic[T]):
    """Members that take turns; shares of one priority compete by weight (at least 1)."""

    priority: int  # the lowest comes first
    weight: int
    members: Sequence[T]


def in_turn(shares: Sequence[Share[T]], turn: int) -> list[T]:
    """All members in the order in which to try them this time."""
    order: list[T] = []
    for priority in sorted({share.priority for share in shares}):
        left = [share for share in shares if share.priority == priority]
        while left:
            turn, point = divmod(turn, sum(share.weight for share in left))
            chosen = left.pop(_at(left, point))
            turn, start = divmod(turn, max(1, len(chosen.members)))
            order.extend(chosen.members[start:])
            order.extend(chosen.members[:start])
    return order


def _at(shares: Sequence[Share[T]], point: int) -> int:
    """The index of the share that the point falls into."""
    index = 0
    while point >= shares[index].weight:
        point -= shares[index].weight
        index += 1
    return index
