"""Arrays as PostgreSQL reads them in binary: psycopg's own lists go as escaped text.

The format is that of `array_recv` (PostgreSQL, src/backend/utils/adt/arrayfuncs.c): the
number of dimensions, whether there are nulls, the elements' type, then size and lower bound
of each dimension, then each element behind its length; all numbers are big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, pq
from psycopg.adapt import Dumper
from psycopg.postgres import types as builtins

_HEADER = Struct("!iiIii")
_LENGTH = Struct("!i")
_BIGINT = Struct("!q")
_BYTEA, _INT8, _TEXT, _UUID = (
    builtins[name].oid for name in ("bytea", "int8", "text", "uuid")
)


class BinaryArray(bytes):
    """An array ready to be sent; its type is said by a cast in the query."""

    __slots__ = ()


class _BinaryArrayDumper(Dumper):
    format = pq.Format.BINARY

    def dump(self, obj: BinaryArray) -> bytes:
        return obj


def register(connection: AsyncConnection[Any]) -> None:
    """The connection takes a `BinaryArray` as a parameter."""
    connection.adapters.register_dumper(BinaryArray, _BinaryArrayDumper)


def bytea_array(values: Sequence[bytes]) -> BinaryArray:
    """For `bytea[]`."""
    return _array(_BYTEA, values)


def text_array(values: Sequence[str]) -> BinaryArray:
    """For `text[]`, in a connection whose encoding is UTF-8."""
    return _array(_TEXT, [value.encode() for value in values])


def bigint_array(values: Sequence[int]) -> BinaryArray:
    """For `bigint[]`."""
    return _array(_INT8, [_BIGINT.pack(value) for value in values])


def uuid_array(values: Sequence[UUID]) -> BinaryArray:
    """For `uuid[]`."""
    return _array(_UUID, [value.bytes for value in values])


def _array(element: int, values: Sequence[bytes]) -> BinaryArray:
    if not values:
        return BinaryArray(_HEADER.pack(0, 0, element, 0, 0)[:12])
    parts = [_HEADER.pack(1, 0, element, len(values), 1)]
    for value in values:
        parts += (_LENGTH.pack(len(value)), value)
    return BinaryArray(b"".join(parts))
