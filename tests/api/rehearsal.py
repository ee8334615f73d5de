"""The proxy's routing as the api has it, for what is only tried out."""

from __future__ import annotations

from adapters.catalog.loader import load_catalog
from adapters.catalog.routing_catalog import load_routing_catalog
from adapters.prices import shipped_price_book
from adapters.team_prices import TeamPriceBook
from proxy.rehearsal import Rehearsal

REHEARSAL = Rehearsal(
    vendors=load_catalog(),
    catalog=load_routing_catalog(),
    prices_in=lambda table: TeamPriceBook(shipped_price_book(), table.prices.of),
)
