"""`/api/routing/capability-tags`: kinds of requests, and models good at them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.asking import TheAsked
from api.paging import TheCursors
from api.positions import ExpectedVersion
from api.routing_entries import Entries
from api.routing_entry_shapes import EntriesQuery, EntryQuery, NewTag, TagBody, TagOut
from api.shapes import Page
from domain.routing_entries import EntryKind

router = APIRouter(prefix="/api/routing/capability-tags", tags=["routing"])

TAGS = Entries(EntryKind.TAG, TagOut)


@router.get("")
def all_tags(
    query: Annotated[EntriesQuery, Query()], cursors: TheCursors, asked: TheAsked
) -> Page[TagOut]:
    """The team's own tags and the built-in ones, by id."""
    return TAGS.page(query, cursors, asked)


@router.post("", status_code=201)
def add_tag(new: NewTag, asked: TheAsked) -> TagOut:
    """A tag of the team's own."""
    return TAGS.add(new.entry(new.id), new, asked)


@router.get("/{entry_id}")
def one_tag(
    entry_id: str, query: Annotated[EntryQuery, Query()], asked: TheAsked
) -> TagOut:
    """One tag, as it stands or as it stood `at` a time or position."""
    return TAGS.one(entry_id, query, asked)


@router.put("/{entry_id}")
def change_tag(
    entry_id: str, new: TagBody, asked: TheAsked, expected: ExpectedVersion
) -> TagOut:
    """Put another tag in the place of the team's one."""
    return TAGS.change(new.entry(entry_id), new, expected, asked)


@router.delete("/{entry_id}", status_code=204)
def remove_tag(entry_id: str, asked: TheAsked, expected: ExpectedVersion) -> None:
    """Take the team's tag away."""
    TAGS.remove(entry_id, expected, asked)
