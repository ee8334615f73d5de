"""Posts to an address that a user named, if the outbound check lets it.

The name is resolved once and the connection goes to that address, TLS is verified for the
name, no redirect is followed, and of the answer only the status is read: nothing of what
an address says comes back to whoever named it. The whole takes 10 s at most.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx2

from adapters.outbound import CheckedResolver
from application.webhook_deliveries import PostAttempt
from domain.destinations import DestinationIsNotPublic, UrlIsNotAllowed, allowed_origin
from domain.errors import Unavailable

POST_SECONDS = 10.0


class WebhookPost:
    """May be used by several threads at once."""

    def __init__(
        self,
        *,
        egress_allow: Collection[str],
        tls: ssl.SSLContext | None = None,
        seconds: float = POST_SECONDS,
    ) -> None:
        """`tls` is the system's default unless given."""
        self._egress_allow = tuple(egress_allow)
        self._tls = tls or ssl.create_default_context()
        self._seconds = seconds

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> PostAttempt:
        """How one attempt went; whatever goes wrong is in the answer."""
        at, started = datetime.now(UTC), time.monotonic()
        status, error = None, None
        try:
            status = asyncio.run(self._post(url, headers, body))
        except (UrlIsNotAllowed, DestinationIsNotPublic):
            error = "url-not-allowed"
        except (TimeoutError, httpx2.TimeoutException):
            error = "upstream-timeout"
        except (httpx2.HTTPError, Unavailable):
            error = "upstream-unreachable"
        ms = round((time.monotonic() - started) * 1000)
        return PostAttempt(at=at, http_status=status, error=error, ms=ms)

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        origin = allowed_origin(url, egress_allow=self._egress_allow)
        path = urlsplit(url).path or "/"  # the check has read all of it
        async with asyncio.timeout(self._seconds):
            resolver = CheckedResolver(egress_allow=self._egress_allow)
            address = await resolver.resolve(origin)
            host = f"[{address}]" if ":" in address else address
            async with (
                httpx2.AsyncClient(
                    timeout=self._seconds,
                    trust_env=False,
                    follow_redirects=False,
                    verify=self._tls,
                ) as client,
                client.stream(
                    "POST",
                    f"{origin.scheme}://{host}:{origin.port}{path}",
                    content=body,
                    headers={
                        "host": origin.authority,
                        "accept-encoding": "identity",
                        "content-type": "application/json",
                        "user-agent": "ClawBotManager-Webhooks/1",
                        **headers,
                    },
                    extensions={"sni_hostname": origin.host},
                ) as answer,
            ):
                return answer.status_code
