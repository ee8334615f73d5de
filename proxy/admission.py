"""Who calls, may they, and with which key: everything that is decided before the commit.

No query is made here: bots, links and keys come from the route table in memory. A token or
a key that it does not know makes it catch up with the log's head once before it says no.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from domain import passes
from domain.calls import CallFacts
from domain.catalog import (
    Catalog,
    Opened,
    PathNotAllowed,
    Target,
    UnknownVendor,
    Vendor,
    target,
)
from domain.destinations import Origin, parse_base_url
from domain.errors import Unauthenticated, Unavailable
from domain.token_paths import reaches
from projections.route_table import BotRoute, KeyRoute, RouteTable
from proxy.incoming import Incoming
from proxy.key_healths import KeyHealths
from proxy.refusals import NoUsableKey
from proxy.token_hash import TokenHash


class Routes(Protocol):
    """The process's route table and how current it is; kept by `adapters/routes.py`."""

    @property
    def table(self) -> RouteTable: ...

    @property
    def current(self) -> bool:
        """Whether the log's head was confirmed within the last 5 s."""

    async def catch_up(self) -> None:
        """A reading up to the log's head that begins now is over, or 250 ms are."""


@dataclass(kw_only=True, slots=True)
class Credential:
    """Whose call it is: a bot's, or a check of one key by the worker."""

    bot: BotRoute | None
    checked_key: KeyRoute | None
    token_id: str | None = None
    paths: tuple[str, ...] = ()  # the only ones that the token may be used for


@dataclass(kw_only=True, slots=True)
class Route:
    """Where the call goes and under which key."""

    vendor: Vendor
    target: Target
    key: KeyRoute
    origin: Origin
    others: tuple[KeyRoute, ...] = ()  # that may serve the call instead, in order


