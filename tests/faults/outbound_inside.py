"""Runs inside the namespace: tries every way out on every URL of the table.

Prints as JSON what each attempt came to, and what the sink saw of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
from collections.abc import Awaitable
from urllib.parse import urlsplit

from adapters import outbound
from adapters.catalog.loader import load_catalog
from adapters.outbound import CheckedResolver
from adapters.probe import VendorProber
from application.ports import Secret
from domain.destinations import (
    DEFAULT_PORTS,
    Origin,
    UrlIsNotAllowed,
    allowed_origin,
    parse_base_url,
)
from domain.errors import Refused
from proxy.upstream import Limits, Upstream, UpstreamError
from tests.faults.outbound_sink import PORTS, Names, Seen, Sink
from tests.faults.outbound_table import (
    LITERAL,
    MIXED,
    NAMED,
    REDIRECTS,
    TRICKS,
)

_PLAIN = re.compile(r"[0-9a-z.:@\\_-]+")
LIMITS = Limits(connect=2, first_byte=2, idle=2, total=5)
CUSTOM = load_catalog().get("custom")
SECRET = Secret(b"sk-nobody-may-see-this")


def _leniently(url: str) -> Origin | None:
    """The origin that the library's forgiving reader finds, for what ours refuses.

    None if it finds none, or one that cannot stand in a request.
    """
    try:
        return parse_base_url(url).origin
    except UrlIsNotAllowed:
        pass
    try:
        parts = urlsplit(url)
        scheme = parts.scheme if parts.scheme in DEFAULT_PORTS else "https"
        port = parts.port or DEFAULT_PORTS[scheme]
    except ValueError:
        return None
    host = parts.hostname or ""
    return Origin(scheme, host, port) if _PLAIN.fullmatch(host) else None


class Attempts:
    """Every way out, tried on one URL after another."""

    def __init__(self, sink: Sink, tls: ssl.SSLContext) -> None:
        self._sink = sink
        self._tls = tls

    async def all_ways(self, url: str) -> dict[str, Seen]:
        origin = _leniently(url)
        prober = VendorProber(egress_allow=(), tls=self._tls)
        ways = {
            "base_url": await self._seen(self._typed(url)),
            "probe": await self._seen(
                asyncio.to_thread(lambda: str(prober.probe(CUSTOM, SECRET, url).error))
            ),
        }
        if origin is not None:
            ways["call"] = await self._seen(self._call(origin))
        return ways

    async def control(self, url: str) -> Seen:
        """The same call where the operator has listed the origin."""
        origin = parse_base_url(url).origin
        return await self._seen(self._call(origin, (str(origin),)))

    async def redirected(self, status: int) -> dict[str, Seen]:
        prober = VendorProber(egress_allow=(), tls=self._tls)
        url = f"https://public.test/{status}"
        return {
            "call": await self._seen(
                self._call(parse_base_url(url).origin, target=b"/%d" % status)
            ),
            "probe": await self._seen(
                asyncio.to_thread(
                    lambda: str(prober.probe(CUSTOM, SECRET, url).http_status)
                )
            ),
        }

    async def rebound(self) -> list[Seen]:
        """Twice to a name that leads elsewhere from the second question on."""
        outbound.KEPT_SECONDS = 0.0
        upstream = Upstream(CheckedResolver(egress_allow=()), limits=LIMITS, tls=self._tls)
        origin = parse_base_url("https://rebinding.test").origin
        return [await self._seen(self._send(upstream, origin, b"/")) for _ in range(2)]

    async def _typed(self, url: str) -> str:
        return str(allowed_origin(url, egress_allow=()))

    async def _call(
        self, origin: Origin, allow: tuple[str, ...] = (), target: bytes = b"/"
    ) -> str:
        resolver = CheckedResolver(egress_allow=allow)
        upstream = Upstream(resolver, limits=LIMITS, tls=self._tls)
        try:
            return await self._send(upstream, origin, target)
        finally:
            await upstream.close()

    async def _send(self, upstream: Upstream, origin: Origin, target: bytes) -> str:
        answer = await upstream.send(origin, "GET", target, [], b"")
        while await answer.read():
            pass
        return str(answer.status)

    async def _seen(self, attempt: Awaitable[str]) -> Seen:
        try:
            said, refused = await attempt, False
        except (Refused, UpstreamError) as wrong:
            said, refused = repr(wrong), True
        return {"refused": refused, "said": said, **self._sink.seen()}


async def main(vendor: str) -> None:
    there = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    there.load_cert_chain(vendor)
    sink = Sink(there)
    taking = [asyncio.create_task(sink.take(port)) for port in PORTS]
    await asyncio.get_running_loop().create_datagram_endpoint(
        Names, local_addr=("127.0.0.1", 53)
    )
    attempts = Attempts(sink, ssl.create_default_context(cafile=vendor))
    bad = (*LITERAL, *NAMED, *MIXED, *TRICKS)
    report = {
        "bad": {url: await attempts.all_ways(url) for url in bad},
        "controls": {url: await attempts.control(url) for url in (*LITERAL, *NAMED)},
        "redirected": {status: await attempts.redirected(status) for status in REDIRECTS},
        "rebound": await attempts.rebound(),
    }
    sys.stdout.write(json.dumps(report))
    dead = [task for task in taking if task.done()]
    for task in taking:
        task.cancel()
    await asyncio.gather(*taking, return_exceptions=True)
    if dead:
        msg = "the sink did not take connections to the end"
        raise SystemExit(msg)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
