"""How often the control plane may be asked: per peer before anything else, then per user.

The peer is whoever opened the connection; no header is believed. Where many clients come
from one address (this machine, `CLAWBOT_HTTP_SHARED_PEERS`) only the other limits hold.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import problem
from api.wired import Wired
from application.rates import RequestLimits, TooOften
from domain.ids import TeamId
from domain.peers import address_of, is_listed, peer_of

READS = frozenset({"GET", "HEAD", "OPTIONS"})


class PeerLimit:
    """Lets through what its peer may ask; the rest gets 429, its body unread."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            system: Wired = scope["app"].state.system
            limits = system.request_limits
            peer = _limited_peer(scope, limits)
            try:
                if peer and not limits.rates.take(limits.requests, peer):
                    await run_in_threadpool(limits.rates.count, limits.requests, peer)
            except TooOften as refused:
                await problem(refused, scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def count_request(
    limits: RequestLimits, method: str, principal: str, team_id: TeamId
) -> None:
    """The caller's read or write is counted; `TooOften`."""
    rate = limits.reads if method in READS else limits.writes
    limits.rates.count(rate, f"{team_id}/{principal}")


def count_try(
    limits: RequestLimits, what: str, address_hash: str, connection: HTTPConnection
) -> None:
    """A try to sign in or register is counted, for its account and peer; `TooOften`."""
    host = connection.client.host if connection.client else ""
    limits.rates.count(limits.sign_ins, f"{what}/{address_hash}/{_peer(host)}")


def count_strangers_try(
    limits: RequestLimits, what: str, connection: HTTPConnection
) -> None:
    """A try that is of no account is counted for its peer; `TooOften`.

    Where many clients come from one address it is not: they would wait for each other.
    """
    host = connection.client.host if connection.client else ""
    if not _is_shared(host, limits):
        limits.rates.count(limits.sign_ins, f"{what}//{_peer(host)}")


def _limited_peer(scope: Scope, limits: RequestLimits) -> str | None:
    """The peer, unless many clients come from there."""
    host = scope["client"][0] if scope["client"] else ""
    try:
        address = address_of(host)
    except ValueError:  # not over TCP
        return None
    return None if _is_shared(host, limits) else peer_of(address)


def _is_shared(host: str, limits: RequestLimits) -> bool:
    """Whether many clients come from there."""
    try:
        address = address_of(host)
    except ValueError:
        return False
    return address.is_loopback or is_listed(address, limits.shared_peers)


def _peer(host: str) -> str:
    try:
        return peer_of(address_of(host))
    except ValueError:
        return host