class Admission:
    """Decides about calls; it neither commits nor sends anything."""

    def __init__(
        self, routes: Routes, catalog: Catalog, *, token_key: bytes, pass_key: bytes
    ) -> None:
        self._routes = routes
        self._catalog = catalog
        self._token_hash = TokenHash(token_key)
        self._pass_key = pass_key
        self.healths = KeyHealths()

    @property
    def routes(self) -> Routes:
        """Who is known here, and how current that is."""
        return self._routes

    async def who(self, incoming: Incoming) -> Credential:
        """Whose token came; `Unauthenticated`: nobody's; `Unavailable`: we cannot tell."""
        if not self._routes.current:
            raise Unavailable
        credential = self._known(incoming.tokens)
        if credential is None and incoming.tokens:
            await self._routes.catch_up()
            credential = self._known(incoming.tokens)
        if credential is None:
            raise Unauthenticated
        return credential

    def _known(self, tokens: tuple[str, ...]) -> Credential | None:
        for token in tokens:
            if token.startswith(passes.PREFIX):
                key_id = passes.key_of_pass(
                    token, now=int(time.time()), secret=self._pass_key
                )
                key = None if key_id is None else self._routes.table.keys.get(key_id)
                if key is not None:
                    return Credential(bot=None, checked_key=key)
                continue
            token_hash = self._token_hash(token.encode("latin-1"))
            use = self._routes.table.use_of(token_hash, datetime.now(UTC))
            if use is not None:
                return Credential(
                    bot=use.bot,
                    checked_key=None,
                    token_id=use.token_id,
                    paths=use.paths,
                )
        return None

    def vendor(self, incoming: Incoming) -> Vendor:
        """The vendor of the path; `UnknownVendor` if the catalog has none of that name."""
        return self._catalog.get(incoming.vendor)

    def vendor_or_none(self, name: str) -> Vendor | None:
        """The same for whoever only wants to know how to word an error."""
        try:
            return self._catalog.get(name)
        except UnknownVendor:
            return None

    def look(self, credential: Credential, incoming: Incoming, vendor: Vendor) -> Target:
        """What is asked of the vendor, as far as the path alone says; `PathNotAllowed`."""
        if credential.paths and not reaches(credential.paths, incoming.tail):
            raise PathNotAllowed
        return target(
            vendor,
            base_path=_base_path(vendor.base_url),
            method=incoming.method,
            tail=incoming.tail,
            allow_paths="all" if credential.checked_key is None else "check",
        )

    async def route(
        self,
        credential: Credential,
        incoming: Incoming,
        vendor: Vendor,
        models: Sequence[str | None],
        turn: int = 0,
    ) -> Route:
        """To the first key that may serve the call; `turn` is the call's own random number.

        `models`: first that of the path, if it names one: a body that names another must
        not hide what the call is charged for; then those that the vendor may take instead.

        `NoUsableKey`, `AllKeysCooling`, or `PathNotAllowed`.
        """
        keys = self._candidates(credential, vendor, models, turn)
        if not keys:
            await self._routes.catch_up()
            keys = self._candidates(self._renewed(credential), vendor, models, turn)
        if not keys:
            raise NoUsableKey
        if credential.bot is None:
            return _route(incoming, vendor, keys[0], "check")
        return self.first_of(incoming, vendor, keys)

    def first_of(self, incoming: Incoming, vendor: Vendor, keys: list[KeyRoute]) -> Route:
        """To the first of these keys that opens the path; `PathNotAllowed`: none does."""
        refused: PathNotAllowed | None = None
        for nth, key in enumerate(keys, start=1):
            try:
                return _route(incoming, vendor, key, key.allow_paths, tuple(keys[nth:]))
            except PathNotAllowed as error:
                refused = refused or error
        raise refused or NoUsableKey

    def further(self, route: Route, incoming: Incoming) -> Route | None:
        """To the next key that may serve the call, if there is one."""
        others = route.others
        for nth, key in enumerate(others, start=1):
            with contextlib.suppress(PathNotAllowed):
                return _route(incoming, route.vendor, key, key.allow_paths, others[nth:])
        return None

    def _renewed(self, credential: Credential) -> Credential:
        """The same with the bot as it is known by now, as far as its token reaches."""
        if credential.bot is None:
            return credential
        bot = self._routes.table.bot_of(credential.bot.bot_id, credential.token_id)
        return replace(credential, bot=bot)

    def _candidates(
        self,
        credential: Credential,
        vendor: Vendor,
        models: Sequence[str | None],
        turn: int,
    ) -> list[KeyRoute]:
        if credential.checked_key is not None:
            key = credential.checked_key
            return [key] if key.vendor == vendor.id else []
        if credential.bot is None:
            return []
        bot, table, (model, *others) = credential.bot, self._routes.table, models
        keys = table.candidates(bot, vendor.id, model, turn=turn)
        for other in others:
            able = table.candidates(bot, vendor.id, other)
            keys = [key for key in keys if key in able]
        return self.healths.ready(keys)


def _route(
    incoming: Incoming,
    vendor: Vendor,
    key: KeyRoute,
    opened: Opened,
    others: tuple[KeyRoute, ...] = (),
) -> Route:
    base = parse_base_url(key.base_url or vendor.base_url or "")
    return Route(
        vendor=vendor,
        target=target(
            vendor,
            base_path=base.path,
            method=incoming.method,
            tail=incoming.tail,
            allow_paths=opened,
        ),
        key=key,
        origin=base.origin,
        others=others,
    )


def facts_of(
    credential: Credential, vendor: str, model: str | None, key: KeyRoute | None
) -> CallFacts:
    """What every event of the call says about it, dated now."""
    bot, owner = credential.bot, credential.bot or credential.checked_key
    if owner is None:
        raise Unauthenticated
    return CallFacts(
        team_id=owner.team_id,
        bot_id=bot.bot_id if bot else None,
        hostname=bot.hostname if bot else None,
        vendor=vendor,
        model=None,
        requested_model=model or None,  # as a group of usage, both are nothing
        provider_key_id=key.key_id if key else None,
        admitted_at=datetime.now(UTC),
    )


def _base_path(base_url: str | None) -> str:
    return parse_base_url(base_url).path if base_url else ""
