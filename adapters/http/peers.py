"""How many connections are open, in all and from one peer."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from adapters.http.limits import HttpLimits

_IPV6_NETWORK_BITS = 64  # who has one address of these has all of them

Address = IPv4Address | IPv6Address


class Peers:
    """Counts the connections of one process.

    This machine's own addresses are not held to the limit per peer: what stands in front of
    us (a reverse proxy, a tunnel) brings everybody's connections from there. Nor are those
    that the limits name for the same reason.
    """

    def __init__(self, limits: HttpLimits, *, trust_loopback: bool = True) -> None:
        self._limits = limits
        self._trust_loopback = trust_loopback
        self._by_peer: dict[str, int] = {}
        self._all = 0

    def enter(self, host: str) -> str | None:
        """The peer to `leave` with later; None if there is no room for it."""
        address = _address(host)
        peer = _peer(address)
        own = self._by_peer.get(peer, 0)
        if self._all >= self._limits.connections:
            return None
        if own >= self._limits.connections_per_peer and not self._is_shared(address):
            return None
        self._all += 1
        self._by_peer[peer] = own + 1
        return peer

    def _is_shared(self, address: Address) -> bool:
        if address.is_loopback and self._trust_loopback:
            return True
        return any(address in network for network in self._limits.shared_peers)

    def leave(self, peer: str) -> None:
        self._all -= 1
        left = self._by_peer[peer] - 1
        if left:
            self._by_peer[peer] = left
        else:
            del self._by_peer[peer]


def _address(host: str) -> Address:
    """The address, as one of IPv4 if it only is written as one of IPv6."""
    address = ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _peer(address: Address) -> str:
    """Whose address that is."""
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{int(address) >> (128 - _IPV6_NETWORK_BITS):x}::"
