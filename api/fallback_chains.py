"""`/api/routing/fallback-chains`: which models are tried one after another."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.asking import TheAsked
from api.paging import TheCursors
from api.positions import ExpectedVersion
from api.routing_entries import Entries
from api.routing_entry_shapes import ChainBody, ChainOut, EntriesQuery, EntryQuery, NewChain
from api.shapes import Page
from domain.routing_entries import EntryKind

router = APIRouter(prefix="/api/routing/fallback-chains", tags=["routing"])

CHAINS = Entries(EntryKind.CHAIN, ChainOut)


@router.get("")
def all_chains(
    query: Annotated[EntriesQuery, Query()], cursors: TheCursors, asked: TheAsked
) -> Page[ChainOut]:
    """The team's own chains and the built-in ones, by id."""
    return CHAINS.page(query, cursors, asked)


@router.post("", status_code=201)
def add_chain(new: NewChain, asked: TheAsked) -> ChainOut:
    """A chain of the team's own."""
    return CHAINS.add(new.entry(new.id), new, asked)


@router.get("/{entry_id}")
def one_chain(
    entry_id: str, query: Annotated[EntryQuery, Query()], asked: TheAsked
) -> ChainOut:
    """One chain, as it stands or as it stood `at` a time or position."""
    return CHAINS.one(entry_id, query, asked)


@router.put("/{entry_id}")
def change_chain(
    entry_id: str, new: ChainBody, asked: TheAsked, expected: ExpectedVersion
) -> ChainOut:
    """Put another chain in the place of the team's one."""
    return CHAINS.change(new.entry(entry_id), new, expected, asked)


@router.delete("/{entry_id}", status_code=204)
def remove_chain(entry_id: str, asked: TheAsked, expected: ExpectedVersion) -> None:
    """Take the team's chain away."""
    CHAINS.remove(entry_id, expected, asked)
