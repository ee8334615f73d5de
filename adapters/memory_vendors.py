"""Vendors that can be asked about keys, played in memory."""

from __future__ import annotations

from uuid import UUID

from application.ports import Found, Secret
from domain.catalog import Vendor
from domain.destinations import allowed_origin
from domain.errors import InvalidFields
from domain.verdicts import Verdict


class MemoryVendors:
    """Plays `Prober` and `KeyModels`: every vendor says what `found` and `names` hold."""

    def __init__(self, egress_allow: tuple[str, ...] = ()) -> None:
        self.found = Found(verdict=Verdict.OK, http_status=200)
        self.names: tuple[str, ...] = ()
        self.asked: list[tuple[str, str | None]] = []  # vendor, base URL
        self._egress_allow = egress_allow

    def probe(self, vendor: Vendor, secret: Secret, base_url: str | None) -> Found:
        if base_url is not None:
            allowed_origin(base_url, egress_allow=self._egress_allow)
        elif vendor.base_url is None:
            raise InvalidFields(base_url="missing")
        secret.reveal()
        self.asked.append((vendor.id, base_url))
        return self.found

    def models(self, key_id: UUID, vendor: Vendor) -> tuple[Found, tuple[str, ...]]:
        self.asked.append((vendor.id, str(key_id)))
        return self.found, self.names
