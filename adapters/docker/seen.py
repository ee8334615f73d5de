"""What the engine's own words about a container mean in ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from adapters.docker.failures import without_paths
from adapters.docker.naming import GENERATION, IMAGE, bot_of
from adapters.docker.template import PORTS
from domain.containers import ContainerState, Health, NetworkPolicy, SeenContainer
from domain.images import ImageFamily, image_of

_STATES = {
    "created": ContainerState.CREATED,
    "running": ContainerState.RUNNING,
    "paused": ContainerState.RUNNING,
    "restarting": ContainerState.RUNNING,
    "exited": ContainerState.EXITED,
    "removing": ContainerState.EXITED,
    "dead": ContainerState.EXITED,
}
_HEALTH = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_FRACTION = re.compile(r"\.\d+")


def seen(
    listed: Mapping[str, Any], inspected: Mapping[str, Any], network: NetworkPolicy
) -> SeenContainer | None:
    """One line of the engine's list, with what only an inspection tells of its state.

    None: the labels name no bot, so that somebody has copied them.
    """
    labels: Mapping[str, str] = listed["Labels"]
    bot_id = bot_of(labels)
    generation = labels.get(GENERATION, "")
    if bot_id is None or not generation.isdecimal():
        return None
    state = _STATES.get(listed["State"], ContainerState.EXITED)
    has_ended = state is ContainerState.EXITED
    image = labels.get(IMAGE, listed["Image"])
    return SeenContainer(
        container_id=listed["Id"],
        bot_id=bot_id,
        generation=int(generation),
        state=state,
        health=health_of(listed) if state is ContainerState.RUNNING else None,
        exit_code=inspected.get("ExitCode") if has_ended else None,
        out_of_memory=bool(inspected.get("OOMKilled")),
        error=without_paths(inspected.get("Error") or ""),
        address=_address(listed, image) if state is ContainerState.RUNNING else None,
        image=image,
        network=network,
        started_at=moment(inspected.get("StartedAt")),
        created_at=datetime.fromtimestamp(listed["Created"], UTC),
    )


def health_of(listed: Mapping[str, Any]) -> Health | None:
    """What its own check says of a container; none if its image has no check."""
    found = _HEALTH.search(listed["Status"])
    return Health(found[1]) if found else None


def networks_of(listed: Mapping[str, Any]) -> list[str]:
    """The names of the networks that a container is attached to."""
    return sorted((listed.get("NetworkSettings") or {}).get("Networks") or {})


def moment(text: str | None) -> datetime | None:
    """A time as the engine writes it, to the microsecond; none for its year 1."""
    if not text or text.startswith("0001-"):
        return None
    whole = _FRACTION.sub(
        lambda part: part[0][:7].ljust(7, "0"), text.replace("Z", "+00:00")
    )
    return datetime.fromisoformat(whole)


def _address(listed: Mapping[str, Any], image: str) -> str | None:
    """Where the manager reaches the bot, `address:port`; by its inner network if it can."""
    attached = (listed.get("NetworkSettings") or {}).get("Networks") or {}
    for name in sorted(attached):  # the inner one's name is the shortest
        if attached[name].get("IPAddress"):
            return f"{attached[name]['IPAddress']}:{PORTS[_family(image)]}"
    return None


def _family(image: str) -> ImageFamily:
    return ImageFamily.PLAIN if image.startswith("sha256:") else image_of(image).family
