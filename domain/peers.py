"""Whom a connection comes from, as far as its address tells."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_IPV6_NETWORK_BITS = 64  # who has one address of these has all of them

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def address_of(host: str) -> Address:
    """The address, as one of IPv4 if it only is written as one of IPv6; `ValueError`."""
    address = ip_address(host.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def peer_of(address: Address) -> str:
    """Whose address that is."""
    if isinstance(address, IPv4Address):
        return str(address)
    return f"{int(address) >> (128 - _IPV6_NETWORK_BITS):x}::"


def is_listed(address: Address, networks: Iterable[Network]) -> bool:
    """Whether it lies in one of the networks."""
    return any(address in network for network in networks)
