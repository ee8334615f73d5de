"""What a call cost, and who says so.

The vendor itself comes first, then the sources of prices in the order they are given:
`genai-prices`, our small shipped table. A cost that none of them knows stays unknown. A
team's own prices come before these, in `team_prices.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field

from adapters.catalog.loader import read_spec
from adapters.published_prices import PublishedPrices
from domain.prices import MOST_OF_A_CALL, Price, cost_of
from domain.usage import Usage

BY_VENDOR = "vendor"  # the source of a cost that came with the answer
SHIPPED = "shipped"

Dollars = Annotated[Decimal, Field(ge=0, decimal_places=6, max_digits=12)]


class PriceSource(Protocol):
    """Knows prices. The name and version stand in the event of each call they priced."""

    @property
    def source(self) -> str: ...

    @property
    def version(self) -> str: ...

    def price_of(self, vendor: str, model: str, at: datetime) -> Price | None:
        """The vendor's price of the model at that time; None if it is not known here."""


class Priced(NamedTuple):
    """A price, and where it comes from."""

    price: Price
    source: str
    version: str


class PriceBook:
    """Asks each source in turn."""

    def __init__(self, *sources: PriceSource) -> None:
        self._sources = sources

    def price_of(self, vendor: str, model: str, at: datetime) -> Priced | None:
        """The first price that a source knows, for a call that began at that time."""
        for known in self._sources:
            price = known.price_of(vendor, model, at)
            if price is not None:
                return Priced(price=price, source=known.source, version=known.version)
        return None

    def priced(
        self, usage: Usage, vendor: str, model: str | None, at: datetime
    ) -> tuple[int | None, str | None]:
        """The cost in whole micro-dollars, and its source; both None when it is unknown."""
        return charged(usage, None if model is None else self.price_of(vendor, model, at))


def charged(usage: Usage, found: Priced | None) -> tuple[int | None, str | None]:
    """What the vendor says, else the cost by that price, and the source of it."""
    if usage.reported_cost_micro_usd is not None:
        return min(usage.reported_cost_micro_usd, MOST_OF_A_CALL), BY_VENDOR
    cost = None if found is None else cost_of(usage, found.price)
    if found is None or cost is None:
        return None, None
    return min(cost, MOST_OF_A_CALL), f"{found.source}:{found.version}"


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Rates(_Spec):
    input: Dollars
    output: Dollars
    models: Annotated[list[str], Field(min_length=1)]


class PricesFile(_Spec):
    """`prices.yaml`."""

    version: str
    published_as: dict[str, list[str]]
    models: dict[str, list[_Rates]]


class ShippedPrices:
    """The table in `prices.yaml`, by the exact name of the model."""

    source = SHIPPED

    def __init__(self, file: PricesFile) -> None:
        self.version = file.version
        self._prices: Mapping[tuple[str, str], Price] = {
            (vendor, model): Price(input=_micro(rates.input), output=_micro(rates.output))
            for vendor, listed in file.models.items()
            for rates in listed
            for model in rates.models
        }

    def price_of(self, vendor: str, model: str, at: datetime) -> Price | None:  # noqa: ARG002
        return self._prices.get((vendor, model.lower()))


@cache
def shipped_price_book() -> PriceBook:
    """The book without any team's own prices, made once a process; takes half a second."""
    file = read_prices(files("adapters.catalog") / "prices.yaml")
    return PriceBook(PublishedPrices(file.published_as), ShippedPrices(file))


def read_prices(file: Traversable) -> PricesFile:
    """What the file says; `BadSetup` names the field that is wrong."""
    return read_spec(file, PricesFile)


def _micro(dollars: Decimal) -> int:
    return int(dollars * 1_000_000)
