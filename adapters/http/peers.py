"""How many connections are open, in all and from one peer."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from adapters.http.limits import HttpLimits

_IPV6_NETWORK_BITS = 64  # who has one address of these has all of them


class Peers:
    """Counts the connections of one process.

    This machine's own addresses are not held to the limit per peer: what stands in front of
    us (a reverse proxy, a tunnel) brings everybody's connections from there.
    """

    def __init__(self, limits: HttpLimits, *, trust_loopback: bool = True) -> None:
        self._limits = limits
        self._trust_loopback = trust_loopback
        self._by_peer: dict[str, int] = {}
        self._all = 0

    def enter(self, host: str) -> str | None:
        """The peer to `leave` with later; None if there is no room for it."""
        peer, is_ours = _peer(host)
        own = self._by_peer.get(peer, 0)
        if self._all >= self._limits.connections:
            return None
        counts = not (is_ours and self._trust_loopback)
        if counts and own >= self._limits.connections_per_peer:
            return None
        self._all += 1
        self._by_peer[peer] = own + 1
        return peer

    def leave(self, peer: str) -> None:
        self._all -= 1
        left = self._by_peer[peer] - 1
        if left:
            self._by_peer[peer] = left
        else:
            del self._by_peer[peer]


def _peer(host: str) -> tuple[str, bool]:
    """Who that is, and whether it is this machine."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is not None:
            return str(mapped), mapped.is_loopback
        network = int(address) >> (128 - _IPV6_NETWORK_BITS)
        return f"{network:x}::", address.is_loopback
    return str(address), address.is_loopback
