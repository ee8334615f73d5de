"""What can happen to a bot, as people and policies decide it.

What a machine observes of its container stands in `domain/runs.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.containers import NetworkPolicy, Resources
from domain.equipment import BotChannel, Persona, PluginInstall, SkillInstall
from domain.events import Event
from domain.ids import TeamId, UserId
from domain.routing_policy import RoutingPolicy


class Runtime(StrEnum):
    """Where a bot runs."""

    EXTERNAL = "external"  # somewhere else: there is nothing to start here
    DOCKER = "docker"
    SWARM = "swarm"


class DesiredState(StrEnum):
    """What people want of a bot's container."""

    RUNNING = "running"
    STOPPED = "stopped"


class TokenKind(StrEnum):
    """Who holds a bot token."""

    OWNER = "owner"  # a person was shown it once
    CONTAINER = "container"  # a file that only the bot's container mounts


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
class TokenScope:
    """What a token may be used for; empty: whatever the bot may."""

    models: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()  # globs over the path after the vendor
    expires_at: datetime | None = None


UNBOUND = TokenScope()


@dataclass(frozen=True, kw_only=True)
class BotCreated(Event, topic="bot.created"):
    team_id: TeamId
    hostname: str
    name: str
    runtime: Runtime
    tags: tuple[str, ...]
    owner_id: UserId | None = None  # who made it, be it by a program of theirs


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
    """`token_hash` is an HMAC; the token itself was shown once and is kept nowhere.

    An owner's token ends all that were issued before it, a container's token those that
    were issued to a container before it, each at `previous_end_at`.
    """

    token_hash: str
    previous_end_at: datetime
    kind: TokenKind = TokenKind.OWNER
    scope: TokenScope = UNBOUND


@dataclass(frozen=True, kw_only=True)
class BotTokensRevoked(Event, topic="bot.tokens_revoked"):
    """No token of the bot works any more; the next one is issued as ever."""


@dataclass(frozen=True, kw_only=True)
class BotRoutingSet(Event, topic="bot.routing_set"):
    """Where `auto` calls go from now on; without a policy, to the bot's primary model."""

    policy: RoutingPolicy | None


@dataclass(frozen=True, kw_only=True)
class BotConfigured(Event, topic="bot.configured"):
    """What the bot's container is made from; a running one is replaced."""

    image: str
    resources: Resources
    network: NetworkPolicy
    port: int | None  # of the host, leased by a claim


@dataclass(frozen=True, kw_only=True)
class BotPersonaSet(Event, topic="bot.persona_set"):
    persona: Persona


@dataclass(frozen=True, kw_only=True)
class BotFeaturesSet(Event, topic="bot.features_set"):
    features: str  # JSON object


@dataclass(frozen=True, kw_only=True)
class BotPluginInstalled(Event, topic="bot.plugin_installed"):
    """An install of the same id is replaced."""

    install: PluginInstall


@dataclass(frozen=True, kw_only=True)
class BotPluginRemoved(Event, topic="bot.plugin_removed"):
    install_id: UUID


@dataclass(frozen=True, kw_only=True)
class BotSkillInstalled(Event, topic="bot.skill_installed"):
    """An install of the same id is replaced."""

    install: SkillInstall


@dataclass(frozen=True, kw_only=True)
class BotSkillRemoved(Event, topic="bot.skill_removed"):
    install_id: UUID


@dataclass(frozen=True, kw_only=True)
class BotChannelSet(Event, topic="bot.channel_set"):
    """A channel of the same id is replaced."""

    channel: BotChannel


@dataclass(frozen=True, kw_only=True)
class BotChannelRemoved(Event, topic="bot.channel_removed"):
    channel_id: UUID


@dataclass(frozen=True, kw_only=True)
class BotStarted(Event, topic="bot.started"):
    generation: int


@dataclass(frozen=True, kw_only=True)
class BotRestarted(Event, topic="bot.restarted"):
    generation: int


@dataclass(frozen=True, kw_only=True)
class BotStopped(Event, topic="bot.stopped"):
    pass


@dataclass(frozen=True, kw_only=True)
class BotQuarantined(Event, topic="bot.quarantined"):
    """Its tokens are good for nothing and its container reaches nothing."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class BotReleased(Event, topic="bot.released"):
    pass


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
    | BotTokensRevoked
    | BotRoutingSet
    | BotConfigured
    | BotPersonaSet
    | BotFeaturesSet
    | BotPluginInstalled
    | BotPluginRemoved
    | BotSkillInstalled
    | BotSkillRemoved
    | BotChannelSet
    | BotChannelRemoved
    | BotStarted
    | BotRestarted
    | BotStopped
    | BotQuarantined
    | BotReleased
    | BotDeleted
)
