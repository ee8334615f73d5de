"""The route table: who a bot token belongs to, and which keys its calls may use.

Every proxy holds it in memory, loaded from the views' tables at start and kept current by
following the fleet log, so that no call needs a query.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from domain.bot_events import (
    ProviderLink,
)
from domain.catalog import AllowPaths
from domain.key_standing import Standing
from domain.keys import (
    KeyStatus,
)
from domain.routing_policy import RoutingPolicy, RoutingShelf
from domain.turns import Share, in_turn
from projections.bot_tokens import BotToken, narrowed
from projections.model_prices import TeamPrices
from projections.routing_shelves import NOTHING, Shelves
from projections.view import View


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
    quarantined: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenUse:
    """Whose token it is, with the bot's links as far as this token reaches."""

    bot: BotRoute
    ends_at: datetime | None
    token_id: str
    paths: tuple[str, ...] = ()  # globs; empty: every path that is open


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


MOST_FOUND = 4096  # by bot, vendor and model, which callers name as they like
_Found = tuple[BotRoute, list[Share[KeyRoute]]]


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
        self._by_token: dict[str, TokenUse] = {}
        # What was found for a bot, until a bot or a key is put. Bots by their identity,
        # which is theirs as long as they are kept here: to hash one takes longer than that.
        self._found: dict[tuple[int, str, str | None], _Found] = {}
        for key in keys:
            self.put_key(key.key_id, key)
        for bot in bots:
            self.put_bot(bot.bot_id, bot)

    def put_bot(self, bot_id: UUID, bot: BotRoute | None) -> None:
        """The bot is as given from now on; None: it is no more."""
        self._found.clear()
        before = self.bots.pop(bot_id, None)
        for token in before.tokens if before else ():
            self._by_token.pop(token.token_hash, None)
        if bot is not None:
            self.bots[bot_id] = bot
            for token in () if bot.quarantined else bot.tokens:
                self._by_token[token.token_hash] = _use(bot, token)

    def put_key(self, key_id: UUID, key: KeyRoute | None) -> None:
        """The key is as given from now on; None: it is no more."""
        self.key_changes += 1
        self._found.clear()
        before = self.keys.pop(key_id, None)
        if before is not None and key is None:
            del self._by_team[before.team_id][key_id]
        if key is not None:
            self.keys[key_id] = key
            self._by_team.setdefault(key.team_id, {})[key_id] = key

    def use_of(self, token_hash: str, now: datetime) -> TokenUse | None:
        """Whose token it is and how far it reaches, unless it has ended."""
        use = self._by_token.get(token_hash)
        if use is None or (use.ends_at is not None and now >= use.ends_at):
            return None
        return use

    def bot_of(self, bot_id: UUID, token_id: str | None) -> BotRoute | None:
        """The bot as far as that token of its reaches; None: it has none of that id."""
        bot = self.bots.get(bot_id)
        for token in bot.tokens if bot else ():
            use = self._by_token.get(token.token_hash)
            if token.id == token_id and use is not None:
                return use.bot
        return None

    def keys_of(self, team_id: UUID) -> Iterable[KeyRoute]:
        """Every key of the team."""
        return self._by_team.get(team_id, {}).values()

    def candidates(
        self, bot: BotRoute, vendor: str, model: str | None, *, turn: int = 0
    ) -> list[KeyRoute]:
        """The keys that may serve the bot's call, each once, in the order to try them.

        Cooling ones are among them: whether those must wait is a question of time.
        """
        place = (id(bot), vendor, model)
        found = self._found.get(place)
        if found is None:
            if len(self._found) >= MOST_FOUND:
                self._found.clear()
            found = self._found[place] = bot, self.shares(bot, vendor, model)
        shares = found[1]
        if len(shares) == 1 and len(shares[0].members) == 1:
            return list(shares[0].members)
        return in_turn(shares, turn)

    def shares(
        self, bot: BotRoute, vendor: str, model: str | None
    ) -> list[Share[KeyRoute]]:
        """The same keys, link by link: from which turns are taken."""
        shares: list[Share[KeyRoute]] = []
        taken: set[int] = set()
        for link in bot.links:
            linked = self._linked(bot.team_id, link, vendor)
            if not linked or (model is not None and not _covers(link.models, model)):
                continue
            keys = [
                key
                for key in linked
                if key.status in _HOPEFUL
                and (model is None or not key.models or _covers(key.models, model))
                and key.key_id.int not in taken
            ]
            if keys:
                shares.append(Share(link.priority, link.weight, keys))
                taken.update([key.key_id.int for key in keys])
        return shares

    def _linked(self, team_id: UUID, link: ProviderLink, vendor: str) -> Sequence[KeyRoute]:
        """The team's keys at the vendor that the link names."""
        if link.vendor is not None and link.vendor != vendor:
            return ()
        if link.provider_key_id is not None:
            key = self.keys.get(link.provider_key_id)
            if key is None or key.vendor != vendor or key.team_id.int != team_id.int:
                return ()
            return (key,)
        return [
            key
            for key in self._by_team.get(team_id, {}).values()
            if key.vendor == vendor and (link.tag is None or link.tag in key.tags)
        ]


_HOPEFUL = frozenset({KeyStatus.ACTIVE, KeyStatus.COOLING})


def _use(bot: BotRoute, token: BotToken) -> TokenUse:
    links = narrowed(bot.links, token.scope)
    return TokenUse(
        bot=bot if links is bot.links else replace(bot, links=links),
        ends_at=token.ends_at,
        token_id=token.id,
        paths=token.scope.paths,
    )


def _covers(models: tuple[str, ...], model: str) -> bool:
    return "*" in models or model in models
