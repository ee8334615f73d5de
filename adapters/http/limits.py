"""How much a client may send, and how long it may take (security-baseline, section 3)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpLimits:
    """Bytes and seconds; every one of them is enforced while reading."""

    upgrades_below: bytes | None = None  # paths that begin so may ask for a WebSocket
    head_bytes: int = 32 * 1024  # request line and headers
    headers: int = 100
    target_bytes: int = 8 * 1024
    head_seconds: float = 10.0  # from the connection, or from a later head's first byte
    keep_alive_seconds: float = 15.0  # between an answer and the next head's first byte
    body_seconds: float = 60.0  # for the whole body, while we are ready to read it
    body_bytes_per_second: int = 1024
    pace_seconds: float = 5.0  # how often a body's pace is looked at
    unread_bytes: int = 64 * 1024  # of a body that the application has not taken
    write_seconds: float = 60.0  # for a full buffer to drain
    linger_seconds: float = 2.0  # for a client to hear why it is cut off
    connections: int = 2000
    connections_per_peer: int = 200
    # Many clients come from there: a reverse proxy, a gateway that hides who is behind it.
    shared_peers: tuple[Network, ...] = ()
