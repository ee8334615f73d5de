"""Ports of the host, each leased to one bot by a claim of its own."""

from __future__ import annotations

from collections.abc import Sequence

from application.event_log import EventLog, Stream
from domain.claims import Claim, host_port_claim
from domain.errors import Conflict
from domain.events import Event
from domain.ids import BotId

LAST_PORT = 65_535
AT_ONCE = 100

Change = tuple[Stream[Claim], Sequence[Event]]


class NoFreePort(Conflict):
    """Every port from BOT_PORT_START on is leased."""

    code = "no-free-port"


def free_port(event_log: EventLog, bot_id: BotId, start: int) -> tuple[Change, int]:
    """The first port from there on that no bot has, with the change that leases it."""
    for first in range(start, LAST_PORT + 1, AT_ONCE):
        ports = range(first, min(first + AT_ONCE, LAST_PORT + 1))
        claims = {port: host_port_claim(port) for port in ports}
        there = {c.id: c for c in event_log.read_all(Claim(), list(claims.values()))}
        for port, claim_id in claims.items():
            claim = there.get(claim_id) or Stream(claim_id, 0, Claim())
            if claim.state.holder in {None, bot_id}:
                return (claim, claim.state.take(bot_id)), port
    raise NoFreePort


def released(event_log: EventLog, port: int | None) -> list[Change]:
    """The change that gives the port back, if there is one."""
    if port is None:
        return []
    claim = event_log.look(Claim(), host_port_claim(port))
    return [(claim, claim.state.release())]
