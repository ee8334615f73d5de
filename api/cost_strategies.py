"""`/api/routing/cost-strategies`: how models are weighed against each other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.asking import TheAsked
from api.paging import TheCursors
from api.positions import ExpectedVersion
from api.routing_entries import Entries
from api.routing_entry_shapes import (
    EntriesQuery,
    EntryQuery,
    NewStrategy,
    StrategyBody,
    StrategyOut,
)
from api.shapes import Page
from domain.routing_entries import EntryKind

router = APIRouter(prefix="/api/routing/cost-strategies", tags=["routing"])

STRATEGIES = Entries(EntryKind.STRATEGY, StrategyOut)


@router.get("")
def all_strategies(
    query: Annotated[EntriesQuery, Query()], cursors: TheCursors, asked: TheAsked
) -> Page[StrategyOut]:
    """The team's own strategies and the built-in ones, by id."""
    return STRATEGIES.page(query, cursors, asked)


@router.post("", status_code=201)
def add_strategy(new: NewStrategy, asked: TheAsked) -> StrategyOut:
    """A strategy of the team's own."""
    return STRATEGIES.add(new.entry(new.id), new, asked)


@router.get("/{entry_id}")
def one_strategy(
    entry_id: str, query: Annotated[EntryQuery, Query()], asked: TheAsked
) -> StrategyOut:
    """One strategy, as it stands or as it stood `at` a time or position."""
    return STRATEGIES.one(entry_id, query, asked)


@router.put("/{entry_id}")
def change_strategy(
    entry_id: str, new: StrategyBody, asked: TheAsked, expected: ExpectedVersion
) -> StrategyOut:
    """Put another strategy in the place of the team's one."""
    return STRATEGIES.change(new.entry(entry_id), new, expected, asked)


@router.delete("/{entry_id}", status_code=204)
def remove_strategy(entry_id: str, asked: TheAsked, expected: ExpectedVersion) -> None:
    """Take the team's strategy away."""
    STRATEGIES.remove(entry_id, expected, asked)
