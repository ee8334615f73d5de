"""What the routes of chains, capability tags and cost strategies have in common.

A team's own entries are folded from its stream, so that no answer is ever behind; the
built-in ones stand beside them and are read-only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, TypeVar

from fastapi import Response

from api.doorkeeper import SignedIn
from api.locales import Languages
from api.paging import Cursors
from api.past import Past, history_then, past_asked
from api.positions import reached, tag_version
from api.refusals import BuiltInIsReadOnly
from api.routing_entry_shapes import EntriesQuery, EntryOut, Labelled
from api.shapes import Page
from api.wired import Wired
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

    def page(
        self,
        query: EntriesQuery,
        user: SignedIn,
        system: Wired,
        languages: Languages,
        response: Response,
    ) -> Page[OutT]:
        """The team's own and the built-in ones, by id, as they stand or stood then."""
        past = past_asked(system, query.at, response)
        if past is None:
            reached(response, system.fleet.head())
        key = system.instance_keys.get("cursor")
        cursors = Cursors(key, team_id=user.team_id, listed=f"routing-{self.kind}")
        after = cursors.read(query.cursor, str) if query.cursor else ""
        found = [
            one
            for one in self._all(user.team_id, past, system, languages)
            if one.id > after and query.source in {None, one.source}
        ]
        found.sort(key=lambda one: one.id)
        items, cursor = cursors.page(
            found[: query.limit + 1], query.limit, lambda one: [one.id]
        )
        return Page(items=items, next_cursor=cursor)

    def one(  # noqa: PLR0913, PLR0917 - what the framework hands in
        self,
        entry_id: str,
        at: str | None,
        user: SignedIn,
        system: Wired,
        languages: Languages,
        response: Response,
    ) -> OutT:
        """The entry as it stands or stood then; refused if there is none."""
        past = past_asked(system, at, response)
        shelf = shelf_of_team(system, user.team_id, past)
        for entry in shelf.entries:
            if entry.is_at(self.kind, entry_id):
                if past is None:
                    reached(response, system.fleet.head())
                tag_version(response, entry.version)
                return self._own_shown(entry)
        built_in = built_in_entries(system, self.kind).get(entry_id)
        if built_in is None:
            raise NotFound
        return self._built_in_shown(built_in, system, languages)

    def add(
        self, body: Body, new: Labelled, user: SignedIn, system: Wired, response: Response
    ) -> OutT:
        """A new entry of the team's own."""
        command = AddRoutingEntry(team_id=user.team_id, body=body, label=new.label)
        position = system.bus.handle(command, by=user.caller)
        return self._written(body, user, system, response, position)

    def change(  # noqa: PLR0913, PLR0917 - what the framework hands in
        self,
        body: Body,
        new: Labelled,
        expected: int | None,
        user: SignedIn,
        system: Wired,
        response: Response,
    ) -> OutT:
        """The team's entry is so from now on."""
        self._refuse_built_in(body.id, user, system)
        command = ChangeRoutingEntry(
            team_id=user.team_id, body=body, label=new.label, expected_version=expected
        )
        position = system.bus.handle(command, by=user.caller)
        return self._written(body, user, system, response, position)

    def remove(
        self,
        entry_id: str,
        expected: int | None,
        user: SignedIn,
        system: Wired,
        response: Response,
    ) -> None:
        """The team's entry is gone."""
        self._refuse_built_in(entry_id, user, system)
        command = RemoveRoutingEntry(
            team_id=user.team_id,
            kind=self.kind,
            entry_id=entry_id,
            expected_version=expected,
        )
        reached(response, system.bus.handle(command, by=user.caller))

    def _written(
        self,
        body: Body,
        user: SignedIn,
        system: Wired,
        response: Response,
        position: int,
    ) -> OutT:
        entry = shelf_of_team(system, user.team_id).of(self.kind, body.id)
        reached(response, position)
        tag_version(response, entry.version)
        return self._own_shown(entry)

    def _all(
        self, team_id: TeamId, past: Past | None, system: Wired, languages: Languages
    ) -> Iterator[OutT]:
        own = [
            entry
            for entry in shelf_of_team(system, team_id, past).entries
            if kind_of(entry.body) is self.kind
        ]
        taken = {entry.body.id for entry in own}
        yield from map(self._own_shown, own)
        for entry_id, built_in in built_in_entries(system, self.kind).items():
            if entry_id not in taken:
                yield self._built_in_shown(built_in, system, languages)

    def _refuse_built_in(self, entry_id: str, user: SignedIn, system: Wired) -> None:
        """A built-in entry is not changed; one of the team's own with its id is its own."""
        if entry_id in built_in_entries(system, self.kind):
            shelf = shelf_of_team(system, user.team_id)
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

    def _built_in_shown(
        self, built_in: BuiltIn[Any], system: Wired, languages: Languages
    ) -> OutT:
        return self.out(
            name=languages.of(built_in.names),
            description=languages.of(built_in.descriptions),
            source="built-in",
            read_only=True,
            version=system.routing_catalog.version,
            **self._content(built_in.entry),
        )

    def _content(self, body: Body) -> dict[str, Any]:
        """All that the entry says, its id included."""
        rest = self.out.model_fields.keys() - EntryOut.model_fields.keys()
        return {name: getattr(body, name) for name in (*rest, "id")}
