"""Pages of catalogs: entries of the team's own and built-in ones, in one order.

A team's own entries are folded from its stream, so that no answer is ever behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel

from api.paging import Cursors
from api.shapes import ListQuery, Page, Query

Source = Literal["built-in", "team"]


class LocaleQuery(Query):
    """In which language, if not as `Accept-Language` says."""

    locale: str | None = None


class CatalogQuery(ListQuery):
    """Which entries; without anything, all. `q`: what their texts hold."""

    source: Source | None = None
    q: str | None = None
    locale: str | None = None


class Entry(BaseModel):
    """What every entry of a catalog says."""

    id: str
    source: Source
    read_only: bool
    version: str  # of the built-in entries, or of the team's one


EntryT = TypeVar("EntryT", bound=Entry)
RowT = TypeVar("RowT")


def page_of(
    found: Mapping[str, RowT],
    query: ListQuery,
    cursors: Cursors,
    *,
    show: Callable[[RowT], EntryT],
) -> Page[EntryT]:
    """One page of what was found, by its id; nothing else is shown."""
    after = cursors.read(query.cursor, str) if query.cursor else ""
    rest = sorted(one for one in found if one > after)[: query.limit + 1]
    ids, cursor = cursors.page(rest, query.limit, lambda one: [one])
    return Page(items=[show(found[one]) for one in ids], next_cursor=cursor)


def as_it_is(shown: EntryT) -> EntryT:
    """What is shown already."""
    return shown


def holds(wanted: str | None, *texts: str | Mapping[str, str]) -> bool:
    """Whether one of the texts, in any language, holds the words; nothing is in all."""
    if not wanted:
        return True
    words = wanted.casefold()
    for text in texts:
        parts = [text] if isinstance(text, str) else text.values()
        if any(words in part.casefold() for part in parts):
            return True
    return False
