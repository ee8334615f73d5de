"""What the daemon of a Swarm's node must do that a service cannot ask for.

See `swarm.py` for the whole list. Each node has its own daemon: the ones that the worker
does not talk to are looked at by running `clawbot doctor` there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import BadSetup

DAEMON = Path("/etc/docker/daemon.json")
SWAPS = Path("/proc/swaps")


@dataclass(frozen=True)
class Node:
    """A node as it is set up."""

    info: Mapping[str, Any]  # of the engine, GET /info
    daemon: Mapping[str, Any]  # its daemon.json
    has_swap: bool


@dataclass(frozen=True)
class Default:
    """One setting of the template that the node's own must stand in for."""

    name: str
    is_covered: bool
    advice: str


def this_node(
    info: Mapping[str, Any], *, daemon: Path = DAEMON, swaps: Path = SWAPS
) -> Node:
    """The machine that we run on; `BadSetup` if its daemon.json cannot be read."""
    try:
        written = json.loads(daemon.read_text()) if daemon.exists() else {}
    except (OSError, ValueError) as error:
        msg = f"{daemon} cannot be read: {type(error).__name__}"
        raise BadSetup(msg) from error
    # The first line is a heading.
    return Node(info, written, has_swap=len(swaps.read_text().splitlines()) > 1)


def defaults(node: Node) -> Iterator[Default]:
    """Each, and whether it is covered."""
    options = " ".join(node.info.get("SecurityOptions") or ())
    yield Default(
        "no-new-privileges",
        # Older engines do not show it.
        "name=no-new-privileges" in options or node.daemon.get("no-new-privileges") is True,
        'Set "no-new-privileges": true in daemon.json: a service cannot ask for it.',
    )
    yield Default(
        "swap",
        not node.has_swap,
        "Turn swap off (swapoff -a): a service may swap as much again as its memory.",
    )
    yield Default(
        "cgroup-namespace",
        "name=cgroupns" in options
        or node.daemon.get("default-cgroupns-mode") == "private"
        or str(node.info.get("CgroupVersion")) == "2",
        'Set "default-cgroupns-mode": "private" in daemon.json.',
    )
    size = str(node.daemon.get("default-shm-size", "64M")).upper().rstrip("B")
    yield Default(
        "shared-memory",
        size in {"64M", str(64 * 2**20)},
        'Leave "default-shm-size" in daemon.json at 64M, or take it out.',
    )
