"""What each team's policies may name: its own chains, tags and strategies.

Every proxy has all of it in memory, merged with the built-in entries once for each change.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar, assert_never, cast
from uuid import UUID

from domain.log import FLEET, Placed
from domain.routing_entries import (
    Body,
    ChainSet,
    EntryKind,
    EntryRemoved,
    ShelfEvent,
    StrategySet,
    TagSet,
    shelf_of,
)
from domain.routing_policy import (
    CapabilityTag,
    CostStrategy,
    FallbackChain,
    RoutingShelf,
)
from projections.view import Key, Projector, View


@dataclass(frozen=True, kw_only=True)
class ShelfRow:
    """`version` is that of the team's stream: it stands in the records of decisions."""

    KEY: ClassVar[tuple[str, ...]] = ("team_id",)
    team_id: UUID
    version: int
    chains: tuple[FallbackChain, ...] = ()
    tags: tuple[CapabilityTag, ...] = ()
    strategies: tuple[CostStrategy, ...] = ()


class RoutingShelves(View[ShelfRow]):
    @abstractmethod
    def all(self) -> Iterable[ShelfRow]: ...


class RoutingShelvesProjector(Projector[ShelfRow]):
    name = "routing_shelves"
    logs = (FLEET,)
    row = ShelfRow

    def key(self, placed: Placed) -> Key | None:
        event = placed.recorded.event
        return (event.team_id,) if isinstance(event, ShelfEvent) else None

    def project(self, row: ShelfRow | None, placed: Placed) -> ShelfRow | None:
        event = cast("ShelfEvent", placed.recorded.event)
        row = row or ShelfRow(team_id=event.team_id, version=0)
        return _after(replace(row, version=placed.recorded.originator_version), event)


def _after(row: ShelfRow, event: ShelfEvent) -> ShelfRow:
    match event:
        case ChainSet(chain=chain):
            rest = (one for one in row.chains if one.id != chain.id)
            return replace(row, chains=(*rest, chain))
        case TagSet(tag=tag):
            others = (one for one in row.tags if one.id != tag.id)
            return replace(row, tags=(*others, tag))
        case StrategySet(strategy=strategy):
            more = (one for one in row.strategies if one.id != strategy.id)
            return replace(row, strategies=(*more, strategy))
        case EntryRemoved():
            return _without(row, event)
        case _:
            assert_never(event)


def _without(row: ShelfRow, event: EntryRemoved) -> ShelfRow:
    match event.kind:
        case EntryKind.CHAIN:
            return replace(row, chains=tuple(x for x in row.chains if x.id != event.id))
        case EntryKind.TAG:
            return replace(row, tags=tuple(x for x in row.tags if x.id != event.id))
        case EntryKind.STRATEGY:
            left = tuple(x for x in row.strategies if x.id != event.id)
            return replace(row, strategies=left)
        case _:
            assert_never(event.kind)


NOTHING = RoutingShelf()


class Shelves:
    """What the policies of each team may name, in memory."""

    def __init__(self, built_in: RoutingShelf = NOTHING) -> None:
        self.rows: dict[UUID, ShelfRow] = {}
        self._built_in = built_in
        self._merged: dict[UUID, RoutingShelf] = {}

    def put(self, team_id: UUID, row: ShelfRow | None) -> None:
        """The team's entries are as given from now on."""
        self.rows.pop(team_id, None)
        self._merged.pop(team_id, None)
        if row is not None:
            own: list[Body] = [*row.chains, *row.tags, *row.strategies]
            self.rows[team_id] = row
            self._merged[team_id] = shelf_of(own, self._built_in)

    def of(self, team_id: UUID) -> RoutingShelf:
        """What the team's policies may name: its own entries and what is built in."""
        return self._merged.get(team_id, self._built_in)

    def version(self, team_id: UUID) -> int:
        """Of the team's own entries; 0: it has never had any."""
        row = self.rows.get(team_id)
        return 0 if row is None else row.version
