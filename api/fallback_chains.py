"""`/api/routing/fallback-chains`: which models are tried one after another."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.callers import TheUser
from api.locales import TheLanguages
from api.positions import ExpectedVersion
from api.routing_entries import Entries
from api.routing_entry_shapes import ChainBody, ChainOut, EntriesQuery, EntryQuery, NewChain
from api.shapes import Page
from api.wired import TheSystem
from domain.routing_entries import EntryKind

router = APIRouter(prefix="/api/routing/fallback-chains", tags=["routing"])

CHAINS = Entries(EntryKind.CHAIN, ChainOut)


@router.get("")
def all_chains(
    query: Annotated[EntriesQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> Page[ChainOut]:
    """The team's own chains and the built-in ones, by id."""
    return CHAINS.page(query, user, system, languages, response)


@router.post("", status_code=201)
def add_chain(
    new: NewChain, user: TheUser, system: TheSystem, response: Response
) -> ChainOut:
    """A chain of the team's own."""
    return CHAINS.add(new.entry(new.id), new, user, system, response)


@router.get("/{entry_id}")
def one_chain(  # noqa: PLR0913, PLR0917 - what the framework hands in
    entry_id: str,
    query: Annotated[EntryQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> ChainOut:
    """One chain, as it stands or as it stood `at` a time or position."""
    return CHAINS.one(entry_id, query.at, user, system, languages, response)


@router.put("/{entry_id}")
def change_chain(  # noqa: PLR0913, PLR0917 - what the framework hands in
    entry_id: str,
    new: ChainBody,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> ChainOut:
    """Put another chain in the place of the team's one."""
    return CHAINS.change(new.entry(entry_id), new, expected, user, system, response)


@router.delete("/{entry_id}", status_code=204)
def remove_chain(
    entry_id: str,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Take the team's chain away."""
    CHAINS.remove(entry_id, expected, user, system, response)
