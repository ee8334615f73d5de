"""The outbound address check: a name is resolved once, and every answer is judged.

Plays the `Resolver` of `proxy/upstream.py`. Whoever gets an address from here connects to
that address and to no other, so that a second look-up cannot lead elsewhere.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection

from adapters.names import addresses_of
from domain.destinations import (
    DEFAULT_PORTS,
    DestinationIsNotPublic,
    Origin,
    is_public,
    listed_origins,
)
from domain.errors import Unavailable

LOOK_UP_SECONDS = 5.0
KEPT_SECONDS = 30.0
MOST_KEPT = 1024
MOST_AT_ONCE = 32  # look-ups
HTTPS = DEFAULT_PORTS["https"]


class CheckedResolver:
    """Resolves origins to addresses that may be connected to; keeps them for 30 s.

    Calls that wait for the same origin share one look-up. Only good answers are kept.
    `egress_allow` holds the operator's exact origins, which may lead anywhere;
    `BadSetup` if one of them is not an origin.
    """

    def __init__(self, *, egress_allow: Collection[str]) -> None:
        self._excused = listed_origins(egress_allow)
        self._kept: dict[Origin, tuple[str, float]] = {}
        self._under_way: dict[Origin, asyncio.Task[str]] = {}
        # Names that nobody has answered for yet cannot crowd out those that are in use.
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._room_for_new = asyncio.Semaphore(MOST_AT_ONCE)

    async def resolve(self, origin: Origin) -> str:
        """One checked address of the origin, IPv4 if it has both kinds.

        Raises `DestinationIsNotPublic` if any of its addresses is inside, or it is neither
        https on port 443 nor listed (any more: a key is kept for longer than an entry), and
        `Unavailable` if it does not resolve within 5 s.
        """
        kept = self._kept.get(origin)
        if kept is not None and time.monotonic() < kept[1]:
            return kept[0]
        look_up = self._under_way.get(origin)
        if look_up is None:
            look_up = asyncio.ensure_future(self._look_up(origin))
            self._under_way[origin] = look_up
            look_up.add_done_callback(lambda _: self._under_way.pop(origin))
        return await asyncio.shield(look_up)  # one caller that leaves stops nobody else

    async def _look_up(self, origin: Origin) -> str:
        is_excused = origin in self._excused
        if not is_excused and (origin.scheme, origin.port) != ("https", HTTPS):
            raise DestinationIsNotPublic(
                "Only https on port 443 is asked; the operator can list another origin in "
                "EGRESS_ALLOW."
            )
        room = self._room if origin in self._kept else self._room_for_new
        addresses = await _addresses(origin, room)
        if not is_excused and not all(map(is_public, addresses)):
            raise DestinationIsNotPublic(
                "The host leads to an address that is not public; the operator can list "
                "its origin in EGRESS_ALLOW."
            )
        address = min(addresses, key=lambda address: ":" in address)
        if len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        until = time.monotonic() + KEPT_SECONDS
        self._kept[origin] = (address, until)
        return address


async def _addresses(origin: Origin, room: asyncio.Semaphore) -> list[str]:
    """All addresses of the origin, in the system's order; never empty."""
    if origin.address is not None:
        return [origin.address]
    try:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            addresses = await addresses_of(origin.host, origin.port, room=room)
    except (OSError, UnicodeError) as wrong:  # a timeout is an OSError
        raise Unavailable("The host's name does not resolve.") from wrong
    if not addresses:
        raise Unavailable("The host's name has no address.")
    return addresses
