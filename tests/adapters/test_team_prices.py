"""Whose price holds: the vendor's word, the team's, the published one, ours, nobody's."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import genai_prices
import pytest

from adapters.answered_names import MOST_ANSWERED, MOST_ASKED, AnsweredNames
from adapters.prices import shipped_price_book
from adapters.team_prices import TeamPriceBook
from application.ports import BoundedPrices
from domain.calls import CallFacts
from domain.usage import Usage, UsageSource
from projections.model_prices import ModelPriceRow, TeamPrices
from tests.projections.given import NOON, OTHER_TEAM, TEAM, facts
from tests.projections.given_routing import price

GENAI = f"genai-prices:{genai_prices.__version__}"
THOUSAND = Usage(input_tokens=1000, output_tokens=1000, source=UsageSource.REPORTED)
OURS = price(2, TEAM, model="gpt-4o-mini")
ROW = ModelPriceRow(
    price_id=TEAM,
    team_id=TEAM,
    vendor="openai",
    model="gpt-4o-mini",
    rates=OURS.rates,
    version=7,
    changed_at=NOON,
)
PRICES = TeamPriceBook(shipped_price_book(), TeamPrices([ROW]).of)


def test_what_the_vendor_says_comes_before_every_price() -> None:
    said = replace(THOUSAND, reported_cost_micro_usd=11_300)
    assert PRICES.priced(said, facts(model="gpt-4o-mini")) == (11_300, "vendor")


@pytest.mark.parametrize("model", ["gpt-4o-mini", "GPT-4o-mini"])
def test_a_teams_price_comes_before_the_published_one(model: str) -> None:
    assert PRICES.priced(THOUSAND, facts(model=model)) == (4_000, "team:7")


def test_it_is_the_price_of_that_team_and_vendor_alone() -> None:
    theirs = facts(team=OTHER_TEAM, model="gpt-4o-mini")
    assert PRICES.priced(THOUSAND, theirs) == (750, GENAI)
    elsewhere = facts(vendor="custom", model="gpt-4o-mini")
    assert PRICES.priced(THOUSAND, elsewhere) == (None, None)


def test_a_price_of_the_model_that_was_asked_for_holds_for_its_dated_name() -> None:
    asked = replace(facts(model="gpt-4o-mini-2024-07-18"), requested_model="gpt-4o-mini")
    assert PRICES.priced(THOUSAND, asked) == (4_000, "team:7")
    of_another = replace(asked, requested_model="something")
    assert PRICES.priced(THOUSAND, of_another) == (750, GENAI)


def test_a_price_of_the_model_that_answered_wins_over_that_of_the_one_asked_for() -> None:
    dated = replace(ROW, price_id=OTHER_TEAM, model="gpt-4o-mini-2024-07-18", version=3)
    prices = TeamPriceBook(shipped_price_book(), TeamPrices([ROW, dated]).of)
    asked = replace(facts(model="gpt-4o-mini-2024-07-18"), requested_model="gpt-4o-mini")
    assert prices.priced(THOUSAND, asked) == (4_000, "team:3")


def test_without_any_models_name_nothing_is_priced() -> None:
    nameless = replace(facts(model=None), requested_model=None)
    assert PRICES.priced(THOUSAND, nameless) == (None, None)


def test_what_was_not_told_and_is_charged_for_is_unknown_by_a_teams_price_too() -> None:
    unknown = Usage(output_tokens=1000, source=UsageSource.PARTIAL)
    assert PRICES.priced(unknown, facts(model="gpt-4o-mini")) == (None, None)


def asking(model: str | None, *, team: UUID = TEAM, vendor: str = "openai") -> CallFacts:
    return replace(facts(model=None, team=team, vendor=vendor), requested_model=model)


@pytest.mark.parametrize(
    ("asked", "most"),
    [
        (asking(None), None),
        (asking("gpt-4o-mini", vendor="custom"), None),
        (asking("gpt-4o-mini"), 4_000),  # two dollars a million, each way
        (asking("gpt-4o-mini", team=OTHER_TEAM), 750),
        (asking("claude-sonnet-4-5", vendor="anthropic"), 6_000 + 15_000),
    ],
)
def test_what_a_call_can_cost_is_known_before_it_is_made(
    asked: CallFacts, most: int | None
) -> None:
    prices: BoundedPrices = PRICES
    assert prices.bound(asked, 1_000, 1_000) == most


def test_the_bound_is_not_below_what_the_call_then_costs() -> None:
    asked = asking("claude-sonnet-4-5", vendor="anthropic")
    usage = Usage(
        input_tokens=300_000,  # beyond the tier of long prompts
        output_tokens=1_000,
        cache_write_tokens=300_000,
        cache_write_1h_tokens=300_000,
    )
    cost, _ = PRICES.priced(usage, asked)
    assert cost == PRICES.bound(asked, 300_000, 1_000)


def priced_at(dollars: int, model: str, number: int) -> ModelPriceRow:
    rates = price(dollars, TEAM, model=model).rates
    return replace(ROW, price_id=UUID(int=number), model=model, rates=rates)


def book_of(*rows: ModelPriceRow) -> TeamPriceBook:
    own = TeamPrices(rows)
    return TeamPriceBook(shipped_price_book(), own.of, own.akin)


@pytest.mark.parametrize(
    ("asked", "answered"),
    [
        ("gpt-4o-mini", "gpt-4o-mini-2024-07-18"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("chatgpt-4o-latest", "chatgpt-4o-2024-08-15"),
    ],
)
def test_a_call_is_held_for_by_the_dearer_of_its_models_names(
    asked: str, answered: str
) -> None:
    prices = book_of(priced_at(2, asked, 1), priced_at(900, answered, 2))
    cost, source = prices.priced(THOUSAND, replace(asking(asked), model=answered))
    assert (cost, source) == (1_800_000, "team:7")
    assert prices.bound(asking(asked), 1_000, 1_000) == cost
    assert prices.bound(asking("gpt-4o"), 1_000, 1_000) == 12_500  # is another model
    assert prices.bound(asking(asked, team=OTHER_TEAM), 1_000, 1_000) != cost


def test_a_price_that_was_taken_back_holds_for_no_name() -> None:
    own = TeamPrices([priced_at(2, "gpt-5", 1), priced_at(900, "gpt-5-2025-08-07", 2)])
    prices = TeamPriceBook(shipped_price_book(), own.of, own.akin)
    own.put(UUID(int=2), priced_at(7, "gpt-5-2025-08-07", 2))
    assert prices.bound(asking("gpt-5"), 1_000, 1_000) == 14_000
    own.put(UUID(int=2), None)
    assert prices.bound(asking("gpt-5"), 1_000, 1_000) == 4_000


def test_an_alias_is_held_for_as_it_was_answered_before() -> None:
    prices = book_of(priced_at(2, "chat", 1), priced_at(900, "gpt-5-pro", 2))
    assert prices.bound(asking("chat"), 1_000, 1_000) == 4_000
    cost, _ = prices.priced(THOUSAND, replace(asking("chat"), model="gpt-5-pro"))
    assert prices.bound(asking("chat"), 1_000, 1_000) == cost == 1_800_000
    assert prices.bound(asking("chat", team=OTHER_TEAM), 1_000, 1_000) is None


def test_an_alias_of_a_published_model_is_held_for_as_what_answered() -> None:
    prices = book_of()
    assert prices.bound(asking("gpt-4o-mini"), 1_000, 1_000) == 750
    cost, _ = prices.priced(THOUSAND, replace(asking("gpt-4o-mini"), model="gpt-5-pro"))
    assert prices.bound(asking("gpt-4o-mini"), 1_000, 1_000) == cost == 135_000


def test_names_without_end_do_not_fill_the_memory() -> None:
    names = AnsweredNames()
    for number in range(MOST_ANSWERED + 3):
        names.note(TEAM, "custom", "a", f"answered-{number}")
    assert len(names.of(TEAM, "custom", "a")) == MOST_ANSWERED
    for number in range(MOST_ASKED):
        names.note(TEAM, "custom", f"asked-{number}", "b")
    assert names.of(TEAM, "custom", "a") == ()
    assert names.of(TEAM, "custom", f"asked-{MOST_ASKED - 1}") == ("b",)
