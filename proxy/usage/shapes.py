"""Shapes: the few fields of a vendor's JSON that matter, decoded without the rest.

A shape lists the fields we read; msgspec scans over everything else without building it.
Vendors do send a string where a number belongs: then each field is tried for itself and
only what does not fit is lost. Nothing here raises, whatever the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeVar, get_args

import msgspec
from msgspec import Raw, Struct

Number = int | float | None
Bytes = bytes | bytearray | Raw

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
LARGEST = 2**53 - 1  # what every JSON reader downstream can hold exactly
WEIGHED = 4 * 1024 * 1024  # bytes; of a longer body only usage, model and error are read


class Shape(Struct, gc=False):
    """The fields we read of one JSON object."""


S = TypeVar("S", bound=Shape)


def shaped(kind: type[S]) -> Callable[[Bytes], S | None]:
    """Make a decoder: bytes to the shape, or None when they are no JSON object."""
    decode = msgspec.json.Decoder(kind).decode

    def read(data: Bytes) -> S | None:
        try:
            return decode(data)
        except UNREADABLE:
            return _salvaged(data, kind)

    return read


def count(value: Number) -> int | None:
    """A token count, at most 2**53 - 1; None for what cannot be one."""
    if value is None or value < 0:
        return None
    if isinstance(value, float):
        if not value.is_integer():
            return None
        value = int(value)
    return min(value, LARGEST)


def over(earlier: int | None, now: Number) -> int | None:
    """The number reported now, else the earlier one."""
    number = count(now)
    return earlier if number is None else number


def total(*numbers: Number) -> int | None:
    """The sum of what is known; None when nothing is."""
    known = [number for number in map(count, numbers) if number is not None]
    return count(sum(known)) if known else None


def weight(text: str | None) -> int:
    """How many bytes the text has in UTF-8."""
    if not text:
        return 0
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def compact(value: Raw | None) -> int:
    """How many bytes the JSON value has without its white space; 0 for null or nothing."""
    if value is None or len(value) == 0 or bytes(value) == b"null":
        return 0
    try:
        return len(msgspec.json.format(value, indent=-1))
    except UNREADABLE:
        return 0


class _Field(NamedTuple):
    name: str
    decode: Callable[[Bytes], Any]
    inner: type[Shape] | None  # the shape of the field, or of its elements
    many: bool


class _Plan(NamedTuple):
    split: Callable[[Bytes], Struct]  # the same object, every field still undecoded
    fields: tuple[_Field, ...]


_elements = msgspec.json.Decoder(list[Raw]).decode


@cache
def _plan(kind: type[Shape]) -> _Plan:
    fields = msgspec.structs.fields(kind)
    undecoded = msgspec.defstruct(
        f"Undecoded{kind.__name__}",
        [(field.name, Raw, Raw()) for field in fields],
        rename={field.name: field.encode_name for field in fields},
    )
    return _Plan(
        split=msgspec.json.Decoder(undecoded).decode,
        fields=tuple(_field(field) for field in fields),
    )


def _field(field: msgspec.structs.FieldInfo) -> _Field:
    choices = get_args(field.type) or (field.type,)
    lists = [get_args(choice)[0] for choice in choices if get_args(choice)]
    inner = [kind for kind in (lists or choices) if _is_shape(kind)]
    return _Field(
        name=field.name,
        decode=msgspec.json.Decoder(field.type).decode,
        inner=inner[0] if inner else None,
        many=bool(lists),
    )


def _is_shape(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Shape)


def _salvaged(data: Bytes, kind: type[S]) -> S | None:
    """What of the object has the right shape; None when it is no JSON object."""
    plan = _plan(kind)
    try:
        split = plan.split(data)
    except UNREADABLE:
        return None
    kept = {}
    for field in plan.fields:
        raw: Raw = getattr(split, field.name)
        if len(raw):
            kept[field.name] = _kept(raw, field)
    return kind(**{name: value for name, value in kept.items() if value is not None})


def _kept(raw: Raw, field: _Field) -> object:
    try:
        return field.decode(raw)
    except UNREADABLE:
        if field.inner is None:
            return None
    if not field.many:
        return _salvaged(raw, field.inner)
    try:
        elements = _elements(raw)
    except UNREADABLE:
        return None
    found = (_salvaged(element, field.inner) for element in elements)
    return [element for element in found if element is not None]
