"""What differs between two JSON documents, place by place.

A place is a JSON Pointer (RFC 6901). Lists are compared element by element: whoever puts
one in front changes all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Json = str | int | float | bool | list["Json"] | dict[str, "Json"] | None
Parts = Mapping[str, Json]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What stands at a place, before and after; None also where nothing stands."""

    path: str
    before: Json
    after: Json


def differences(before: Json, after: Json, path: str = "") -> Iterator[Difference]:
    """Every innermost place at which the two are not the same, in order."""
    one, other = _parts(before), _parts(after)
    if one is None or other is None or isinstance(before, list) != isinstance(after, list):
        if before != after:
            yield Difference(path=path, before=before, after=after)
        return
    for name in dict.fromkeys([*one, *other]):
        place = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
        yield from differences(one.get(name), other.get(name), place)


def _parts(value: Json) -> Parts | None:
    """What is inside, by name or number; None: nothing can be inside."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return {str(number): one for number, one in enumerate(value)}
    return None
