"""Asks a vendor about a secret that is not stored, as the proxy would ask it.

Only where the outbound check lets it: the name is resolved once, the connection goes to
that address, and TLS is verified for the name. No redirect is followed, nothing is
decompressed, and the whole takes 20 s at most.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Collection

import httpx2

from adapters.asked_once import ask, of_origin
from adapters.key_check import LARGEST_LIST, verdict_on
from adapters.outbound import CheckedResolver
from adapters.vendor_errors import LARGEST_ERROR
from application.ports import Found, Secret
from domain.catalog import Vendor, key_check_path
from domain.destinations import Origin, allowed_origin, parse_base_url
from domain.errors import InvalidFields, Unavailable
from domain.verdicts import Verdict

ANSWER_SECONDS = 15.0


class VendorProber:
    """Plays `Prober`; may be used by several threads at once."""

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

    def probe(self, vendor: Vendor, secret: Secret, base_url: str | None) -> Found:
        """What the vendor says to its cheapest call; refused if it may not be asked."""
        url = base_url or vendor.base_url
        if url is None:
            raise InvalidFields(base_url="missing")
        if base_url is not None:
            allowed_origin(base_url, egress_allow=self._egress_allow)
        base = parse_base_url(url)
        path = key_check_path(vendor, base_path=base.path)
        try:
            return self._ask(vendor, base.origin, path, secret)
        except (httpx2.TimeoutException, TimeoutError):
            return Found(verdict=Verdict.OVERLOADED, error="upstream-timeout")
        except (httpx2.HTTPError, Unavailable):
            return Found(verdict=Verdict.OVERLOADED, error="upstream-unreachable")

    def _ask(self, vendor: Vendor, origin: Origin, path: str, secret: Secret) -> Found:
        resolver = CheckedResolver(egress_allow=self._egress_allow)
        address = asyncio.run(resolver.resolve(origin))
        clear = secret.reveal().decode("ascii")
        bearer = vendor.auth.scheme == "bearer"
        headers = {
            **vendor.fixed_headers,
            vendor.auth.header: f"Bearer {clear}" if bearer else clear,
        }
        question = of_origin(origin, address, path, headers)
        heard = ask(question, tls=self._tls, most=LARGEST_LIST, seconds=self._seconds)
        body = bytes(heard.body[: LARGEST_ERROR + 1])
        return verdict_on(heard, vendor, body)
