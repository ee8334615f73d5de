"""Reads what lies at an address that a user named, if the outbound check lets it.

The name is resolved once and the connection goes to that address, TLS is verified for the
name, no redirect is followed and nothing is decompressed. The whole takes 20 s at most.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

import httpx2

from adapters.outbound import CheckedResolver
from domain.destinations import allowed_origin, parse_base_url
from domain.errors import Unavailable

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
GOOD = 200


class CheckedOutside:
    """Plays `Outside`; may be used by several threads at once."""

    def __init__(
        self,
        *,
        egress_allow: Collection[str],
        tls: ssl.SSLContext | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`tls` is the system's default unless given."""
        self._seconds = seconds
        self._egress_allow = tuple(egress_allow)
        self._tls = tls or ssl.create_default_context()

    def read(self, url: str, query: Mapping[str, str], *, most: int) -> bytes:
        """What is there, at most that many bytes; refused as the port says."""
        origin = allowed_origin(url, egress_allow=self._egress_allow)
        path = parse_base_url(url).path or "/"
        resolver = CheckedResolver(egress_allow=self._egress_allow)
        address = asyncio.run(resolver.resolve(origin))
        host = f"[{address}]" if ":" in address else address
        tail = f"?{urlencode(query)}" if query else ""
        timeout = httpx2.Timeout(self._seconds, connect=CONNECT_SECONDS)
        try:
            with (
                httpx2.Client(
                    timeout=timeout,
                    trust_env=False,
                    follow_redirects=False,
                    verify=self._tls,
                ) as client,
                client.stream(
                    "GET",
                    f"{origin.scheme}://{host}:{origin.port}{path}{tail}",
                    headers={"host": origin.authority, "accept-encoding": "identity"},
                    extensions={"sni_hostname": origin.host},
                ) as answer,
            ):
                return _whole(answer, most, time.monotonic() + self._seconds)
        except httpx2.HTTPError as error:
            raise Unavailable("The address did not answer.") from error


def _whole(answer: httpx2.Response, most: int, until: float) -> bytes:
    if answer.status_code != GOOD:
        raise Unavailable("The address has no such content.")
    parts, size = [], 0
    for part in answer.iter_raw():
        size += len(part)
        if size > most or time.monotonic() > until:
            raise Unavailable("The content is too large, or comes too slowly.")
        parts.append(part)
    return b"".join(parts)
