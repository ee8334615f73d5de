"""What model prices look like, coming in and going out.

Amounts are whole micro-dollars: for a million tokens of each kind or a million characters,
for one each of whatever else is no token. `null` is charged like the whole that it is a
part of.
"""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel, Field

from api.shapes import Body, ListQuery, Model
from application.ports import ListedPrice
from domain.model_prices import MOST_MICRO_USD, Rates
from domain.prices import Price
from projections.model_prices import ModelPriceRow

_BUILT_IN = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a04")
SUFFIX = "_micro_usd"
KINDS = tuple(field.name for field in fields(Rates))

Amount = Annotated[int, Field(ge=0, le=MOST_MICRO_USD)]


class NewRates(Body):
    """Input and output have to be said, even if they are 0."""

    input_micro_usd: Amount
    output_micro_usd: Amount
    cache_read_micro_usd: Amount | None = None
    cache_write_micro_usd: Amount | None = None
    cache_write_1h_micro_usd: Amount | None = None
    reasoning_micro_usd: Amount | None = None
    audio_input_micro_usd: Amount | None = None
    audio_output_micro_usd: Amount | None = None
    web_search_micro_usd: Amount | None = None
    search_unit_micro_usd: Amount | None = None
    image_micro_usd: Amount | None = None
    audio_hour_micro_usd: Amount | None = None
    character_micro_usd: Amount | None = None
    request_micro_usd: Amount = 0

    def rates(self) -> Rates:
        """As the domain has them."""
        return Rates(**{kind: getattr(self, kind + SUFFIX) for kind in KINDS})


class NewModelPrice(NewRates):
    vendor: Annotated[str, Field(min_length=1, max_length=64)]
    model: Model


class PricesQuery(ListQuery):
    """Which prices; without anything, all."""

    vendor: str | None = None
    model: str | None = None
    source: Literal["team", "built-in"] | None = None
    at: str | None = None


class RatesOut(BaseModel):
    input_micro_usd: int | None
    output_micro_usd: int | None
    cache_read_micro_usd: int | None
    cache_write_micro_usd: int | None
    cache_write_1h_micro_usd: int | None
    reasoning_micro_usd: int | None
    audio_input_micro_usd: int | None
    audio_output_micro_usd: int | None
    web_search_micro_usd: int | None
    search_unit_micro_usd: int | None
    image_micro_usd: int | None
    audio_hour_micro_usd: int | None
    character_micro_usd: int | None
    request_micro_usd: int


class TierOut(RatesOut):
    """How a call is charged, all of it, once it has more input tokens than that."""

    above_input_tokens: int


class ModelPriceOut(RatesOut):
    """A price. `source` and `version` stand in the events of the calls that it priced.

    The team's own can be changed, and take the place of the built-in one.
    """

    id: UUID
    vendor: str
    model: str
    source: str
    version: str
    read_only: bool
    overridden: bool  # a price of the team's own holds instead
    tiers: list[TierOut]
    changed_at: datetime | None


def own_shown(row: ModelPriceRow) -> ModelPriceOut:
    """A team's price as it goes out."""
    return ModelPriceOut(
        id=row.price_id,
        vendor=row.vendor,
        model=row.model,
        source="team",
        version=str(row.version),
        read_only=False,
        overridden=False,
        tiers=[],
        changed_at=row.changed_at,
        **_rates(row.rates),
    )


def built_in_shown(listed: ListedPrice, *, overridden: bool) -> ModelPriceOut:
    """A price that comes with the product."""
    tiers = [
        TierOut(above_input_tokens=above, **_rates(price))
        for above, price in listed.price.tiers
    ]
    return ModelPriceOut(
        id=built_in_id(listed),
        vendor=listed.vendor,
        model=listed.model,
        source=listed.source,
        version=listed.version,
        read_only=True,
        overridden=overridden,
        tiers=tiers,
        changed_at=None,
        **_rates(listed.price),
    )


def built_in_id(listed: ListedPrice) -> UUID:
    """The same for ever, whatever it costs."""
    return uuid5(_BUILT_IN, f"{listed.vendor}:{listed.model}")


def _rates(price: Rates | Price) -> dict[str, Any]:
    return {kind + SUFFIX: getattr(price, kind) for kind in KINDS}
