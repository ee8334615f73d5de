"""The bot directory: every bot with its name, links and status, for lists and pages."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, assert_never, cast
from uuid import UUID

from domain.bots import (
    BotCreated,
    BotDeleted,
    BotEvent,
    BotProviderLinked,
    BotProviderUnlinked,
    BotRenamed,
    BotRoutingSet,
    BotTagged,
    BotTokenIssued,
    ProviderLink,
    Runtime,
    linked,
    unlinked,
)
from domain.log import FLEET, Placed
from projections.view import Key, Projector, View


class BotStatus(StrEnum):
    """What a bot can do now; containers bring more."""

    DRAFT = "draft"  # no provider link: it may call nothing
    CREATED = "created"


@dataclass(frozen=True, kw_only=True)
class BotRow:
    KEY: ClassVar[tuple[str, ...]] = ("bot_id",)
    bot_id: UUID
    team_id: UUID
    hostname: str
    name: str
    runtime: Runtime
    tags: tuple[str, ...]
    links: tuple[ProviderLink, ...] = ()
    created_at: datetime
    version: int

    @property
    def status(self) -> BotStatus:
        return BotStatus.CREATED if self.links else BotStatus.DRAFT


class BotDirectory(View[BotRow]):
    """What can be asked of the directory."""

    @abstractmethod
    def of_team(self, team_id: UUID, *, after: str, limit: int) -> list[BotRow]:
        """The team's bots by hostname, from behind `after`."""


class BotDirectoryProjector(Projector[BotRow]):
    name = "bot_directory"
    logs = (FLEET,)
    row = BotRow

    def key(self, placed: Placed) -> Key | None:
        if isinstance(placed.recorded.event, BotEvent):
            return (placed.recorded.originator_id,)
        return None

    def project(self, row: BotRow | None, placed: Placed) -> BotRow | None:
        recorded = placed.recorded
        event = cast("BotEvent", recorded.event)
        if isinstance(event, BotCreated):
            return BotRow(
                bot_id=recorded.originator_id,
                team_id=event.team_id,
                hostname=event.hostname,
                name=event.name,
                runtime=event.runtime,
                tags=event.tags,
                created_at=recorded.at,
                version=recorded.originator_version,
            )
        if row is None:
            return None
        return _after(replace(row, version=recorded.originator_version), event)


def _after(row: BotRow, event: BotEvent) -> BotRow | None:
    match event:
        case BotRenamed(name=name):
            return replace(row, name=name)
        case BotTagged(tags=tags):
            return replace(row, tags=tags)
        case BotProviderLinked(link=link):
            return replace(row, links=linked(row.links, link))
        case BotProviderUnlinked(link_id=link_id):
            return replace(row, links=unlinked(row.links, link_id))
        case BotTokenIssued() | BotRoutingSet() | BotCreated():
            return row
        case BotDeleted():
            return None
        case _:
            assert_never(event)
