"""Notices as they go out, in the language of whoever reads them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from api.locales import Languages, Locale
from api.notice_texts import Names, text_of
from api.shapes import Body, Id, ListQuery
from domain.happenings import Fact, Kind
from domain.notices import NoticeReader
from projections.notices import NoticeRow

AKind = Annotated[Kind, Strict(strict=False)]
SubjectKind = Literal["quota", "key", "bot", "webhook", "user", "projection"]


class NoticesQuery(ListQuery):
    """All of them, or with `unread=true` what is not read yet."""

    unread: bool = False
    locale: Locale | None = None


class ReadBody(Body):
    """Either some, by their ids, or all that there are."""

    ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = None
    all: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.ids is None) is (self.all is None):
            raise PydanticCustomError("ids-or-all", "either ids or all")
        return self


class PreferencesBody(Body):
    """The kinds of notices that are not to be shown to oneself in this team."""

    muted: Annotated[list[AKind], Field(max_length=50)]


class PreferencesOut(BaseModel):
    muted: list[str]
    kinds: list[str] = Field(description="All kinds of notices that there are.")


class UnreadOut(BaseModel):
    unread: int


class SubjectOut(BaseModel):
    """What it is about; `name` is null if it is gone."""

    kind: SubjectKind
    id: UUID
    name: str | None


class NoticeOut(BaseModel):
    id: UUID
    kind: Kind
    subject: SubjectOut
    text: str
    facts: dict[str, Fact]
    at: datetime
    read: bool


def notice_shown(
    row: NoticeRow, reader: NoticeReader, names: Names, languages: Languages
) -> NoticeOut:
    """A notice as it goes out."""
    name = names.get(row.subject_id)
    return NoticeOut(
        id=row.notice_id,
        kind=row.kind,
        subject=SubjectOut(
            kind=row.kind.partition(".")[0],  # type: ignore[arg-type]  # it is one of them
            id=row.subject_id,
            name=name,
        ),
        text=text_of(row, name, languages),
        facts=row.facts,
        at=row.at,
        read=reader.has_read(row.position),
    )
