"""Patterns as trees of positions, and what a tree can do at a gap between characters.

Each position reads one character. Assertions (`^ $ \\b \\B`) read none: they hold at a gap
or do not, so a tree has one shape for each kind of gap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Literal, NamedTuple


class Gap(NamedTuple):
    """The place between two characters, or before the first, or behind the last."""

    start: bool
    end: bool
    boundary: bool  # of a word

    @staticmethod
    def all() -> Iterable[Gap]:
        """Every kind there is."""
        return (Gap(*flags) for flags in product((False, True), repeat=3))


@dataclass(frozen=True, slots=True)
class Position:
    number: int


@dataclass(frozen=True, slots=True)
class Assertion:
    holds: Literal["start", "end", "boundary", "no-boundary"]

    def at(self, gap: Gap) -> bool:
        """Whether it holds there."""
        if self.holds == "no-boundary":
            return not gap.boundary
        return bool(getattr(gap, self.holds))


@dataclass(frozen=True, slots=True)
class Sequence:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    options: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Optional:
    part: Node


@dataclass(frozen=True, slots=True)
class Repeated:
    """Once or more."""

    part: Node


Node = Position | Assertion | Sequence | Choice | Optional | Repeated


@dataclass(frozen=True, slots=True)
class Shape:
    """What a tree can begin and end with, as bits, and whether it can be nothing."""

    empty: bool
    first: int
    last: int


NOTHING = Shape(empty=True, first=0, last=0)
IMPOSSIBLE = Shape(empty=False, first=0, last=0)


def shape_at(node: Node, gap: Gap, follow: list[int]) -> Shape:
    """The tree's shape if all its assertions stand at that gap; adds to what may follow."""
    match node:
        case Position(number=number):
            return Shape(empty=False, first=1 << number, last=1 << number)
        case Assertion():
            return NOTHING if node.at(gap) else IMPOSSIBLE
        case Sequence(parts=parts):
            shape = NOTHING
            for part in parts:
                shape = _then(shape, shape_at(part, gap, follow), follow)
            return shape
        case Choice(options=options):
            shapes = [shape_at(option, gap, follow) for option in options]
            return _either(shapes)
        case Optional(part=part):
            shape = shape_at(part, gap, follow)
            return _either([shape, NOTHING])
        case Repeated(part=part):
            shape = shape_at(part, gap, follow)
            _join(shape.last, shape.first, follow)
            return shape


def _either(shapes: list[Shape]) -> Shape:
    first = last = 0
    for shape in shapes:
        first, last = first | shape.first, last | shape.last
    return Shape(
        empty=any(shape.empty for shape in shapes),
        first=first,
        last=last,
    )


def _then(one: Shape, other: Shape, follow: list[int]) -> Shape:
    _join(one.last, other.first, follow)
    return Shape(
        empty=one.empty and other.empty,
        first=one.first | (other.first if one.empty else 0),
        last=other.last | (one.last if other.empty else 0),
    )


def _join(last: int, first: int, follow: list[int]) -> None:
    while last:
        lowest = last & -last
        follow[lowest.bit_length() - 1] |= first
        last ^= lowest
