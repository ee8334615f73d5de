"""Folds the fleet log into the rows of the route table."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from domain.bot_events import (
    BotCreated,
    BotDeleted,
    BotEvent,
    BotProviderLinked,
    BotProviderUnlinked,
    BotQuarantined,
    BotReleased,
    BotRoutingSet,
    BotTokenIssued,
    BotTokensRevoked,
)
from domain.bots import linked, unlinked
from domain.keys import (
    ProviderKeyAdded,
    ProviderKeyEdited,
    ProviderKeyEvent,
    ProviderKeyRemoved,
    ProviderKeyRotated,
)
from domain.log import FLEET, Placed
from projections.bot_tokens import tokens_after
from projections.route_table import BotRoute, KeyRoute
from projections.view import Key, Projector


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
                owner_id=event.owner_id,
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
            case BotTokensRevoked():
                return replace(row, tokens=())
            case BotQuarantined():
                return replace(row, quarantined=True)
            case BotReleased():
                return replace(row, quarantined=False)
            case _:
                return row


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
