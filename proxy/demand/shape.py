"""Small readings of JSON that strangers wrote: every value may be of any kind."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1024)  # much the same few models again and again
def bare(model: str | None) -> str:
    """The model's own name in lower case: no `models/`, `openai/` or the like before it."""
    return (model or "").rpartition("/")[2].lower()


def inner(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    """The object under the first of these names that has one; else an empty one."""
    for name in names:
        found = fields.get(name)
        if type(found) is dict:
            return found
    return {}


def listed(value: object) -> list[dict[str, Any]]:
    """The objects in the list, if it is one."""
    return [each for each in value if type(each) is dict] if type(value) is list else []


def whole(value: object) -> int | None:
    """The number, if it is a whole one that is not negative."""
    if value is None:  # the usual case
        return None
    if type(value) is float and value.is_integer():
        value = int(value)
    return value if type(value) is int and value >= 0 else None
