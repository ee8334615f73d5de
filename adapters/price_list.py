"""The prices that come with the product, one by one, for people to look through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import cache, lru_cache
from importlib.resources import files

from genai_prices.data_snapshot import find_provider_by_id, get_snapshot

from adapters.prices import PricesFile, read_prices, shipped_price_book
from application.ports import ListedPrice
from domain.prices import Price


class BuiltInPrices:
    """Plays `PriceList`. Reading all takes a second, so it is done once for each hour."""

    def all(self, at: datetime) -> tuple[ListedPrice, ...]:
        """Every price that holds then, by vendor and model."""
        return _listed(at.replace(minute=0, second=0, microsecond=0))

    def price_of(self, vendor: str, model: str, at: datetime) -> Price | None:
        """The vendor's price of a model of that name, listed or not; None if none."""
        found = shipped_price_book().price_of(vendor, model, at)
        return None if found is None else found.price


@cache
def _file() -> PricesFile:
    return read_prices(files("adapters.catalog") / "prices.yaml")


@lru_cache(maxsize=2)
def _listed(at: datetime) -> tuple[ListedPrice, ...]:
    book = shipped_price_book()
    found = []
    for vendor, model in sorted(set(_names())):
        priced = book.price_of(vendor, model, at)
        if priced is not None:
            found.append(
                ListedPrice(
                    vendor=vendor,
                    model=model,
                    source=priced.source,
                    version=priced.version,
                    price=priced.price,
                )
            )
    return tuple(found)


def _names() -> Iterator[tuple[str, str]]:
    """Our vendor's name and the model's, of all that is published or shipped."""
    file, providers = _file(), get_snapshot().providers
    for vendor, names in file.published_as.items():
        for provider in (find_provider_by_id(providers, name) for name in names):
            if provider is not None:
                yield from ((vendor, model.id) for model in provider.models)
    for vendor, listed in file.models.items():
        yield from ((vendor, model) for rates in listed for model in rates.models)
