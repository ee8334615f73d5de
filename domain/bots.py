"""Bots: agents that belong to a team and call vendors through the proxy.

A bot holds a bot token, never a provider key. Its provider links say which of the team's
keys its calls may use. A bot without a link is a draft and may call nothing. Only the
runtime `external` exists so far: a bot that runs elsewhere, so there is nothing to start.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never
from uuid import UUID

from domain.errors import Conflict, InvalidFields, NotFound
from domain.events import Event
from domain.ids import LinkId, TeamId
from domain.routing_policy import RoutingPolicy

RESERVED_HOSTNAMES = frozenset({"stats", "admin", "new"})
HOSTNAME_LENGTH = range(3, 41)


class Runtime(StrEnum):
    """Where a bot runs."""

    EXTERNAL = "external"


@dataclass(frozen=True, kw_only=True)
class ProviderLink:
    """Which keys of the team a bot may use: one key, or those of a vendor and/or a tag.

    Links of the lowest `priority` are used first, the others when those cannot serve.
    Links of one priority share the calls by `weight`, and the keys of a link take turns.
    """

    link_id: UUID
    provider_key_id: UUID | None
    vendor: str | None
    tag: str | None
    models: tuple[str, ...]  # ("*",) for all
    primary_model: str | None
    weight: int = 1
    priority: int = 0


@dataclass(frozen=True, kw_only=True)
class BotCreated(Event, topic="bot.created"):
    team_id: TeamId
    hostname: str
    name: str
    runtime: Runtime
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BotRenamed(Event, topic="bot.renamed"):
    name: str


@dataclass(frozen=True, kw_only=True)
class BotTagged(Event, topic="bot.tagged"):
    tags: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BotProviderLinked(Event, topic="bot.provider_linked"):
    link: ProviderLink


@dataclass(frozen=True, kw_only=True)
class BotProviderUnlinked(Event, topic="bot.provider_unlinked"):
    link_id: UUID


@dataclass(frozen=True, kw_only=True)
class BotTokenIssued(Event, topic="bot.token_issued"):
    """`token_hash` is an HMAC; the token itself was shown once and is kept nowhere."""

    token_hash: str
    previous_end_at: datetime  # tokens issued before this one work until then


@dataclass(frozen=True, kw_only=True)
class BotRoutingSet(Event, topic="bot.routing_set"):
    """Where `auto` calls go from now on; without a policy, to the bot's primary model."""

    policy: RoutingPolicy | None


@dataclass(frozen=True, kw_only=True)
class BotDeleted(Event, topic="bot.deleted"):
    pass


BotEvent = (
    BotCreated
    | BotRenamed
    | BotTagged
    | BotProviderLinked
    | BotProviderUnlinked
    | BotTokenIssued
    | BotRoutingSet
    | BotDeleted
)


class BotHasNoContainer(Conflict):
    """An external bot runs elsewhere: it is not started or stopped here."""

    code = "bot-has-no-container"


class NoSuchLink(NotFound):
    """The bot has no provider link of that id."""


@dataclass(frozen=True, kw_only=True)
class Bot:
    """One bot, as far as its own rules need to know it."""

    team_id: TeamId | None = None
    hostname: str = ""
    name: str = ""
    tags: tuple[str, ...] = ()
    links: tuple[ProviderLink, ...] = ()
    routing: RoutingPolicy | None = None
    deleted: bool = False

    def create(
        self, *, team_id: TeamId, hostname: str, name: str, tags: tuple[str, ...]
    ) -> list[BotEvent]:
        """Bring the bot into being; refused under a hostname that cannot be."""
        check_hostname(hostname)
        return [
            BotCreated(
                team_id=team_id,
                hostname=hostname,
                name=name,
                runtime=Runtime.EXTERNAL,
                tags=tags,
            )
        ]

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

    def issue_token(self, *, token_hash: str, previous_end_at: datetime) -> list[BotEvent]:
        """Give the bot a new token; the ones before it end at `previous_end_at`."""
        return [BotTokenIssued(token_hash=token_hash, previous_end_at=previous_end_at)]

    def route(self, policy: RoutingPolicy | None) -> list[BotEvent]:
        """Send the bot's `auto` calls where this policy says."""
        return [] if policy == self.routing else [BotRoutingSet(policy=policy)]

    def start(self) -> list[BotEvent]:
        """Refused: what runs elsewhere is not started here."""
        raise BotHasNoContainer

    def delete(self) -> list[BotEvent]:
        """End the bot; its tokens stop working."""
        return [] if self.deleted else [BotDeleted()]

    def evolve(self, event: BotEvent) -> Bot:  # noqa: PLR0911  # one for each event
        match event:
            case BotCreated():
                return replace(
                    self,
                    team_id=event.team_id,
                    hostname=event.hostname,
                    name=event.name,
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
            case BotTokenIssued():
                return self
            case BotDeleted():
                return replace(self, deleted=True)
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


def check_hostname(hostname: str) -> None:
    """Refuse what is not `^[a-z][a-z0-9-]{1,38}[a-z0-9]$`, and the reserved words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    inner = f"{letters}0123456789-"
    if (
        len(hostname) not in HOSTNAME_LENGTH
        or hostname[0] not in letters
        or hostname[-1] == "-"
        or any(character not in inner for character in hostname)
    ):
        raise InvalidFields(hostname="not-a-hostname")
    if hostname in RESERVED_HOSTNAMES:
        raise InvalidFields(hostname="reserved")
