"""The bot directory: every bot with its name, links and status, for lists and pages."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar, cast
from uuid import UUID

from domain.bot_events import (
    BotConfigured,
    BotCreated,
    BotDeleted,
    BotEvent,
    BotProviderLinked,
    BotProviderUnlinked,
    BotQuarantined,
    BotReleased,
    BotRenamed,
    BotRestarted,
    BotStarted,
    BotStopped,
    BotTagged,
    DesiredState,
    ProviderLink,
    Runtime,
)
from domain.bots import linked, unlinked
from domain.containers import SMALL, NetworkPolicy, Resources
from domain.log import FLEET, Placed
from domain.runs import NOT_SEEN, Observation, RunObserved
from projections.bot_status import BotStatus, status_of
from projections.view import Key, Projector, View


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
    image: str = ""
    resources: Resources = SMALL
    network: NetworkPolicy = NetworkPolicy.ISOLATED
    port: int | None = None
    desired: DesiredState = DesiredState.STOPPED
    generation: int = 0
    ever_started: bool = False
    quarantined: bool = False
    seen: Observation = NOT_SEEN

    @property
    def status(self) -> BotStatus:
        return status_of(
            runtime=self.runtime,
            has_links=bool(self.links),
            desired=self.desired,
            generation=self.generation,
            seen=self.seen,
            ever_started=self.ever_started,
        )


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
        event = placed.recorded.event
        if isinstance(event, RunObserved):
            return (event.bot_id,)
        return (placed.recorded.originator_id,) if isinstance(event, BotEvent) else None

    def project(self, row: BotRow | None, placed: Placed) -> BotRow | None:
        recorded = placed.recorded
        event = recorded.event
        if isinstance(event, RunObserved):
            return None if row is None else replace(row, seen=event.observation)
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
        row = replace(row, version=recorded.originator_version)
        return _after(row, cast("BotEvent", event))


def _after(row: BotRow, event: BotEvent) -> BotRow | None:  # noqa: C901, PLR0911 - one for each
    match event:
        case BotRenamed(name=name):
            return replace(row, name=name)
        case BotTagged(tags=tags):
            return replace(row, tags=tags)
        case BotProviderLinked(link=link):
            return replace(row, links=linked(row.links, link))
        case BotProviderUnlinked(link_id=link_id):
            return replace(row, links=unlinked(row.links, link_id))
        case BotConfigured():
            return replace(
                row,
                image=event.image,
                resources=event.resources,
                network=event.network,
                port=event.port,
                generation=row.generation + 1,
            )
        case BotStarted(generation=generation) | BotRestarted(generation=generation):
            return replace(
                row,
                desired=DesiredState.RUNNING,
                generation=generation,
                ever_started=True,
            )
        case BotStopped():
            return replace(row, desired=DesiredState.STOPPED)
        case BotQuarantined():
            return replace(row, quarantined=True)
        case BotReleased():
            return replace(row, quarantined=False)
        case BotDeleted():
            return None
        case _:
            return row  # what the directory does not show
