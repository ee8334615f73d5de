"""The team's own model prices: for lists, and in the memory of every proxy."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import ClassVar, assert_never, cast
from uuid import UUID

from domain.log import FLEET, Placed
from domain.model_names import undated
from domain.model_prices import (
    ModelPriceEvent,
    ModelPriceRemoved,
    ModelPriceSet,
    Rates,
)
from domain.prices import Price
from projections.view import Key, Projector, View


@dataclass(frozen=True, kw_only=True)
class ModelPriceRow:
    """`version` is the stream's: it stands in the event of each call that it priced."""

    KEY: ClassVar[tuple[str, ...]] = ("price_id",)
    price_id: UUID
    team_id: UUID
    vendor: str
    model: str
    rates: Rates
    version: int
    changed_at: datetime


class ModelPrices(View[ModelPriceRow]):
    """What can be asked of the prices."""

    @abstractmethod
    def of_team(self, team_id: UUID) -> list[ModelPriceRow]:
        """The team's own, by vendor and model."""

    @abstractmethod
    def all(self) -> Iterable[ModelPriceRow]:
        """Those of every team."""


class ModelPricesProjector(Projector[ModelPriceRow]):
    name = "model_prices"
    logs = (FLEET,)
    row = ModelPriceRow

    def key(self, placed: Placed) -> Key | None:
        if isinstance(placed.recorded.event, ModelPriceEvent):
            return (placed.recorded.originator_id,)
        return None

    def project(
        self,
        row: ModelPriceRow | None,  # noqa: ARG002 - a price is set whole
        placed: Placed,
    ) -> ModelPriceRow | None:
        recorded = placed.recorded
        event = cast("ModelPriceEvent", recorded.event)
        match event:
            case ModelPriceSet():
                return ModelPriceRow(
                    price_id=recorded.originator_id,
                    team_id=event.team_id,
                    vendor=event.vendor,
                    model=event.model,
                    rates=event.rates,
                    version=recorded.originator_version,
                    changed_at=recorded.at,
                )
            case ModelPriceRemoved():
                return None
            case _:
                assert_never(event)


@dataclass(frozen=True, kw_only=True, slots=True)
class TeamPrice:
    """What a team pays for a model, and by which version of its price."""

    price: Price
    version: int


_Sold = tuple[int, str, str]  # a team by number: a UUID is hashed by Python code


class TeamPrices:
    """The prices of all teams, in memory."""

    def __init__(self, rows: Iterable[ModelPriceRow] = ()) -> None:
        self.rows: dict[UUID, ModelPriceRow] = {}
        self._prices: dict[_Sold, TeamPrice] = {}
        self._akin: dict[_Sold, dict[UUID, TeamPrice]] = {}  # by the name without a date
        for row in rows:
            self.put(row.price_id, row)

    def put(self, price_id: UUID, row: ModelPriceRow | None) -> None:
        """The price is as given from now on; None: it is no more."""
        before = self.rows.pop(price_id, None)
        if before is not None:
            del self._prices[_sold(before)]
            self._akin[_stem(before)].pop(price_id)
        if row is not None:
            self.rows[price_id] = row
            price = Price(**asdict(row.rates))
            sold = TeamPrice(price=price, version=row.version)
            self._prices[_sold(row)] = sold
            self._akin.setdefault(_stem(row), {})[price_id] = sold

    def of(self, team_id: UUID, vendor: str, model: str) -> TeamPrice | None:
        """The team's price of the model; None if it has none of its own."""
        if not self._prices:
            return None
        return self._prices.get((team_id.int, vendor, model.lower()))

    def akin(self, team_id: UUID, vendor: str, model: str) -> Collection[TeamPrice]:
        """The team's prices of that model by any of its names, dated or not."""
        if not self._prices:
            return ()
        return self._akin.get((team_id.int, vendor, undated(model)), {}).values()


def _sold(row: ModelPriceRow) -> _Sold:
    return row.team_id.int, row.vendor, row.model.lower()


def _stem(row: ModelPriceRow) -> _Sold:
    return row.team_id.int, row.vendor, undated(row.model)
