"""Sketches of latencies as PostgreSQL's `numeric`, in binary.

The format is that of `numeric_send` (PostgreSQL, src/backend/utils/adt/numeric.c): how
many digits there are, the weight of the first one, sign and scale, then the digits, to the
base of 10,000, highest first; zeros at either end are left out. Three are a step's count.
"""

from __future__ import annotations

import sys
from array import array
from itertools import chain
from struct import Struct, pack

from projections.latency_sketch import DIGITS, NOTHING, Sketch

_BASE, _EACH = 10_000, DIGITS // 4
_HEADER = Struct("!HhHH")
_SWAPPED = sys.byteorder == "little"


def to_numeric(sketch: Sketch) -> bytes:
    """The number, for `numeric_recv`."""
    digits = list(chain.from_iterable(map(_digits, reversed(sketch.counts))))
    weight = _EACH * (sketch.lowest + len(sketch.counts)) - 1
    return _HEADER.pack(len(digits), weight, 0, 0) + pack(f"!{len(digits)}H", *digits)


def from_numeric(number: bytes) -> Sketch:
    """What `numeric_send` made of the number."""
    size, weight, _, _ = _HEADER.unpack_from(number)
    if not size:
        return NOTHING
    lowest, below = divmod(weight - size + 1, _EACH)
    digits = array("H", bytes(2 * (-(weight + 1) % _EACH)) + number[_HEADER.size :])
    if below:
        digits.frombytes(bytes(2 * below))
    if _SWAPPED:
        digits.byteswap()
    high, middle, counts = digits[-3::-_EACH], digits[-2::-_EACH], digits[-1::-_EACH]
    if not any(middle) and not any(high):
        return Sketch(lowest, tuple(counts))
    triples = zip(high, middle, counts, strict=True)
    return Sketch(lowest, tuple((h * _BASE + m) * _BASE + low for h, m, low in triples))


def _digits(count: int) -> tuple[int, int, int]:
    upper, low = divmod(count, _BASE)
    return *divmod(upper, _BASE), low
