"""Arrays as PostgreSQL reads them in binary, for `Pipeline.run`; `Sent` ones for a cursor.

The format is that of `array_recv` (PostgreSQL, src/backend/utils/adt/arrayfuncs.c): the
number of dimensions, whether there are nulls, the elements' type, then size and lower bound
of each dimension, then each element behind its length; all numbers are big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from struct import Struct
from uuid import UUID

from psycopg.abc import AdaptContext
from psycopg.adapt import Dumper
from psycopg.postgres import types as builtins
from psycopg.pq import Format

_HEADER = Struct("!iiIii")
_LENGTH = Struct("!i")
_BIGINT, _SIZED_BIGINT = Struct("!q"), Struct("!iq")
_EIGHT, _SIXTEEN = _LENGTH.pack(8), _LENGTH.pack(16)
_BYTEA, _INT8, _NUMERIC, _TEXT, _UUID, _TIME = (
    builtins[name].oid
    for name in ("bytea", "int8", "numeric", "text", "uuid", "timestamptz")
)
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Sent(bytes):
    """An array among the values of a statement, which says what it is: `%s::uuid[]`."""


class _SentDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Sent) -> bytes:
        return obj


def send_arrays(context: AdaptContext) -> None:
    """That cursor or connection takes what is `Sent`."""
    adapters = context.adapters
    if adapters is not None:
        adapters.register_dumper(Sent, _SentDumper)


def bytea_array(values: Sequence[bytes]) -> bytes:
    """For `bytea[]`."""
    return _array(_BYTEA, len(values), _lengthy(values))


def numeric_array(values: Sequence[bytes]) -> bytes:
    """For `numeric[]`, of numbers as `numeric_recv` takes them."""
    return _array(_NUMERIC, len(values), _lengthy(values))


def text_array(values: Sequence[str]) -> bytes:
    """For `text[]`, in a connection whose encoding is UTF-8."""
    return _array(_TEXT, len(values), b"".join(map(_text, values)))


def bigint_array(values: Sequence[int]) -> bytes:
    """For `bigint[]`."""
    sized = _SIZED_BIGINT.pack
    return _array(_INT8, len(values), b"".join([sized(8, value) for value in values]))


def uuid_array(values: Sequence[UUID]) -> bytes:
    """For `uuid[]`."""
    return _array(
        _UUID,
        len(values),
        b"".join([_SIXTEEN + one.int.to_bytes(16, "big") for one in values]),
    )


def time_array(values: Sequence[datetime]) -> bytes:
    """For `timestamptz[]`: microseconds since the year 2000 began (`timestamptz_recv`)."""
    return _array(_TIME, len(values), b"".join([_time(one) for one in values]))


def _lengthy(values: Sequence[bytes]) -> bytes:
    parts: list[bytes] = []
    for value in values:
        parts += (_LENGTH.pack(len(value)), value)
    return b"".join(parts)


@lru_cache(maxsize=256)
def _time(value: datetime) -> bytes:
    return _EIGHT + timestamp(value)


def timestamp(value: datetime) -> bytes:
    """A `timestamptz` by itself."""
    return bigint((value - _EPOCH) // _MICROSECOND)


# Topics: the same few again and again.
@lru_cache(maxsize=256)
def _text(value: str) -> bytes:
    data = value.encode()
    return _LENGTH.pack(len(data)) + data


def bigint(value: int) -> bytes:
    """A `bigint` by itself."""
    return _BIGINT.pack(value)


def _array(element: int, size: int, elements: bytes) -> bytes:
    """The elements stand one behind another, each behind its length."""
    if not size:
        return _HEADER.pack(0, 0, element, 0, 0)[:12]
    return _HEADER.pack(1, 0, element, size, 1) + elements
