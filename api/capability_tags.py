"""`/api/routing/capability-tags`: kinds of requests, and models good at them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.callers import TheUser
from api.locales import TheLanguages
from api.positions import ExpectedVersion
from api.routing_entries import Entries
from api.routing_entry_shapes import EntriesQuery, EntryQuery, NewTag, TagBody, TagOut
from api.shapes import Page
from api.wired import TheSystem
from domain.routing_entries import EntryKind

router = APIRouter(prefix="/api/routing/capability-tags", tags=["routing"])

TAGS = Entries(EntryKind.TAG, TagOut)


@router.get("")
def all_tags(
    query: Annotated[EntriesQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> Page[TagOut]:
    """The team's own tags and the built-in ones, by id."""
    return TAGS.page(query, user, system, languages, response)


@router.post("", status_code=201)
def add_tag(new: NewTag, user: TheUser, system: TheSystem, response: Response) -> TagOut:
    """A tag of the team's own."""
    return TAGS.add(new.entry(new.id), new, user, system, response)


@router.get("/{entry_id}")
def one_tag(  # noqa: PLR0913, PLR0917 - what the framework hands in
    entry_id: str,
    query: Annotated[EntryQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> TagOut:
    """One tag, as it stands or as it stood `at` a time or position."""
    return TAGS.one(entry_id, query.at, user, system, languages, response)


@router.put("/{entry_id}")
def change_tag(  # noqa: PLR0913, PLR0917 - what the framework hands in
    entry_id: str,
    new: TagBody,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> TagOut:
    """Put another tag in the place of the team's one."""
    return TAGS.change(new.entry(entry_id), new, expected, user, system, response)


@router.delete("/{entry_id}", status_code=204)
def remove_tag(
    entry_id: str,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Take the team's tag away."""
    TAGS.remove(entry_id, expected, user, system, response)
