"""What the fields of requests look like, and what every request and list has in common.

Bodies are strict: no unknown field, and no text where a number belongs. Texts that stand
for something else (ids, times) are read from their one usual spelling.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StringConstraints,
    field_validator,
)
from pydantic_core import PydanticCustomError

_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def _plain_uuid(value: object) -> object:
    if isinstance(value, str) and _UUID.fullmatch(value) is None:
        raise PydanticCustomError("uuid_parsing", "not an id")
    return value


def _rfc3339(value: object) -> object:
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        raise PydanticCustomError("time", "not an RFC 3339 time")
    return value


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:  # at the ends of the calendar
        raise PydanticCustomError("time", "not a time in UTC") from error


Id = Annotated[UUID, Strict(strict=False), BeforeValidator(_plain_uuid)]
Moment = Annotated[
    AwareDatetime,
    Strict(strict=False),
    BeforeValidator(_rfc3339),
    AfterValidator(_in_utc),
]

# At least one visible character, no control characters.
_LINE = r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=_LINE)]
Tag = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_LINE)]
Tags = Annotated[list[Tag], Field(max_length=20)]
Model = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f]+$")
]
Models = Annotated[list[Model], Field(max_length=200)]


class Body(BaseModel):
    """A request's body: it lists what may be set, and nothing else is bound."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Query(BaseModel):
    """What may stand behind the question mark; the rest is refused.

    `after_position` is waited for before any route is entered, in its view too.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    after_position: str | None = None

    @field_validator("*", mode="before")
    @classmethod
    def without_nul(cls, value: object) -> object:
        """PostgreSQL keeps no text that holds NUL: none is looked for."""
        if isinstance(value, str) and "\0" in value:
            raise PydanticCustomError("string_pattern_mismatch", "holds NUL")
        return value


class ListQuery(Query):
    """A page of a list."""

    limit: int = Field(default=100, ge=1, le=1000)
    cursor: str | None = None


class PastQuery(Query):
    """Something as it was; see `api/past.py` for what `at` may be."""

    at: str | None = None


class PastListQuery(ListQuery):
    """A page of a list, as it was."""

    at: str | None = None


ItemT = TypeVar("ItemT")


class Page(BaseModel, Generic[ItemT]):
    """A page of a list; `next_cursor` is null on the last one."""

    items: list[ItemT]
    next_cursor: str | None = None


def unique(values: list[str]) -> tuple[str, ...]:
    """Each once, in the order they came in."""
    return tuple(dict.fromkeys(values))
