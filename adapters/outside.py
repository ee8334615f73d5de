"""Reads what lies at an address that a user named, if the outbound check lets it.

The name is resolved once and the connection goes to that address, TLS is verified for the
name, no redirect is followed and nothing is decompressed. The whole takes 20 s at most.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection, Mapping
from urllib.parse import urlencode

import httpx2

from adapters.asked_once import ask, of_origin
from adapters.outbound import CheckedResolver
from domain.destinations import allowed_origin, parse_base_url
from domain.errors import Unavailable

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
        tail = f"?{urlencode(query)}" if query else ""
        question = of_origin(origin, address, f"{path}{tail}", {})
        try:
            heard = ask(question, tls=self._tls, most=most, seconds=self._seconds)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Unavailable("The address did not answer.") from error
        if heard.status != GOOD:
            raise Unavailable("The address has no such content.")
        if not heard.whole:
            raise Unavailable("The content is too large, or comes too slowly.")
        return bytes(heard.body)
