"""The relays' one way out: HTTP/1.1 to a checked address (security-baseline O1 to O3).

No redirect is followed, no proxy is taken from the environment, nothing is decompressed,
and a connection serves one call, so that none is used for another name than its TLS
was verified for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2

from adapters.outbound import CheckedResolver
from domain.destinations import Origin, allowed_origin
from domain.errors import Refused, Unavailable

CONNECT_SECONDS = 5.0
READ_SECONDS = 65.0  # a long poll takes 50
AGENT = "clawbot-relay"


class Unreachable(Unavailable):
    """What was to be asked does not answer."""

    code = "upstream-unreachable"


class TooSlow(Unavailable):
    """What was asked did not answer in time."""

    code = "upstream-timeout"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request; `target` goes out byte for byte."""

    origin: Origin
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | AsyncIterator[bytes] = b""


class Outbound:
    """Asks origins that may be asked; lives in one event loop."""

    def __init__(
        self, *, egress_allow: Collection[str], tls: ssl.SSLContext | None = None
    ) -> None:
        """`tls` is the system's default unless given."""
        self._egress_allow = tuple(egress_allow)
        self._resolver = CheckedResolver(egress_allow=egress_allow)
        self._tls = tls or ssl.create_default_context()

    def allowed(self, url: str) -> Origin:
        """The URL's origin; `UrlIsNotAllowed` unless it is public https or listed."""
        return allowed_origin(url, egress_allow=self._egress_allow)

    @asynccontextmanager
    async def answer(
        self, ask: Ask, *, seconds: float = READ_SECONDS
    ) -> AsyncIterator[httpx2.Response]:
        """The answer, whose headers are in; `Unreachable` or `TooSlow`.

        `seconds` is the time until the headers, and between two pieces of the body.
        """
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        client = httpx2.AsyncClient(
            timeout=timeout, trust_env=False, follow_redirects=False, verify=self._tls
        )
        async with client:
            try:
                answer = await client.send(await self._request(client, ask), stream=True)
            except httpx2.TimeoutException as error:
                raise TooSlow from error
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise Unreachable from error
            try:
                yield answer
            finally:
                await answer.aclose()

    async def _request(self, client: httpx2.AsyncClient, ask: Ask) -> httpx2.Request:
        try:
            address = await self._resolver.resolve(ask.origin)
        except (Refused, Unavailable) as error:
            raise Unreachable from error
        host = f"[{address}]" if ":" in address else address
        return client.build_request(
            ask.method,
            f"{ask.origin.scheme}://{host}:{ask.origin.port}/",
            headers={
                "host": ask.origin.authority,
                "accept-encoding": "identity",
                "user-agent": AGENT,
                **ask.headers,
            },
            content=ask.body,
            extensions={
                "sni_hostname": ask.origin.host,
                "target": ask.target.encode("ascii"),
            },
        )


async def read(answer: httpx2.Response, largest: int, *, seconds: float) -> bytes:
    """The body's beginning, no more than that; `Unreachable` or `TooSlow`."""
    kept = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for piece in answer.aiter_raw():
                kept += piece
                if len(kept) >= largest:
                    break
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise TooSlow from error
    except httpx2.HTTPError as error:
        raise Unreachable from error
    return bytes(kept[:largest])
