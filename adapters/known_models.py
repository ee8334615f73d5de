"""Which models vendors are known to have: the built-in table, then the price lists.

Where the price lists are complete (`LISTED_WHOLE`) a name that is not there does not exist;
elsewhere nobody can tell.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from adapters.prices import PriceBook
from domain.catalog import Catalog, UnknownVendor
from domain.routing_catalog import LISTED_WHOLE, RoutingCatalog


class CatalogModels:
    """Plays `KnownModels`. `own`: vendor and model of all that the team named itself."""

    def __init__(
        self,
        vendors: Catalog,
        routing: RoutingCatalog,
        prices: PriceBook,
        own: Collection[tuple[str, str]] = (),
    ) -> None:
        self._vendors = vendors
        self._routing = routing
        self._prices = prices
        self._own = frozenset(own)

    def naming(self, own: Collection[tuple[str, str]]) -> CatalogModels:
        """The same for a team that has named these models itself."""
        return CatalogModels(self._vendors, self._routing, self._prices, own)

    def has_vendor(self, vendor: str) -> bool:
        """Whether the catalog has a vendor of that id; an alias is none."""
        try:
            return self._vendors.get(vendor).id == vendor
        except UnknownVendor:
            return False

    def has_model(self, vendor: str, model: str) -> bool | None:
        """Whether the vendor has that model; None if nobody can tell."""
        place = (vendor, model)
        if place in self._own or place in self._routing.models:
            return True
        if self._prices.price_of(vendor, model, datetime.now(UTC)) is not None:
            return True
        return False if vendor in LISTED_WHOLE else None
