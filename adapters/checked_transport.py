"""A transport for httpx2 that asks only origins that the outbound check lets it.

A name is resolved once and the connection goes to that address, TLS is verified for the
name, nothing is decompressed, and an answer is read whole, up to a size and a time. For
clients that other libraries make: give them this, and no proxy or netrc of the environment.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Collection

import httpx2

from adapters.outbound import CheckedResolver
from domain.destinations import DestinationIsNotPublic, UrlIsNotAllowed, allowed_origin
from domain.errors import Unavailable

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 10.0
LARGEST_ANSWER = 512 * 1024


class CheckedTransport(httpx2.BaseTransport):
    """May be used by several threads at once; each request has a connection of its own."""

    def __init__(
        self,
        *,
        egress_allow: Collection[str],
        tls: ssl.SSLContext | None = None,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        """`tls` is the system's default unless given."""
        self._egress_allow = tuple(egress_allow)
        self._tls = tls or ssl.create_default_context()
        self._seconds = seconds

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The whole answer; `Unavailable` if it may not be asked, or there is none."""
        try:
            checked = self._checked(request)
            with httpx2.HTTPTransport(verify=self._tls, trust_env=False) as transport:
                return self._whole(transport.handle_request(checked))
        except (UrlIsNotAllowed, DestinationIsNotPublic) as error:
            msg = "the outbound check refuses the address; see EGRESS_ALLOW"
            raise Unavailable(msg) from error
        except httpx2.HTTPError as error:
            msg = "the address did not answer"
            raise Unavailable(msg) from error

    def _checked(self, request: httpx2.Request) -> httpx2.Request:
        """The same request, to the one address that was judged."""
        url = request.url
        base = str(url.copy_with(path="/", query=None, fragment=None))
        origin = allowed_origin(base, egress_allow=self._egress_allow)
        resolver = CheckedResolver(egress_allow=self._egress_allow)
        address = asyncio.run(resolver.resolve(origin))
        timeout = httpx2.Timeout(self._seconds, connect=CONNECT_SECONDS)
        headers = request.headers.copy()
        headers["host"] = origin.authority
        headers["accept-encoding"] = "identity"
        return httpx2.Request(
            request.method,
            url.copy_with(host=address),
            headers=headers,
            content=request.read(),
            extensions={"sni_hostname": origin.host, "timeout": timeout.as_dict()},
        )

    def _whole(self, answer: httpx2.Response) -> httpx2.Response:
        until, parts, size = time.monotonic() + self._seconds, [], 0
        try:
            for part in answer.iter_raw():
                size += len(part)
                if size > LARGEST_ANSWER or time.monotonic() > until:
                    msg = "the answer is too large, or comes too slowly"
                    raise Unavailable(msg)
                parts.append(part)
        finally:
            answer.close()
        headers = [h for h in answer.headers.raw if h[0].lower() != b"content-encoding"]
        return httpx2.Response(answer.status_code, headers=headers, content=b"".join(parts))
