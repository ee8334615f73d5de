"""Where somebody signs in from, as far as the connection tells: an IPv4 /24, an IPv6 /48.

No address is kept, only a keyed hash of the network, another one for each person.
"""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network

from starlette.requests import HTTPConnection

from api.tokens import token_hash
from api.wired import Wired
from domain.ids import UserId
from domain.peers import address_of, is_listed

IPV4_BITS, IPV6_BITS = 24, 48


def place_of(system: Wired, user_id: UserId, connection: HTTPConnection) -> str:
    """The place; empty where many clients come from one address, which tells nothing."""
    try:
        address = address_of(connection.client.host if connection.client else "")
    except ValueError:  # not over TCP
        return ""
    if address.is_loopback or is_listed(address, system.request_limits.shared_peers):
        return ""
    bits = IPV4_BITS if isinstance(address, IPv4Address) else IPV6_BITS
    network = ip_network((address, bits), strict=False)
    key = system.instance_keys.get("token")
    return token_hash(key, f"place {user_id} {network}")
