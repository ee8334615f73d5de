"""What an engine is told once: whose bots, where their folders are, what they may run."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from uuid import UUID

DEFAULT_SUBNETS = IPv4Network("10.213.0.0/16")
DEFAULT_DNS = ("1.1.1.1", "9.9.9.9")
BOT_USER = (1000, 1000)


@dataclass(frozen=True, kw_only=True)
class EngineSetup:
    """One instance of ours on one engine."""

    instance: UUID  # of the labels; never a secret
    data_dir: Path  # <bot id>/{config,workspace,state}
    secrets_dir: Path  # <bot id>/
    images_allowed: tuple[str, ...]
    proxy_address: str = "127.0.0.1"  # where the proxy listens
    proxy_port: int = 3101
    user: tuple[int, int] = BOT_USER  # uid and gid that own the folders
    subnets: IPv4Network = DEFAULT_SUBNETS  # of the bots' own networks, a /29 each
    dns: tuple[str, ...] = DEFAULT_DNS  # asked from inside the container, or by nobody
    has_firewall: bool = True  # ours; without, the operator's own must do the same
    constraints: tuple[str, ...] = ()  # Swarm: which nodes may run bots
    timeout_seconds: int = 20  # of every question to the engine
