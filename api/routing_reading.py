"""What routing decides on, read for one request from the team's streams and views."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from api.routing_entries import shelf_of_team
from api.wired import Wired
from domain.bot_events import BotCreated, BotRoutingSet, ProviderLink
from domain.ids import TeamId
from domain.keys import ProviderKeyAdded
from domain.log import FLEET
from domain.prices import Price
from domain.quota_events import ScopeKind
from domain.routing_entries import TeamShelf, shelf_id
from domain.routing_policy import RoutingPolicy, RoutingShelf
from projections.model_prices import TeamPrices
from projections.route_projectors import KeyRoutesProjector
from projections.route_table import BotRoute, KeyRoute, RouteTable
from projections.view import row_of

PAGE = 1000
ANY_BOT = UUID(int=0)
ANY_KEY = ProviderLink(
    link_id=ANY_BOT,
    provider_key_id=None,
    vendor=None,
    tag=None,
    models=("*",),
    primary_model=None,
)


def any_bot(team_id: TeamId) -> BotRoute:
    """A bot that may use all of the team's keys."""
    return BotRoute(bot_id=ANY_BOT, team_id=team_id, hostname="", links=(ANY_KEY,))


def table_of(system: Wired, team_id: TeamId) -> RouteTable:
    """The team's keys, prices and entries, as a proxy has them in memory."""
    table = RouteTable(keys=_keys(system, team_id), built_in=shelf_now(system, team_id))
    for row in system.model_prices.of_team(team_id):
        table.prices.put(row.price_id, row)
    return table


def shelf_now(system: Wired, team_id: TeamId) -> RoutingShelf:
    """What the team's policies may name."""
    return shelf_of_team(system, team_id).over(system.routing_catalog.shelf)


def _keys(system: Wired, team_id: TeamId) -> Iterator[KeyRoute]:
    """Each from its own stream, so that it is not behind."""
    projector, after = KeyRoutesProjector(), None
    while rows := system.key_ring.of_team(team_id, after=after, limit=PAGE):
        for row in rows:
            found = row_of(projector, FLEET, system.fleet.history(row.key_id))
            if found is not None:
                yield found
        after = rows[-1].key_id


class TeamHistory:
    """What a team's bots were told at each version, read once for each bot."""

    def __init__(self, system: Wired, team_id: TeamId) -> None:
        self._system = system
        self._team_id = team_id
        self._policies: dict[UUID, dict[int, RoutingPolicy | None]] = {}
        self._scopes: dict[UUID, dict[ScopeKind, str]] = {}
        self._shelves: list[RoutingShelf] | None = None

    def policy(self, bot_id: UUID, version: int) -> RoutingPolicy | None:
        """The bot's policy of that version of its stream; 0: it had none."""
        if bot_id not in self._policies:
            self._read(bot_id)
        return self._policies[bot_id].get(version)

    def shelf(self, version: int) -> RoutingShelf:
        """What could be named at that version of the team's entries."""
        if self._shelves is None:
            built_in, state = self._system.routing_catalog.shelf, TeamShelf()
            self._shelves = [built_in]
            for one in self._system.fleet.history(shelf_id(self._team_id)):
                state = state.evolve(one.event)  # type: ignore[arg-type]
                self._shelves.append(state.over(built_in))
        return self._shelves[min(version, len(self._shelves) - 1)]

    def scopes(self, bot_id: UUID) -> dict[ScopeKind, str]:
        """What quotas may count the bot's calls by."""
        if bot_id not in self._scopes:
            self._read(bot_id)
        return self._scopes[bot_id]

    def _read(self, bot_id: UUID) -> None:
        policies: dict[int, RoutingPolicy | None] = {}
        scopes = {ScopeKind.TEAM: str(self._team_id), ScopeKind.BOT: str(bot_id)}
        for one in self._system.fleet.history(bot_id):
            if isinstance(one.event, BotRoutingSet):
                policies[one.originator_version] = one.event.policy
            elif isinstance(one.event, BotCreated):
                owner = one.event.owner_id
                scopes |= {} if owner is None else {ScopeKind.MEMBER: str(owner)}
        self._policies[bot_id], self._scopes[bot_id] = policies, scopes


class PriceBook:
    """What models cost the team: by what is tried out, by its own word, as published."""

    def __init__(
        self, system: Wired, team_id: TeamId, trial: dict[tuple[str, str], Price]
    ) -> None:
        self._system = system
        self._team_id = team_id
        self._trial = trial
        self._own = TeamPrices(system.model_prices.of_team(team_id))

    def price_of(self, vendor: str, model: str, at: datetime) -> Price | None:
        """The price of the vendor's model for a call that began then."""
        found = self._trial.get((vendor, model.lower()))
        if found is not None:
            return found
        own = self._own.of(self._team_id, vendor, model)
        if own is not None:
            return own.price
        return self._system.price_list.price_of(vendor, model, at)


def vendor_of_key(system: Wired, key_id: UUID) -> str:
    """Whose key it is or was; empty if nothing is known of it."""
    for one in system.fleet.history(key_id, until=1):
        if isinstance(one.event, ProviderKeyAdded):
            return one.event.vendor
    return ""
