"""Model prices of a team: what it pays for a model, where that is not what is published.

A team has one price for each vendor and model, so the stream's id is derived from the
three: there is no second one to collide with. A price that was removed can be set again;
the stream goes on, and its version tells every price that ever held apart.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import assert_never
from uuid import UUID, uuid5

from domain.errors import Conflict, InvalidFields, NotFound
from domain.events import Event
from domain.ids import ModelPriceId, TeamId

_PRICES = UUID("6f0f3d5c-5f0e-5b1c-9f56-0a4f3c1d7a03")
# A thousand dollars for one token: whoever types more has mistaken the unit.
MOST_MICRO_USD = 10**15


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Whole micro-dollars for a million tokens of each kind, or characters that are to be
    spoken; for one each of whatever else is no token.

    A part without a rate of its own is charged like the whole that it belongs to.
    """

    input: int
    output: int
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    web_search: int | None = None
    search_unit: int | None = None
    image: int | None = None
    audio_hour: int | None = None
    character: int | None = None
    request: int = 0


def model_price_id(team_id: TeamId, vendor: str, model: str) -> ModelPriceId:
    """The stream of the team's price; how the model's letters are written plays no part."""
    return ModelPriceId(uuid5(_PRICES, f"{team_id}:{vendor}:{model.lower()}"))


@dataclass(frozen=True, kw_only=True)
class ModelPriceSet(Event, topic="model_price.set"):
    team_id: TeamId
    vendor: str
    model: str
    rates: Rates


@dataclass(frozen=True, kw_only=True)
class ModelPriceRemoved(Event, topic="model_price.removed"):
    pass


ModelPriceEvent = ModelPriceSet | ModelPriceRemoved


class ModelPriceExists(Conflict):
    """The team has a price for this model already: change that one."""

    code = "model-price-exists"


@dataclass(frozen=True, kw_only=True)
class ModelPrice:
    """One price of a team, as far as its own rules need to know it."""

    team_id: TeamId | None = None
    vendor: str = ""
    model: str = ""
    rates: Rates | None = None  # None: there is none, or none any more

    def set(
        self, *, team_id: TeamId, vendor: str, model: str, rates: Rates
    ) -> list[ModelPriceEvent]:
        """Give the model a price; refused while it has one."""
        if self.rates is not None:
            raise ModelPriceExists
        check_rates(rates)
        return [ModelPriceSet(team_id=team_id, vendor=vendor, model=model, rates=rates)]

    def change(self, rates: Rates) -> list[ModelPriceEvent]:
        """Charge otherwise from now on; refused where there is no price to change."""
        if self.rates is None or self.team_id is None:
            raise NotFound
        check_rates(rates)
        if rates == self.rates:
            return []
        changed = ModelPriceSet(
            team_id=self.team_id, vendor=self.vendor, model=self.model, rates=rates
        )
        return [changed]

    def remove(self) -> list[ModelPriceEvent]:
        """Let what is published hold again."""
        if self.rates is None:
            raise NotFound
        return [ModelPriceRemoved()]

    def evolve(self, event: ModelPriceEvent) -> ModelPrice:
        match event:
            case ModelPriceSet():
                return replace(
                    self,
                    team_id=event.team_id,
                    vendor=event.vendor,
                    model=event.model,
                    rates=event.rates,
                )
            case ModelPriceRemoved():
                return replace(self, rates=None)
            case _:
                assert_never(event)


def check_rates(rates: Rates) -> None:
    """Refuse a rate below nothing, or beyond what anybody charges."""
    wrong = {
        field.name: "out-of-range"
        for field in fields(rates)
        if (rate := getattr(rates, field.name)) is not None
        and not 0 <= rate <= MOST_MICRO_USD
    }
    if wrong:
        raise InvalidFields(**wrong)
