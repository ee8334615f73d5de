"""Bots: agents that belong to a team and call vendors through the proxy.

A bot holds a bot token, never a provider key. Its provider links say which of the team's
keys its calls may use. A bot without a link is a draft and may call nothing. What people
want of its container is decided here; what the container does stands in `domain/runs.py`.
A bot of the runtime `external` runs elsewhere: there is nothing to start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never
from uuid import UUID

from domain.bot_equipment import PLAIN, Equipment
from domain.bot_events import (
    UNBOUND,
    BotChannelRemoved,
    BotChannelSet,
    BotConfigured,
    BotCreated,
    BotDeleted,
    BotEvent,
    BotFeaturesSet,
    BotPersonaSet,
    BotPluginInstalled,
    BotPluginRemoved,
    BotProviderLinked,
    BotProviderUnlinked,
    BotQuarantined,
    BotReleased,
    BotRenamed,
    BotRestarted,
    BotRoutingSet,
    BotSkillInstalled,
    BotSkillRemoved,
    BotStarted,
    BotStopped,
    BotTagged,
    BotTokenIssued,
    BotTokensRevoked,
    DesiredState,
    ProviderLink,
    Runtime,
    TokenKind,
    TokenScope,
)
from domain.containers import SMALL, NetworkPolicy, Resources
from domain.errors import Conflict, NotFound
from domain.hostnames import check_hostname
from domain.ids import LinkId, TeamId, UserId
from domain.routing_policy import RoutingPolicy


class BotHasNoContainer(Conflict):
    """An external bot runs elsewhere: it is not started or stopped here."""

    code = "bot-has-no-container"


class BotIsADraft(Conflict):
    """A bot without a provider may call nothing: link one before it is started."""

    code = "bot-is-a-draft"


class BotIsQuarantined(Conflict):
    """A quarantined bot is not started before it is released."""

    code = "bot-is-quarantined"


class NoSuchLink(NotFound):
    """The bot has no provider link of that id."""


@dataclass(frozen=True, kw_only=True)
class Bot:
    """One bot, as far as its own rules need to know it."""

    team_id: TeamId | None = None
    hostname: str = ""
    name: str = ""
    runtime: Runtime = Runtime.EXTERNAL
    tags: tuple[str, ...] = ()
    links: tuple[ProviderLink, ...] = ()
    routing: RoutingPolicy | None = None
    equipment: Equipment = PLAIN
    image: str = ""
    resources: Resources = SMALL
    network: NetworkPolicy = NetworkPolicy.ISOLATED
    port: int | None = None
    desired: DesiredState = DesiredState.STOPPED
    generation: int = 0
    quarantined: bool = False
    container_token: str | None = None  # the hash of the one its container should hold
    deleted: bool = False

    def create(  # noqa: PLR0913 - all that it begins with
        self,
        *,
        team_id: TeamId,
        hostname: str,
        name: str,
        tags: tuple[str, ...],
        runtime: Runtime = Runtime.EXTERNAL,
        owner_id: UserId | None = None,
    ) -> list[BotEvent]:
        """Bring the bot into being; refused under a hostname that cannot be."""
        check_hostname(hostname)
        created = BotCreated(
            team_id=team_id,
            hostname=hostname,
            name=name,
            runtime=runtime,
            tags=tags,
            owner_id=owner_id,
        )
        return [created]

    def rename(self, name: str) -> list[BotEvent]:
        """Call the bot something else."""
        return [] if name == self.name else [BotRenamed(name=name)]

    def tag(self, tags: tuple[str, ...]) -> list[BotEvent]:
        """Give the bot these tags instead of those it has."""
        return [] if tags == self.tags else [BotTagged(tags=tags)]

    def link(self, link: ProviderLink) -> list[BotEvent]:
        """Let the bot use these keys; a link of the same id is replaced."""
        return [] if link in self.links else [BotProviderLinked(link=link)]

    def unlink(self, link_id: LinkId) -> list[BotEvent]:
        """Stop the bot from using the keys of this link."""
        if all(link.link_id != link_id for link in self.links):
            raise NoSuchLink
        return [BotProviderUnlinked(link_id=link_id)]

    def issue_token(
        self,
        *,
        token_hash: str,
        previous_end_at: datetime,
        kind: TokenKind = TokenKind.OWNER,
        scope: TokenScope = UNBOUND,
    ) -> list[BotEvent]:
        """Give the bot a new token; the ones before it end at `previous_end_at`."""
        return [
            BotTokenIssued(
                token_hash=token_hash,
                previous_end_at=previous_end_at,
                kind=kind,
                scope=scope,
            )
        ]

    def revoke_tokens(self) -> list[BotEvent]:
        """End every token of the bot at once."""
        return [BotTokensRevoked()]

    def route(self, policy: RoutingPolicy | None) -> list[BotEvent]:
        """Send the bot's `auto` calls where this policy says."""
        return [] if policy == self.routing else [BotRoutingSet(policy=policy)]

    def configure(
        self,
        *,
        image: str,
        resources: Resources,
        network: NetworkPolicy,
        port: int | None,
    ) -> list[BotEvent]:
        """Make its container from these; refused for a bot that has none."""
        self._needs_container()
        resources.check()
        wanted = BotConfigured(image=image, resources=resources, network=network, port=port)
        now = BotConfigured(
            image=self.image,
            resources=self.resources,
            network=self.network,
            port=self.port,
        )
        return [] if wanted == now else [wanted]

    def start(self) -> list[BotEvent]:
        """Have its container run; one that should run already is left as it is."""
        self._needs_container()
        if self.quarantined:
            raise BotIsQuarantined
        if not self.links:
            raise BotIsADraft
        if self.desired is DesiredState.RUNNING:
            return []
        return [BotStarted(generation=self.generation + 1)]

    def stop(self) -> list[BotEvent]:
        """Have its container stopped."""
        self._needs_container()
        return [] if self.desired is DesiredState.STOPPED else [BotStopped()]

    def restart(self) -> list[BotEvent]:
        """Have a new container in the place of the one that runs, or start."""
        if self.desired is DesiredState.STOPPED:
            return self.start()
        self._needs_container()
        if self.quarantined:
            raise BotIsQuarantined
        return [BotRestarted(generation=self.generation + 1)]

    def quarantine(self, reason: str) -> list[BotEvent]:
        """Cut its tokens and its network; the first reason stands."""
        return [] if self.quarantined else [BotQuarantined(reason=reason)]

    def release(self) -> list[BotEvent]:
        """Give both back."""
        return [BotReleased()] if self.quarantined else []

    def delete(self) -> list[BotEvent]:
        """End the bot; its tokens stop working and its container goes."""
        return [] if self.deleted else [BotDeleted()]

    def _needs_container(self) -> None:
        if self.runtime is Runtime.EXTERNAL:
            raise BotHasNoContainer

    def evolve(self, event: BotEvent) -> Bot:  # noqa: C901, PLR0911, PLR0912 - one for each
        match event:
            case BotCreated():
                return replace(
                    self,
                    team_id=event.team_id,
                    hostname=event.hostname,
                    name=event.name,
                    runtime=event.runtime,
                    tags=event.tags,
                )
            case BotRenamed(name=name):
                return replace(self, name=name)
            case BotTagged(tags=tags):
                return replace(self, tags=tags)
            case BotProviderLinked(link=link):
                return replace(self, links=linked(self.links, link))
            case BotProviderUnlinked(link_id=link_id):
                return replace(self, links=unlinked(self.links, link_id))
            case BotRoutingSet(policy=policy):
                return replace(self, routing=policy)
            case BotConfigured():
                return replace(
                    self,
                    image=event.image,
                    resources=event.resources,
                    network=event.network,
                    port=event.port,
                    generation=self.generation + 1,
                )
            case BotStarted() | BotRestarted():
                return replace(
                    self, desired=DesiredState.RUNNING, generation=event.generation
                )
            case BotStopped():
                return replace(self, desired=DesiredState.STOPPED)
            case BotQuarantined():
                return replace(self, quarantined=True)
            case BotReleased():
                return replace(self, quarantined=False)
            case BotTokenIssued(kind=TokenKind.CONTAINER):
                return replace(self, container_token=event.token_hash)
            case BotTokenIssued() | BotTokensRevoked():
                return replace(self, container_token=None)
            case BotDeleted():
                return replace(self, deleted=True)
            case (
                BotPersonaSet()
                | BotFeaturesSet()
                | BotPluginInstalled()
                | BotPluginRemoved()
                | BotSkillInstalled()
                | BotSkillRemoved()
                | BotChannelSet()
                | BotChannelRemoved()
            ):
                return replace(self, equipment=self.equipment.evolve(event))
            case _:
                assert_never(event)


def linked(links: tuple[ProviderLink, ...], link: ProviderLink) -> tuple[ProviderLink, ...]:
    """The links with this one in its place: where one of its id was, else at the end."""
    if any(other.link_id == link.link_id for other in links):
        return tuple(link if other.link_id == link.link_id else other for other in links)
    return (*links, link)


def unlinked(links: tuple[ProviderLink, ...], link_id: UUID) -> tuple[ProviderLink, ...]:
    """The links without the one of that id."""
    return tuple(link for link in links if link.link_id != link_id)
