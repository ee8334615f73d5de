"""How many connections are open, in all and from one peer."""

from __future__ import annotations

from adapters.http.limits import HttpLimits
from domain.peers import Address, address_of, is_listed, peer_of


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
        address = address_of(host)
        peer = peer_of(address)
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
        return is_listed(address, self._limits.shared_peers)

    def leave(self, peer: str) -> None:
        self._all -= 1
        left = self._by_peer[peer] - 1
        if left:
            self._by_peer[peer] = left
        else:
            del self._by_peer[peer]
