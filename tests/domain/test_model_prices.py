"""A team's own price of a model: one at a time, and every version told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from domain.errors import InvalidFields, NotFound
from domain.ids import TeamId
from domain.model_prices import (
    MOST_MICRO_USD,
    ModelPrice,
    ModelPriceEvent,
    ModelPriceExists,
    ModelPriceRemoved,
    ModelPriceSet,
    Rates,
    model_price_id,
)
from tests.given import given

TEAM = TeamId(uuid4())
RATES = Rates(input=1_250_000, output=10_000_000)
OTHER = replace(RATES, cache_read=125_000)
SET = ModelPriceSet(team_id=TEAM, vendor="openai", model="gpt-5", rates=RATES)


def set_it(price: ModelPrice, rates: Rates = RATES) -> list[ModelPriceEvent]:
    return price.set(team_id=TEAM, vendor="openai", model="gpt-5", rates=rates)


def test_a_model_is_given_a_price() -> None:
    given(ModelPrice()).when(set_it).then(SET)


def test_a_second_price_of_one_model_is_refused() -> None:
    given(ModelPrice(), SET).when(set_it).refused(ModelPriceExists)


def test_a_price_that_was_removed_can_be_set_again() -> None:
    given(ModelPrice(), SET, ModelPriceRemoved()).when(set_it).then(SET)


def test_a_price_is_changed() -> None:
    changed = replace(SET, rates=OTHER)
    given(ModelPrice(), SET).when(lambda price: price.change(OTHER)).then(changed)


def test_what_is_not_there_is_neither_changed_nor_removed() -> None:
    for history in ([], [SET, ModelPriceRemoved()]):
        given(ModelPrice(), *history).when(lambda one: one.change(OTHER)).refused(NotFound)
        given(ModelPrice(), *history).when(lambda one: one.remove()).refused(NotFound)


@pytest.mark.parametrize("rate", [-1, MOST_MICRO_USD + 1])
@pytest.mark.parametrize("field", ["input", "cache_write_1h", "request"])
def test_a_rate_that_nobody_charges_is_refused_by_its_name(field: str, rate: int) -> None:
    wrong: dict[str, Any] = {field: rate}
    with pytest.raises(InvalidFields) as refused:
        set_it(ModelPrice(), replace(RATES, **wrong))
    assert refused.value.codes == {field: "out-of-range"}
    with pytest.raises(InvalidFields):
        ModelPrice().evolve(SET).change(replace(RATES, **wrong))


def test_how_a_models_name_is_written_makes_no_second_price() -> None:
    assert model_price_id(TEAM, "together", "Llama-4") == model_price_id(
        TEAM, "together", "llama-4"
    )
    assert model_price_id(TEAM, "together", "m") != model_price_id(TEAM, "openai", "m")
    other = TeamId(uuid4())
    assert model_price_id(TEAM, "openai", "m") != model_price_id(other, "openai", "m")


@examples(st.lists(st.sampled_from([RATES, OTHER]), min_size=1, max_size=6))
def test_asking_for_the_same_again_records_nothing(asked: list[Rates]) -> None:
    price = ModelPrice().evolve(SET)
    for rates in asked:
        for event in price.change(rates):
            price = price.evolve(event)
        assert price.rates == rates
        assert price.change(rates) == []
