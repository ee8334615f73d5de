"""Counters, histograms and gauges, and the text that Prometheus reads (format 0.0.4).

One thread writes and reads them, the event loop's: there are no locks. A family keeps at
most `MOST_SERIES` sets of labels; what comes later is counted under "other".
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Literal, Protocol

MOST_SERIES = 1000
OTHER = "other"

Labels = tuple[object, ...]
Cell = list[float]
Sample = tuple[str, tuple[tuple[str, object], ...], float]  # suffix, labels, value


class Family(Protocol):
    """Series of one name."""

    name: str
    meaning: str
    kind: Literal["counter", "histogram", "gauge"]

    def samples(self) -> Iterator[Sample]:
        """Every number in it, now."""


class Counter:
    """Numbers that only grow; the name ends in `_total`."""

    kind: Literal["counter", "histogram", "gauge"] = "counter"

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self.name, self.meaning, self._labels = name, meaning, labels
        self._cells: dict[Labels, Cell] = {}

    def cell(self, labels: Labels) -> Cell:
        """Where the number is kept: `cell[0] += 1` is all that a hot path has to do."""
        return _cell(self._cells, labels, 1)

    def add(self, labels: Labels, amount: float = 1) -> None:
        self.cell(labels)[0] += amount

    def samples(self) -> Iterator[Sample]:
        for labels, (value,) in self._cells.items():
            yield "", tuple(zip(self._labels, labels, strict=True)), value


class Histogram:
    """How often something was how large; `bounds` are inclusive, in ascending order."""

    kind: Literal["counter", "histogram", "gauge"] = "histogram"

    def __init__(
        self, name: str, meaning: str, *labels: str, bounds: Sequence[float]
    ) -> None:
        self.name, self.meaning, self._labels = name, meaning, labels
        self.bounds = tuple(bounds)
        self._cells: dict[Labels, Cell] = {}  # the sum, then one number a bucket

    def cell(self, labels: Labels) -> Cell:
        """Where the numbers are kept, for `observe`."""
        return _cell(self._cells, labels, len(self.bounds) + 2)

    def observe(self, cell: Cell, value: float) -> None:
        cell[0] += value
        cell[bisect_left(self.bounds, value) + 1] += 1

    def samples(self) -> Iterator[Sample]:
        for values, (total, *buckets) in self._cells.items():
            labels = tuple(zip(self._labels, values, strict=True))
            sums = list(accumulate(buckets))
            for bound, number in zip((*self.bounds, "+Inf"), sums, strict=True):
                yield "_bucket", (*labels, ("le", bound)), number
            yield "_sum", labels, total
            yield "_count", labels, sums[-1]


class Gauge:
    """Numbers that are looked up when somebody asks; one called `_total` only grows."""

    kind: Literal["counter", "histogram", "gauge"]

    def __init__(
        self,
        name: str,
        meaning: str,
        *labels: str,
        read: Callable[[], Iterable[tuple[Labels, float]]],
    ) -> None:
        self.name, self.meaning, self._labels, self._read = name, meaning, labels, read
        self.kind = "counter" if name.endswith("_total") else "gauge"

    def samples(self) -> Iterator[Sample]:
        for labels, value in self._read():
            yield "", tuple(zip(self._labels, labels, strict=True)), value


def _cell(cells: dict[Labels, Cell], labels: Labels, size: int) -> Cell:
    try:
        return cells[labels]
    except KeyError:
        if len(cells) >= MOST_SERIES:
            labels = (OTHER,) * len(labels)
        return cells.setdefault(labels, [0.0] * size)


def one(number: Callable[[], float]) -> Callable[[], Iterator[tuple[Labels, float]]]:
    """How a gauge without labels reads its only number."""

    def read() -> Iterator[tuple[Labels, float]]:
        yield (), number()

    return read


def lines_of(family: Family, process: str) -> list[str]:
    """Its numbers, each with the process that they are of."""
    return [
        f"{family.name}{suffix}{_braced((('process', process), *labels))} {_written(value)}"
        for suffix, labels, value in family.samples()
    ]


def heading(family: Family) -> str:
    """What it is: stands once, before its numbers."""
    return f"# HELP {family.name} {family.meaning}\n# TYPE {family.name} {family.kind}"


def text_of(headings: Mapping[str, str], lines: Mapping[str, Sequence[str]]) -> bytes:
    """Families by their names, with all that is known of each."""
    parts = ["\n".join((headings[name], *found)) for name, found in lines.items() if found]
    return "".join(f"{part}\n" for part in parts).encode()


def _written(value: float) -> str:
    """A whole number in full, any other so that it reads back the same."""
    return repr(int(value) if value == int(value) else value)


def _braced(labels: Iterable[tuple[str, object]]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: object) -> str:
    text = str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return text.encode("utf-8", "replace").decode()
