"""Sketches of latencies as PostgreSQL's `numeric`, in binary.

The format is that of `numeric_send` (PostgreSQL, src/backend/utils/adt/numeric.c): how
many digits there are, the weight of the first one, sign and scale, then the digits, as a
sketch has them; zeros at either end are left out.
"""

from __future__ import annotations

from struct import Struct

from projections.latency_sketch import EACH, NOTHING, Sketch

_HEADER = Struct("!HhHH")
_ZERO = bytes(2)


def to_numeric(sketch: Sketch) -> bytes:
    """The number, for `numeric_recv`."""
    size = len(sketch.digits) // len(_ZERO)
    return _HEADER.pack(size, EACH * sketch.lowest + size - 1, 0, 0) + sketch.digits


def from_numeric(number: bytes) -> Sketch:
    """What `numeric_send` made of the number."""
    size, weight, _, _ = _HEADER.unpack_from(number)
    if not size:
        return NOTHING
    lowest, below = divmod(weight - size + 1, EACH)
    above = -(weight + 1) % EACH
    digits = _ZERO * above + number[_HEADER.size :] + _ZERO * below
    return Sketch._make((lowest, digits))
