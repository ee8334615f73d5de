"""A team's own chains, capability tags and cost strategies: one stream for each team.

They may name one another, so they are judged together: two changes at once that are fine
by themselves and make a loop together meet in the stream, and the second one is judged
again. An id is the team's for one entry of its kind, and never that of a built-in one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict, NotFound
from domain.events import Event
from domain.ids import TeamId
from domain.routing_checks import check_chain, check_strategy, check_tag
from domain.routing_faults import KnownModels
from domain.routing_policy import (
    CapabilityStep,
    CapabilityTag,
    ChainStep,
    CostStrategy,
    FallbackChain,
    RoutingShelf,
)

_SHELVES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a05")
MOST_ENTRIES = 200  # of one kind


def shelf_id(team_id: TeamId) -> UUID:
    """The stream of the team's entries."""
    return uuid5(_SHELVES, str(team_id))


class EntryKind(StrEnum):
    """What an entry is."""

    CHAIN = "chain"
    TAG = "tag"
    STRATEGY = "strategy"


Body = FallbackChain | CapabilityTag | CostStrategy


@dataclass(frozen=True, kw_only=True)
class Label:
    """What people call an entry, in the language that they like."""

    name: str
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class ChainSet(Event, topic="routing_shelf.chain_set"):
    team_id: TeamId
    chain: FallbackChain
    label: Label


@dataclass(frozen=True, kw_only=True)
class TagSet(Event, topic="routing_shelf.tag_set"):
    team_id: TeamId
    tag: CapabilityTag
    label: Label


@dataclass(frozen=True, kw_only=True)
class StrategySet(Event, topic="routing_shelf.strategy_set"):
    team_id: TeamId
    strategy: CostStrategy
    label: Label


@dataclass(frozen=True, kw_only=True)
class EntryRemoved(Event, topic="routing_shelf.entry_removed"):
    team_id: TeamId
    kind: EntryKind
    id: str


ShelfEvent = ChainSet | TagSet | StrategySet | EntryRemoved


class EntryExists(Conflict):
    """The team has an entry of that id already, or there is a built-in one."""

    code = "entry-exists"


class EntryIsUsed(Conflict):
    """Another entry of the team leads to this one: change that one first."""

    code = "entry-is-used"


