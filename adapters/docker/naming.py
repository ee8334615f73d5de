"""Names and labels of everything that an instance has on an engine.

Names follow from the instance and the bot alone, so that two workers who make the same
thing at once meet in the engine's refusal and never make two. Interfaces are named for the
firewall, whose rules go by the beginning of a name (15 characters at most, Linux).
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from uuid import UUID

from adapters.docker.host_rules import BOTS
from domain.containers import ContainerSpec

INSTANCE = "clawbot.instance"
BOT = "clawbot.bot"
TEAM = "clawbot.team"
GENERATION = "clawbot.generation"
IMAGE = "clawbot.image"
PORT = "clawbot.port"
NETWORK = "clawbot.network"
# Of a service: the generation that its last update led to; it outlives going back.
TRIED = "clawbot.tried"
# Of a Swarm's task, so that it is not taken for a container that was made by itself.
TASK = "clawbot.task"
# The proxy's name in every container, whatever the address of its network's gateway is.
PROXY_HOST = "clawbot-proxy"


class Network(StrEnum):
    """The networks that a bot may have; the value begins its interface's name."""

    INSIDE = "i"  # always: no way out but to the proxy
    PORT = "p"  # a port of the host leads in; nothing leads out
    OUT = "o"  # to the internet


@dataclass(frozen=True)
class Naming:
    """The names of one instance's things."""

    instance: UUID

    def container(self, bot_id: UUID) -> str:
        return f"cbm-{self.instance.hex[:12]}-{bot_id.hex}"

    def network(self, bot_id: UUID, kind: Network) -> str:
        suffix = {Network.INSIDE: "", Network.PORT: "-port", Network.OUT: "-out"}[kind]
        return f"{self.container(bot_id)}{suffix}"

    def bridge(self, bot_id: UUID, kind: Network, ghosts: int = 0) -> str:
        """15 characters: `cb`, five of the instance, the kind, seven of the bot.

        `ghosts`: so many of its names are lost to what an engine remembers.
        """
        told = self.instance.bytes + bot_id.bytes + bytes([ghosts] if ghosts else [])
        digest = sha256(told).digest()
        return f"{self.bridges}{kind}{b32encode(digest).decode().lower()[:7]}"

    @property
    def bridges(self) -> str:
        """How the interface names of all its networks begin, and no other's."""
        return f"cb{self.tag}"

    @property
    def chain(self) -> str:
        """How the firewall chains of the instance begin."""
        return f"{BOTS}{self.tag}"

    @property
    def tag(self) -> str:
        """How the instance is told from others in the firewall."""
        return self.instance.hex[:5]

    def labels(self, spec: ContainerSpec) -> dict[str, str]:
        """What a container carries to be known again."""
        return {
            **self.bot_labels(spec.bot_id),
            TEAM: str(spec.team_id),
            GENERATION: str(spec.generation),
            IMAGE: spec.image,
            PORT: "" if spec.port is None else str(spec.port),
        }

    def bot_labels(self, bot_id: UUID) -> dict[str, str]:
        return {INSTANCE: str(self.instance), BOT: str(bot_id)}

    @property
    def filters(self) -> dict[str, list[str]]:
        """The engine's way to ask for ours only."""
        return {"label": [f"{INSTANCE}={self.instance}"]}

    def is_ours(self, labels: Mapping[str, str] | None) -> bool:
        return (labels or {}).get(INSTANCE) == str(self.instance)


def bot_of(labels: Mapping[str, str] | None) -> UUID | None:
    """The bot that the labels name; none, if they name none."""
    try:
        return UUID((labels or {}).get(BOT, ""))
    except ValueError:
        return None


def proxy_url(port: int) -> str:
    """Where every bot in a container finds the proxy."""
    return f"http://{PROXY_HOST}:{port}"
