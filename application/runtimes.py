"""Where bots can run on this instance, and what a container is made from by default."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from domain.bot_events import Runtime
from domain.errors import Unavailable


class RuntimeIsNotKnown(Unavailable):
    """The container engine is slow to answer: try again, or say the bot's runtime."""

    code = "runtime-not-known"


@dataclass(frozen=True, kw_only=True)
class ContainerDefaults:
    """What the operator has set for containers of bots."""

    image: str = "openclaw:latest"
    allowed_images: tuple[str, ...] = ("openclaw", "clawbot/*")
    port_start: int = 9200


class Runtimes(Protocol):
    """Which container engines serve this instance; `RuntimeIsNotKnown` from each."""

    def available(self) -> AbstractSet[Runtime]:
        """The runtimes a bot may have; `external` is always one."""

    def preferred(self) -> Runtime:
        """What a bot runs on whose maker did not say: the engine if there is one."""
