"""What is shown as JSON, as flat columns: for files that know nothing of parts in parts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from types import NoneType
from typing import Literal, get_args

from pydantic import BaseModel

Kind = Literal["text", "number", "flag", "time"]
Cell = str | int | float | bool | datetime | None


@cache
def columns_of(shape: type[BaseModel]) -> dict[str, Kind]:
    """The columns in order; a part's members are columns with its name before theirs."""
    found: dict[str, Kind] = {}
    for name, field in shape.model_fields.items():
        kind = _plain(field.annotation)
        if issubclass(kind, BaseModel):
            found |= {f"{name}_{one}": of for one, of in columns_of(kind).items()}
        else:
            found[name] = _KINDS.get(kind, "text")
    return found


def cells_of(item: BaseModel) -> dict[str, Cell]:
    """The item's values by column; those of a part that is not there are left out."""
    return dict(_cells(item, ""))


def _cells(item: BaseModel, before: str) -> Iterator[tuple[str, Cell]]:
    for name in type(item).model_fields:
        value = getattr(item, name)
        if isinstance(value, BaseModel):
            yield from _cells(value, f"{before}{name}_")
        elif value is None or isinstance(value, bool | int | float | datetime):
            yield f"{before}{name}", value
        elif isinstance(value, dict | list):
            yield f"{before}{name}", json.dumps(value, ensure_ascii=False)
        else:
            yield f"{before}{name}", str(value)


_KINDS: dict[type, Kind] = {int: "number", bool: "flag", datetime: "time"}


def _plain(annotation: object) -> type:
    """The type without its None."""
    kinds = [one for one in get_args(annotation) if one is not NoneType] or [annotation]
    return kinds[0] if isinstance(kinds[0], type) else str
