"""Destinations: where a URL that a user typed may lead (security-baseline O1 and O2).

Two questions, asked at two moments. `allowed_origin` judges the text of a URL when it is
stored; `is_public` judges an address when a name has been resolved, just before somebody
connects to it. A name that is public today may point inside tomorrow, so the first never
makes the second needless. What the operator lists in EGRESS_ALLOW is excused from both.

`ipaddress` parses here and nothing more: its `is_global` and `is_private` call several of
the ranges below public, and differ between Python releases.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple

from domain.errors import BadSetup, Invalid

DEFAULT_PORTS = {"http": 80, "https": 443}
LONGEST_URL = 2048
LONGEST_HOST = 253
HIGHEST_PORT = 65535

_URL = re.compile(
    r"(?P<scheme>[A-Za-z]+)://"
    r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+))"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,=:@/-]*)?"
)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class UrlIsNotAllowed(Invalid):
    """The URL is malformed, or leads where no key may be sent. Its text is not repeated."""


class DestinationIsNotPublic(Invalid):
    """The name leads to an address inside, and the operator has not listed its origin."""


class Origin(NamedTuple):  # looked up by several times for each call
    """A scheme, a host and a port, in the one spelling that makes equal origins equal.

    The host is in lower case; an IPv6 address is in its short form, without brackets.
    """

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self._bracketed}:{self.port}"

    @property
    def authority(self) -> str:
        """What a Host header says: the port only where it is not the scheme's own."""
        if self.port == DEFAULT_PORTS[self.scheme]:
            return self._bracketed
        return f"{self._bracketed}:{self.port}"

    @property
    def address(self) -> str | None:
        """The host if it is an IP address, None if it is a name."""
        try:
            return str(ip_address(self.host))
        except ValueError:
            return None

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


@dataclass(frozen=True, slots=True)
class BaseUrl:
    """An origin, and the path that calls are put under: "" or "/so/far", no last slash."""

    origin: Origin
    path: str


def parse_origin(url: str) -> Origin:
    """The origin of a URL; raises `UrlIsNotAllowed` as `parse_base_url` does."""
    return parse_base_url(url).origin


@lru_cache(maxsize=1024)  # asked for every call; keys have few different ones
def parse_base_url(url: str) -> BaseUrl:
    """Read the URL in the one strict way; nothing is cleaned, decoded or guessed.

    Holds for the answer: http or https, an ASCII name or an IP address, a port of 1 to
    65535, a path of plain characters without empty, `.` or `..` segments. Everything else
    raises `UrlIsNotAllowed` with a sentence that says what is wrong.
    """
    found = _URL.fullmatch(url) if len(url) <= LONGEST_URL else None
    if found is None:
        raise UrlIsNotAllowed(_what_is_wrong_with(url))
    scheme = found["scheme"].lower()
    if scheme not in DEFAULT_PORTS:
        raise UrlIsNotAllowed("The URL must start with https:// or http://.")
    host = _v6(found["v6"]) if found["v6"] else _name_or_v4(found["host"].lower())
    port = int(found["port"]) if found["port"] else DEFAULT_PORTS[scheme]
    if port > HIGHEST_PORT:
        raise UrlIsNotAllowed("The URL's port is above 65535.")
    return BaseUrl(Origin(scheme, host, port), _path(found["path"] or ""))


def allowed_origin(url: str, *, egress_allow: Collection[str]) -> Origin:
    """The URL's origin, if keys may be sent there; raises `UrlIsNotAllowed` if not.

    Allowed is https on port 443 to a name or a public address, and what EGRESS_ALLOW lists
    exactly. A name is not resolved here: that is checked again at every connection.
    """
    origin = parse_origin(url)
    if origin in listed_origins(egress_allow):
        return origin
    if origin.scheme != "https" or origin.port != DEFAULT_PORTS["https"]:
        raise UrlIsNotAllowed(
            "Only https on port 443 is allowed; the operator can list another origin "
            "in EGRESS_ALLOW."
        )
    if origin.address is not None and not is_public(origin.address):
        raise UrlIsNotAllowed(
            "The URL's address is not a public one; the operator can list its origin "
            "in EGRESS_ALLOW."
        )
    return origin


def listed_origins(egress_allow: Collection[str]) -> frozenset[Origin]:
    """The operator's entries as origins; `BadSetup` names an entry that is none."""
    origins = set()
    for entry in egress_allow:
        try:
            base_url = parse_base_url(entry)
        except UrlIsNotAllowed as wrong:
            raise BadSetup(f"EGRESS_ALLOW: {entry!r} is not an origin. {wrong}") from wrong
        if base_url.path:
            raise BadSetup(
                f"EGRESS_ALLOW: {entry!r} has a path; write scheme://host:port and no more."
            )
        origins.add(base_url.origin)
    return frozenset(origins)


