"""The route table: who a bot token belongs to, and which keys its calls may use.

Every proxy holds it in memory, loaded from the views' tables at start and kept current by
following the fleet log, so that no call needs a query.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, cast
from uuid import UUID

from domain.bot_events import (
    BotCreated,
    BotDeleted,
    BotEvent,
    BotProviderLinked,
    BotProviderUnlinked,
    BotRoutingSet,
    BotTokenIssued,
    ProviderLink,
)
from domain.bots import linked, unlinked
from domain.catalog import AllowPaths
from domain.key_standing import Standing
from domain.keys import (
    KeyStatus,
    ProviderKeyAdded,
    ProviderKeyEdited,
    ProviderKeyEvent,
    ProviderKeyRemoved,
    ProviderKeyRotated,
)
from domain.log import FLEET, Placed
from domain.routing_policy import RoutingPolicy, RoutingShelf
from domain.turns import Share, in_turn
from projections.bot_tokens import BotToken, tokens_after
from projections.model_prices import TeamPrices
from projections.routing_shelves import NOTHING, Shelves
from projections.view import Key, Projector, View


@dataclass(frozen=True, kw_only=True)
class BotRoute:
    KEY: ClassVar[tuple[str, ...]] = ("bot_id",)
    bot_id: UUID
    team_id: UUID
    hostname: str
    tokens: tuple[BotToken, ...] = ()
    links: tuple[ProviderLink, ...] = ()
    routing: RoutingPolicy | None = None  # of `auto` calls; None: the primary model
    routing_version: int = 0  # of the bot's stream, when it was set; 0: never
    owner_id: UUID | None = None  # who made it


@dataclass(frozen=True, kw_only=True)
class KeyRoute:
    KEY: ClassVar[tuple[str, ...]] = ("key_id",)
    key_id: UUID
    team_id: UUID
    vendor: str
    base_url: str | None
    origin: str
    tags: tuple[str, ...]
    models: tuple[str, ...]
    allow_paths: AllowPaths
    secret_version: int
    status: KeyStatus = KeyStatus.ACTIVE
    cooling_until: datetime | None = None
    good_version: int  # of its stream, when it was last found good

    @property
    def standing(self) -> Standing:
        """What the key is good for."""
        return Standing(
            status=self.status,
            cooling_until=self.cooling_until,
            good_version=self.good_version,
        )

    def usable(self, now: datetime) -> bool:
        """Whether calls may use the key, as far as everybody knows."""
        if self.status is KeyStatus.ACTIVE:
            return True
        return self.standing.status_at(now) is KeyStatus.ACTIVE


class BotRoutes(View[BotRoute]):
    @abstractmethod
    def all(self) -> Iterable[BotRoute]: ...


class KeyRoutes(View[KeyRoute]):
    @abstractmethod
    def all(self) -> Iterable[KeyRoute]: ...


class BotRoutesProjector(Projector[BotRoute]):
    name = "bot_routes"
    logs = (FLEET,)
    row = BotRoute

    def key(self, placed: Placed) -> Key | None:
        if isinstance(placed.recorded.event, BotEvent):
            return (placed.recorded.originator_id,)
        return None

    def project(  # noqa: PLR0911 - one for each event
        self, row: BotRoute | None, placed: Placed
    ) -> BotRoute | None:
        event = cast("BotEvent", placed.recorded.event)
        if isinstance(event, BotCreated):
            return BotRoute(
                bot_id=placed.recorded.originator_id,
                team_id=event.team_id,
                hostname=event.hostname,
                owner_id=_person(placed.recorded.actor),
            )
        if row is None or isinstance(event, BotDeleted):
            return None
        match event:
            case BotProviderLinked(link=link):
                return replace(row, links=linked(row.links, link))
            case BotProviderUnlinked(link_id=link_id):
                return replace(row, links=unlinked(row.links, link_id))
            case BotRoutingSet(policy=policy):
                version = placed.recorded.originator_version
                return replace(row, routing=policy, routing_version=version)
            case BotTokenIssued():
                return replace(row, tokens=tokens_after(row.tokens, event))
            case _:
                return row


def _person(actor: str) -> UUID | None:
    """Who acted, if that was a person."""
    kind, _, user_id = actor.partition(":")
    with suppress(ValueError):
        return UUID(user_id) if kind == "user" else None
    return None


class KeyRoutesProjector(Projector[KeyRoute]):
    name = "key_routes"
    logs = (FLEET,)
    row = KeyRoute

    def key(self, placed: Placed) -> Key | None:
        if isinstance(placed.recorded.event, ProviderKeyEvent):
            return (placed.recorded.originator_id,)
        return None

    def project(self, row: KeyRoute | None, placed: Placed) -> KeyRoute | None:
        recorded = placed.recorded
        event = cast("ProviderKeyEvent", recorded.event)
        if isinstance(event, ProviderKeyAdded):
            return KeyRoute(
                key_id=recorded.originator_id,
                team_id=event.team_id,
                vendor=event.vendor,
                base_url=event.base_url,
                origin=event.origin,
                tags=event.tags,
                models=event.models,
                allow_paths=event.allow_paths,
                secret_version=event.secret_version,
                good_version=recorded.originator_version,
            )
        if row is None or isinstance(event, ProviderKeyRemoved):
            return None
        standing = row.standing.after(event, recorded.originator_version)
        row = replace(
            row,
            status=standing.status,
            cooling_until=standing.cooling_until,
            good_version=standing.good_version,
        )
        match event:
            case ProviderKeyEdited():
                return replace(
                    row, tags=event.tags, models=event.models, allow_paths=event.allow_paths
                )
            case ProviderKeyRotated(secret_version=version):
                return replace(row, secret_version=version)
            case _:
                return row


class RouteTable:
    """The answer to "who, and with which keys", from rows that are in memory."""

    def __init__(
        self,
        bots: Iterable[BotRoute] = (),
        keys: Iterable[KeyRoute] = (),
        *,
        built_in: RoutingShelf = NOTHING,
    ) -> None:
        """`built_in`: what every team's policies may name."""
        self.keys: dict[UUID, KeyRoute] = {}
        self.bots: dict[UUID, BotRoute] = {}
        self.key_changes = 0  # how often a key was put: what was found before is void
        self.prices = TeamPrices()
        self.shelves = Shelves(built_in)
        self._by_team: dict[UUID, dict[UUID, KeyRoute]] = {}
        self._by_token: dict[str, tuple[BotRoute, datetime | None]] = {}
        for key in keys:
            self.put_key(key.key_id, key)
        for bot in bots:
            self.put_bot(bot.bot_id, bot)

    def put_bot(self, bot_id: UUID, bot: BotRoute | None) -> None:
        """The bot is as given from now on; None: it is no more."""
        before = self.bots.pop(bot_id, None)
        for token in before.tokens if before else ():
            self._by_token.pop(token.token_hash, None)
        if bot is not None:
            self.bots[bot_id] = bot
            for token in bot.tokens:
                self._by_token[token.token_hash] = (bot, token.ends_at)

    def put_key(self, key_id: UUID, key: KeyRoute | None) -> None:
        """The key is as given from now on; None: it is no more."""
        self.key_changes += 1
        before = self.keys.pop(key_id, None)
        if before is not None and key is None:
            del self._by_team[before.team_id][key_id]
        if key is not None:
            self.keys[key_id] = key
            self._by_team.setdefault(key.team_id, {})[key_id] = key

    def bot_with_token(self, token_hash: str, now: datetime) -> BotRoute | None:
        """Whose token it is, unless it has ended."""
        found = self._by_token.get(token_hash)
        if found is None or (found[1] is not None and now >= found[1]):
            return None
        return found[0]

    def candidates(
        self, bot: BotRoute, vendor: str, model: str | None, *, turn: int = 0
    ) -> list[KeyRoute]:
        """The keys that may serve the bot's call, each once, in the order to try them.

        Cooling ones are among them: whether those must wait is a question of time.
        """
        shares = self.shares(bot, vendor, model)
        if len(shares) == 1 and len(shares[0].members) == 1:
            return list(shares[0].members)
        return in_turn(shares, turn)

    def shares(
        self, bot: BotRoute, vendor: str, model: str | None
    ) -> list[Share[KeyRoute]]:
        """The same keys, link by link: from which turns are taken."""
        shares: list[Share[KeyRoute]] = []
        taken: set[UUID] = set()
        for link in bot.links:
            linked = self._linked(bot.team_id, link, vendor)
            if not linked or (model is not None and not _covers(link.models, model)):
                continue
            keys = [
                key
                for key in linked
                if key.status in _HOPEFUL
                and (model is None or not key.models or _covers(key.models, model))
                and key.key_id not in taken
            ]
            if keys:
                shares.append(Share(link.priority, link.weight, keys))
                taken.update([key.key_id for key in keys])
        return shares

    def _linked(self, team_id: UUID, link: ProviderLink, vendor: str) -> Sequence[KeyRoute]:
        """The team's keys at the vendor that the link names."""
        if link.provider_key_id is not None:
            key = self.keys.get(link.provider_key_id)
            if key is None or key.vendor != vendor or key.team_id != team_id:
                return ()
            return (key,)
        if link.vendor is not None and link.vendor != vendor:
            return ()
        return [
            key
            for key in self._by_team.get(team_id, {}).values()
            if key.vendor == vendor and (link.tag is None or link.tag in key.tags)
        ]


_HOPEFUL = frozenset({KeyStatus.ACTIVE, KeyStatus.COOLING})


def _covers(models: tuple[str, ...], model: str) -> bool:
    return "*" in models or model in models
