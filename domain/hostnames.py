"""Hostnames of bots: what a bot may be called inside its team, and in a network."""

from __future__ import annotations

from domain.errors import InvalidFields

RESERVED_HOSTNAMES = frozenset({"stats", "admin", "new"})
HOSTNAME_LENGTH = range(3, 41)


def check_hostname(hostname: str) -> None:
    """Refuse what is not `^[a-z][a-z0-9-]{1,38}[a-z0-9]$`, and the reserved words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    inner = f"{letters}0123456789-"
    if (
        len(hostname) not in HOSTNAME_LENGTH
        or hostname[0] not in letters
        or hostname[-1] == "-"
        or any(character not in inner for character in hostname)
    ):
        raise InvalidFields(hostname="not-a-hostname")
    if hostname in RESERVED_HOSTNAMES:
        raise InvalidFields(hostname="reserved")
