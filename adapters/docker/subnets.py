"""Subnets of the bots' own networks, out of one pool.

The engine's default pools hold about thirty networks. A bot's network has eight addresses:
the gateway is the first that can be used, the bot the second. Where a bot's network is
looked for first follows from its name, so that it mostly gets the same one again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256
from ipaddress import IPv4Network

PREFIX = 29


def free_subnets(
    pool: IPv4Network, taken: Iterable[IPv4Network], name: str, prefix: int = PREFIX
) -> Iterator[IPv4Network]:
    """Every subnet of the pool that overlaps none that is taken, from the name's on."""
    count = 1 << (prefix - pool.prefixlen) if pool.prefixlen <= prefix else 0
    if count == 0:
        return
    first = int(pool.network_address)
    size = 1 << (32 - prefix)
    closed: set[int] = set()
    for other in taken:
        if other.overlaps(pool):
            lowest = max(int(other.network_address), first)
            highest = min(int(other.broadcast_address), int(pool.broadcast_address))
            closed.update(range((lowest - first) // size, (highest - first) // size + 1))
    start = int.from_bytes(sha256(name.encode()).digest()[:8]) % count
    for step in range(count):
        place = (start + step) % count
        if place not in closed:
            yield IPv4Network((first + place * size, prefix))


def addresses(subnet: IPv4Network) -> tuple[str, str]:
    """The gateway's, and the bot's."""
    return str(subnet[1]), str(subnet[2])
