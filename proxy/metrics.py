"""`GET /metrics`, for this machine and for whoever has `METRICS_TOKEN`.

For anybody else it is a path like any other that there is not. A reverse proxy on this
machine does not make the whole world local: a request that says it was passed on needs the
token.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import ip_address
from uuid import uuid4

from application.watch import Numbers
from proxy.incoming import Receive, Scope, Send

PATH = b"/metrics"
CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
PASSED_ON = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip"})

Application = Callable[[Scope, Receive, Send], Awaitable[None]]


def with_metrics(
    otherwise: Application, numbers: Numbers, *, token: str | None
) -> Application:
    """One application: the numbers, for those who may see them, and everything else."""

    async def both(scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or scope["raw_path"] != PATH
            or scope["method"] != "GET"
            or not may_see(scope["client"], scope["headers"], token)
        ):
            await otherwise(scope, receive, send)
            return
        body = await numbers.text()
        headers = [
            (b"content-type", CONTENT_TYPE),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-request-id", str(uuid4()).encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return both


def may_see(
    client: tuple[str, int] | None,
    headers: Iterable[tuple[bytes, bytes]],
    token: str | None,
) -> bool:
    """Whether it comes from this machine itself, or holds the token."""
    local = client is not None and _is_loopback(client[0])
    for name, value in headers:
        if name in PASSED_ON:
            local = False
        elif name == b"authorization" and token:
            scheme, _, given = value.partition(b" ")
            if scheme.lower() == b"bearer" and hmac.compare_digest(given, token.encode()):
                return True
    return local


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:  # no address: a test's client, a socket in a folder
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