def is_public(address: str) -> bool:
    """Whether the address is out on the internet, by our own table; no address is not.

    In IPv6 only 2000::/3 has ever been given out (RFC 4291, IANA), so all else is refused
    before the table is read: there the table explains more than it decides.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv6Address) and parsed not in _GLOBAL_UNICAST:
        return False
    return not any(parsed in network for network in _NOT_PUBLIC[parsed.version])


_GLOBAL_UNICAST = ip_network("2000::/3")

_NOT_PUBLIC_V4 = {
    "0.0.0.0/8": "this network, RFC 791 and 1122; 0.0.0.0 connects to ourselves",
    "10.0.0.0/8": "private, RFC 1918",
    "100.64.0.0/10": "shared by carriers (CGNAT), RFC 6598",
    "100.100.100.200/32": "metadata of Alibaba Cloud, inside the range above",
    "127.0.0.0/8": "loopback, RFC 1122",
    "168.63.129.16/32": "metadata of Azure: looks public and is not",
    "169.254.0.0/16": "link-local, RFC 3927",
    "169.254.169.254/32": "metadata of most clouds, inside the range above",
    "172.16.0.0/12": "private, RFC 1918",
    "192.0.0.0/24": "protocol assignments, RFC 6890; DS-Lite, RFC 6333",
    "192.0.0.192/32": "metadata of Oracle Cloud, inside the range above",
    "192.0.2.0/24": "documentation, RFC 5737",
    "192.31.196.0/24": "AS112, answered by whoever is nearest, RFC 7535",
    "192.52.193.0/24": "multicast tunnels (AMT), RFC 7450",
    "192.88.99.0/24": "6to4 relays, RFC 3068, withdrawn by RFC 7526",
    "192.168.0.0/16": "private, RFC 1918",
    "192.175.48.0/24": "AS112, RFC 7534",
    "198.18.0.0/15": "benchmarks, RFC 2544",
    "198.51.100.0/24": "documentation, RFC 5737",
    "203.0.113.0/24": "documentation, RFC 5737",
    "224.0.0.0/4": "multicast, RFC 5771",
    "240.0.0.0/4": "reserved, RFC 1112; 255.255.255.255 is broadcast, RFC 919",
}

_NOT_PUBLIC_V6 = {
    "::/128": "unspecified, RFC 4291; connects to ourselves",
    "::1/128": "loopback, RFC 4291",
    "::/96": "IPv4-compatible, RFC 4291: carries any IPv4 address",
    "::ffff:0:0/96": "IPv4-mapped, RFC 4291: carries any IPv4 address",
    "::ffff:0:0:0/96": "IPv4-translated, RFC 2765: carries any IPv4 address",
    "64:ff9b::/96": "NAT64, RFC 6052: carries any IPv4 address",
    "64:ff9b:1::/48": "NAT64 of one's own network, RFC 8215",
    "100::/64": "discard, RFC 6666",
    "2001::/23": "protocol assignments, RFC 2928, with the next five inside",
    "2001::/32": "Teredo, RFC 4380: carries any IPv4 address",
    "2001:2::/48": "benchmarks, RFC 5180",
    "2001:10::/28": "ORCHID, RFC 4843",
    "2001:20::/28": "ORCHIDv2, RFC 7343",
    "2001:30::/28": "identities of drones (DET), RFC 9374",
    "2001:db8::/32": "documentation, RFC 3849",
    "2002::/16": "6to4, RFC 3056: carries any IPv4 address",
    "3ffe::/16": "6bone, handed back, RFC 3701",
    "3fff::/20": "documentation, RFC 9637",
    "5f00::/16": "segment routing inside one network, RFC 9602",
    "fc00::/7": "unique local, RFC 4193; holds the metadata of AWS, fd00:ec2::254",
    "fe80::/10": "link-local, RFC 4291",
    "fec0::/10": "site-local, RFC 3879",
    "ff00::/8": "multicast, RFC 4291",
}

_NOT_PUBLIC = {
    4: [ip_network(network) for network in _NOT_PUBLIC_V4],
    6: [ip_network(network) for network in _NOT_PUBLIC_V6],
}


def _what_is_wrong_with(url: str) -> str:
    """The commonest reason why a text is no base URL, as a sentence."""
    after_scheme = url.partition("://")[2]
    if len(url) > LONGEST_URL:
        return f"The URL is longer than {LONGEST_URL} characters."
    if "?" in url or "#" in url:
        return "The URL must not have a query or a fragment."
    if "@" in after_scheme.partition("/")[0]:
        return "The URL must not hold a user name or a password."
    if not url.isascii():
        return "The URL must be plain ASCII; write an international name in punycode."
    return "The URL must look like https://host:port/path, with no unusual characters."


def _v6(text: str) -> str:
    try:
        return IPv6Address(text).compressed
    except ValueError as wrong:
        raise UrlIsNotAllowed("The URL's IPv6 address is malformed.") from wrong


def _name_or_v4(host: str) -> str:
    """The host as it is; a name that ends in a number must be four plain numbers.

    Resolvers read 127.1, 0x7f.1 and 2130706433 as addresses, so those are refused.
    """
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError as wrong:
            raise UrlIsNotAllowed("The URL's IPv4 address is malformed.") from wrong
    if len(host) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlIsNotAllowed("The URL's host is not a valid name.")
    return host


def _path(path: str) -> str:
    path = path.removesuffix("/")
    if not path:
        return ""
    if any(segment in {"", ".", ".."} for segment in path[1:].split("/")):
        raise UrlIsNotAllowed("The URL's path must not have empty, . or .. segments.")
    return path
