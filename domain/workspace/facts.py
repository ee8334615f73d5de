"""What a workspace is rendered from: everything a bot shall have, gathered in one place.

The facts hold no catalog, no log and no clock, so that the same facts always render to the
same bytes. Secrets are in `WorkspaceSecrets` only, each behind `Hidden`: they are neither
printed nor compared, and end up in the secrets folder and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.containers import NetworkPolicy
from domain.equipment import NOBODY, BotChannel, Persona
from domain.images import ImageFamily
from domain.skill_content import SkillDefinition


class Api(StrEnum):
    """How a vendor is spoken to, in OpenClaw's words."""

    OPENAI = "openai-completions"
    OPENAI_RESPONSES = "openai-responses"
    ANTHROPIC = "anthropic-messages"
    GOOGLE = "google-generative-ai"


class Hidden(Protocol):
    """A credential that does not print itself."""

    def reveal(self) -> bytes: ...


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """A model that a bot may ask for. Sizes are in tokens."""

    id: str
    context_window: int = 128_000
    max_tokens: int = 8192
    images: bool = False  # it looks at pictures too
    api: Api | None = None  # if it is not its vendor's


@dataclass(frozen=True, kw_only=True)
class VendorChoice:
    """A vendor that a bot may call, and its models, the one to ask first in front."""

    vendor: str
    api: Api
    models: tuple[ModelChoice, ...]
    old_max_tokens: bool = False  # it does not know `max_completion_tokens`


@dataclass(frozen=True, kw_only=True)
class SkillContent:
    """A skill as it is installed; without content it was recalled."""

    name: str
    content: SkillDefinition | None
    description: str = ""
    config: str = "{}"


@dataclass(frozen=True, kw_only=True)
class Launch:
    """A process inside the bot that serves MCP over its standard input and output."""

    command: str
    args: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    secret_env: tuple[str, ...] = ()  # variables whose values are among the secrets


@dataclass(frozen=True, kw_only=True)
class McpServer:
    """A plugin: served by the manager's relay, or inside the bot if it has a launch."""

    id: UUID
    slug: str
    launch: Launch | None = None


@dataclass(frozen=True, kw_only=True)
class WorkspaceSecrets:
    """What goes into the secrets folder.

    `revision` tells two sets of secrets apart and gives nothing away: hashes and versions.
    """

    token: Hidden
    gateway_token: Hidden
    channels: Mapping[UUID, Mapping[str, Hidden]] = field(default_factory=dict)
    plugins: Mapping[UUID, Mapping[str, Hidden]] = field(default_factory=dict)
    revision: str = ""


@dataclass(frozen=True, kw_only=True)
class WorkspaceFacts:
    """One bot, as its workspace shows it."""

    bot_id: UUID
    hostname: str
    name: str
    family: ImageFamily
    proxy_url: str  # as the bot reaches it, without a slash at the end
    persona: Persona = NOBODY
    features: str = "{}"  # JSON object
    vendors: tuple[VendorChoice, ...] = ()  # the one to ask first in front
    routed: bool = False  # a policy says where its `auto` calls go
    skills: tuple[SkillContent, ...] = ()
    mcp: tuple[McpServer, ...] = ()
    channels: tuple[BotChannel, ...] = ()
    network: NetworkPolicy = NetworkPolicy.ISOLATED
    secrets: WorkspaceSecrets = field(repr=False, compare=False)
