"""Where bots can run on this instance, and what a container is made from by default."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol

from domain.bot_events import Runtime


@dataclass(frozen=True, kw_only=True)
class ContainerDefaults:
    """What the operator has set for containers of bots."""

    image: str = "openclaw:latest"
    allowed_images: tuple[str, ...] = ("openclaw", "clawbot/*")
    port_start: int = 9200


class Runtimes(Protocol):
    """Which container engines answer."""

    def available(self) -> AbstractSet[Runtime]:
        """The runtimes whose engine answers now; as of a few seconds ago at most."""

    def preferred(self) -> Runtime:
        """What a bot runs on whose maker did not say: an engine that answers, else none."""
