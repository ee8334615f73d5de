"""What the routes of chains, capability tags and cost strategies have in common.

A team's own entries are folded from its stream, so that no answer is ever behind; the
built-in ones stand beside them and are read-only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, TypeVar

from api.asking import Asked
from api.paging import Cursors
from api.past import Past, history_then
from api.refusals import BuiltInIsReadOnly
from api.routing_entry_shapes import EntriesQuery, EntryOut, EntryQuery, Labelled
from api.shapes import Page
from api.wired import Wired
from application.bus import Command
from application.routing import (
    AddRoutingEntry,
    ChangeRoutingEntry,
    RemoveRoutingEntry,
)
from domain.errors import NotFound
from domain.ids import TeamId
from domain.routing_catalog import BuiltIn
from domain.routing_entries import Body, Entry, EntryKind, TeamShelf, kind_of, shelf_id

OutT = TypeVar("OutT", bound=EntryOut)


def shelf_of_team(system: Wired, team_id: TeamId, past: Past | None = None) -> TeamShelf:
    """The team's own entries as they stand, or stood then."""
    history = history_then(system.fleet, shelf_id(team_id), past)
    return reduce(lambda state, one: state.evolve(one.event), history, TeamShelf())  # type: ignore[arg-type]


def built_in_entries(system: Wired, kind: EntryKind) -> Mapping[str, BuiltIn[Any]]:
    """Those of that kind, by id."""
    catalog = system.routing_catalog
    match kind:
        case EntryKind.CHAIN:
            return catalog.chains
        case EntryKind.TAG:
            return catalog.tags
        case EntryKind.STRATEGY:
            return catalog.strategies


@dataclass(frozen=True)
class Entries(Generic[OutT]):
    """The entries of one kind, as they go in and out."""

    kind: EntryKind
    out: type[OutT]

    def page(self, query: EntriesQuery, cursors: Cursors, asked: Asked) -> Page[OutT]:
        """The team's own and the built-in ones, by id, as they stand or stood then."""
        past = asked.past(query.at)
        after = cursors.read(query.cursor, str) if query.cursor else ""
        found = [
            one
            for one in self._all(asked, past)
            if one.id > after and query.source in {None, one.source}
        ]
        found.sort(key=lambda one: one.id)
        items, cursor = cursors.page(
            found[: query.limit + 1], query.limit, lambda one: [one.id]
        )
        return Page(items=items, next_cursor=cursor)

    def one(self, entry_id: str, query: EntryQuery, asked: Asked) -> OutT:
        """The entry as it stands or stood then; refused if there is none."""
        past = asked.past(query.at)
        for entry in shelf_of_team(asked.system, asked.team_id, past).entries:
            if entry.is_at(self.kind, entry_id):
                asked.tag(entry.version)
                return self._own_shown(entry)
        built_in = built_in_entries(asked.system, self.kind).get(entry_id)
        if built_in is None:
            raise NotFound
        return self._built_in_shown(built_in, asked)

    def add(self, body: Body, new: Labelled, asked: Asked) -> OutT:
        """A new entry of the team's own."""
        return self._written(
            body, AddRoutingEntry(team_id=asked.team_id, body=body, label=new.label), asked
        )

    def change(self, body: Body, new: Labelled, expected: int | None, asked: Asked) -> OutT:
        """The team's entry is so from now on."""
        self._refuse_built_in(body.id, asked)
        command = ChangeRoutingEntry(
            team_id=asked.team_id, body=body, label=new.label, expected_version=expected
        )
        return self._written(body, command, asked)

    def remove(self, entry_id: str, expected: int | None, asked: Asked) -> None:
        """The team's entry is gone."""
        self._refuse_built_in(entry_id, asked)
        command = RemoveRoutingEntry(
            team_id=asked.team_id,
            kind=self.kind,
            entry_id=entry_id,
            expected_version=expected,
        )
        asked.carry_out(command)

    def _written(self, body: Body, command: Command[int], asked: Asked) -> OutT:
        asked.carry_out(command)
        entry = shelf_of_team(asked.system, asked.team_id).of(self.kind, body.id)
        asked.tag(entry.version)
        return self._own_shown(entry)

    def _all(self, asked: Asked, past: Past | None) -> Iterator[OutT]:
        own = [
            entry
            for entry in shelf_of_team(asked.system, asked.team_id, past).entries
            if kind_of(entry.body) is self.kind
        ]
        taken = {entry.body.id for entry in own}
        yield from map(self._own_shown, own)
        for entry_id, built_in in built_in_entries(asked.system, self.kind).items():
            if entry_id not in taken:
                yield self._built_in_shown(built_in, asked)

    def _refuse_built_in(self, entry_id: str, asked: Asked) -> None:
        """A built-in entry is not changed; one of the team's own with its id is its own."""
        if entry_id in built_in_entries(asked.system, self.kind):
            shelf = shelf_of_team(asked.system, asked.team_id)
            if not any(entry.is_at(self.kind, entry_id) for entry in shelf.entries):
                raise BuiltInIsReadOnly

    def _own_shown(self, entry: Entry) -> OutT:
        return self.out(
            name=entry.label.name,
            description=entry.label.description,
            source="team",
            read_only=False,
            version=str(entry.version),
            **self._content(entry.body),
        )

    def _built_in_shown(self, built_in: BuiltIn[Any], asked: Asked) -> OutT:
        return self.out(
            name=asked.languages.of(built_in.names),
            description=asked.languages.of(built_in.descriptions),
            source="built-in",
            read_only=True,
            version=asked.system.routing_catalog.version,
            **self._content(built_in.entry),
        )

    def _content(self, body: Body) -> dict[str, Any]:
        """All that the entry says, its id included."""
        rest = self.out.model_fields.keys() - EntryOut.model_fields.keys()
        return {name: getattr(body, name) for name in (*rest, "id")}
