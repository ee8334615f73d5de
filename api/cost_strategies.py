"""`/api/routing/cost-strategies`: how models are weighed against each other."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.callers import TheUser
from api.locales import TheLanguages
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
from api.wired import TheSystem
from domain.routing_entries import EntryKind

router = APIRouter(prefix="/api/routing/cost-strategies", tags=["routing"])

STRATEGIES = Entries(EntryKind.STRATEGY, StrategyOut)


@router.get("")
def all_strategies(
    query: Annotated[EntriesQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> Page[StrategyOut]:
    """The team's own strategies and the built-in ones, by id."""
    return STRATEGIES.page(query, user, system, languages, response)


@router.post("", status_code=201)
def add_strategy(
    new: NewStrategy, user: TheUser, system: TheSystem, response: Response
) -> StrategyOut:
    """A strategy of the team's own."""
    return STRATEGIES.add(new.entry(new.id), new, user, system, response)


@router.get("/{entry_id}")
def one_strategy(  # noqa: PLR0913, PLR0917 - what the framework hands in
    entry_id: str,
    query: Annotated[EntryQuery, Query()],
    user: TheUser,
    system: TheSystem,
    languages: TheLanguages,
    response: Response,
) -> StrategyOut:
    """One strategy, as it stands or as it stood `at` a time or position."""
    return STRATEGIES.one(entry_id, query.at, user, system, languages, response)


@router.put("/{entry_id}")
def change_strategy(  # noqa: PLR0913, PLR0917 - what the framework hands in
    entry_id: str,
    new: StrategyBody,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> StrategyOut:
    """Put another strategy in the place of the team's one."""
    return STRATEGIES.change(new.entry(entry_id), new, expected, user, system, response)


@router.delete("/{entry_id}", status_code=204)
def remove_strategy(
    entry_id: str,
    user: TheUser,
    system: TheSystem,
    expected: ExpectedVersion,
    response: Response,
) -> None:
    """Take the team's strategy away."""
    STRATEGIES.remove(entry_id, expected, user, system, response)