class TooManyEntries(Conflict):
    """A team has at most 200 entries of a kind."""

    code = "too-many-entries"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry, and the version of the stream in which it became so."""

    body: Body
    label: Label
    version: int

    def is_at(self, kind: EntryKind, entry_id: str) -> bool:
        """Whether it is the one of that kind and id."""
        return self.body.id == entry_id and kind_of(self.body) is kind


@dataclass(frozen=True, kw_only=True)
class TeamShelf:
    """All of a team's own entries."""

    version: int = 0
    entries: tuple[Entry, ...] = ()

    def of(self, kind: EntryKind, entry_id: str) -> Entry:
        """That entry; refused if there is none."""
        for entry in self.entries:
            if entry.is_at(kind, entry_id):
                return entry
        raise NotFound

    def add(
        self,
        team_id: TeamId,
        body: Body,
        label: Label,
        *,
        built_in: RoutingShelf,
        models: KnownModels,
    ) -> list[ShelfEvent]:
        """A new entry; refused under an id that is taken, or if it makes no sense."""
        kind = kind_of(body)
        taken = any(entry.is_at(kind, body.id) for entry in self.entries)
        if taken or body.id in bodies(built_in, kind):
            raise EntryExists
        if sum(kind_of(entry.body) is kind for entry in self.entries) >= MOST_ENTRIES:
            raise TooManyEntries
        return self._set(team_id, body, label, built_in, models)

    def change(
        self,
        team_id: TeamId,
        body: Body,
        label: Label,
        *,
        built_in: RoutingShelf,
        models: KnownModels,
    ) -> list[ShelfEvent]:
        """The entry of that id is so from now on; refused if there is none."""
        entry = self.of(kind_of(body), body.id)
        if (entry.body, entry.label) == (body, label):
            return []
        return self._set(team_id, body, label, built_in, models)

    def _set(
        self,
        team_id: TeamId,
        body: Body,
        label: Label,
        built_in: RoutingShelf,
        models: KnownModels,
    ) -> list[ShelfEvent]:
        shelf = self.over(built_in)
        match body:
            case FallbackChain():
                check_chain(body, shelf, models)
                return [ChainSet(team_id=team_id, chain=body, label=label)]
            case CapabilityTag():
                check_tag(body, shelf, models)
                return [TagSet(team_id=team_id, tag=body, label=label)]
            case CostStrategy():
                check_strategy(body, shelf, models)
                return [StrategySet(team_id=team_id, strategy=body, label=label)]
            case _:
                assert_never(body)

    def remove(self, team_id: TeamId, kind: EntryKind, entry_id: str) -> list[ShelfEvent]:
        """Take the entry away; refused while another one leads to it.

        A bot's policy may still name it: such a step is left out, and the decision says so.
        """
        self.of(kind, entry_id)
        leads = {
            EntryKind.CHAIN: ChainStep(chain=entry_id),
            EntryKind.TAG: CapabilityStep(capability=entry_id),
        }.get(kind)
        for entry in self.entries:
            if isinstance(entry.body, FallbackChain) and leads in entry.body.steps:
                raise EntryIsUsed
        return [EntryRemoved(team_id=team_id, kind=kind, id=entry_id)]

    def over(self, built_in: RoutingShelf) -> RoutingShelf:
        """What the team's policies may name: its own entries and the built-in ones."""
        return shelf_of((entry.body for entry in self.entries), built_in)

    def evolve(self, event: ShelfEvent) -> TeamShelf:
        version = self.version + 1
        match event:
            case EntryRemoved():
                left = self._without(event.kind, event.id)
            case ChainSet() | TagSet() | StrategySet():
                body = body_of(event)
                entry = Entry(body=body, label=event.label, version=version)
                left = (*self._without(kind_of(body), body.id), entry)
            case _:
                assert_never(event)
        return replace(self, version=version, entries=left)

    def _without(self, kind: EntryKind, entry_id: str) -> tuple[Entry, ...]:
        return tuple(one for one in self.entries if not one.is_at(kind, entry_id))


def body_of(event: ChainSet | TagSet | StrategySet) -> Body:
    """What the event sets."""
    match event:
        case ChainSet(chain=chain):
            return chain
        case TagSet(tag=tag):
            return tag
        case StrategySet(strategy=strategy):
            return strategy
        case _:
            assert_never(event)


def kind_of(body: Body) -> EntryKind:
    """Which kind of entry that is."""
    match body:
        case FallbackChain():
            return EntryKind.CHAIN
        case CapabilityTag():
            return EntryKind.TAG
        case CostStrategy():
            return EntryKind.STRATEGY
        case _:
            assert_never(body)


def bodies(shelf: RoutingShelf, kind: EntryKind) -> Mapping[str, Body]:
    """The shelf's entries of that kind, by id."""
    match kind:
        case EntryKind.CHAIN:
            return shelf.chains
        case EntryKind.TAG:
            return shelf.tags
        case EntryKind.STRATEGY:
            return shelf.strategies
        case _:
            assert_never(kind)


def shelf_of(own: Iterable[Body], built_in: RoutingShelf) -> RoutingShelf:
    """A shelf with these entries in front of the built-in ones."""
    chains, tags = dict(built_in.chains), dict(built_in.tags)
    strategies = dict(built_in.strategies)
    for body in own:
        match body:
            case FallbackChain():
                chains[body.id] = body
            case CapabilityTag():
                tags[body.id] = body
            case CostStrategy():
                strategies[body.id] = body
            case _:
                assert_never(body)
    return RoutingShelf(chains=chains, tags=tags, strategies=strategies)
