"""A body may name further models: each must be let through, and the dearest is held for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from adapters.prices import shipped_price_book
from adapters.team_prices import TeamPriceBook
from domain.prices import NO_OTHER
from projections.model_prices import TeamPrices
from proxy.fitting import fitted
from proxy.further_models import FURTHER_MODELS, MOST_FURTHER, dearest_bound
from proxy.incoming import NotReadable, read_json
from tests.journeys.plane import DataPlane, TestBot, link_to, new_model
from tests.projections.given import facts
from tests.proxy.pools import bot_with

SAID = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize(
    ("fields", "model", "others"),
    [
        ({"model": "a"}, "a", ()),
        ({"model": "a", "models": None}, "a", ()),
        ({"model": "a", "models": []}, "a", ()),
        ({"model": "a", "models": ["b", "c"]}, "a", ("b", "c")),
        ({"models": ["b", "c"]}, "b", ("b", "c")),
        ({"model": "a", "fallbacks": [{"model": "b"}]}, "a", ("b",)),
        ({"model": "a", "models": ["b"], "fallbacks": [{"model": "c"}]}, "a", ("b", "c")),
        ({}, None, ()),
    ],
)
def test_every_model_that_a_body_names_is_read(
    fields: dict[str, Any], model: str | None, others: tuple[str, ...]
) -> None:
    asked = read_json(json.dumps({**fields, "messages": SAID}).encode())
    assert (asked.model, asked.others) == (model, others)


@pytest.mark.parametrize(
    "listed",
    ["b", {"a": 1}, [1], [["b"]], [{"name": "b"}], ["b\u0000"], ["b"] * (MOST_FURTHER + 1)],
)
@pytest.mark.parametrize("name", [*FURTHER_MODELS, "Models"])
def test_what_cannot_be_read_as_models_is_refused(name: str, listed: object) -> None:
    with pytest.raises(NotReadable):
        read_json(json.dumps({"model": "a", name: listed}).encode())


def asks(plane: DataPlane, bot: TestBot, fields: dict[str, Any]) -> httpx.Response:
    return plane.client.post(
        f"{plane.url}/openai/v1/chat/completions",
        json={"messages": SAID, **fields},
        headers=bot.bearer,
    )


def test_a_bot_comes_by_no_list_to_a_model_that_its_links_do_not_name(
    data_plane: DataPlane,
) -> None:
    mine, other = new_model(), new_model()
    link = link_to(data_plane.key_of("openai"), models=(mine,))
    bot = bot_with(data_plane, (link,))
    for fields in (
        {"models": [other]},
        {"model": mine, "models": [mine, other]},
        {"model": mine, "fallbacks": [{"model": other}]},
        {},  # what the vendor makes of it is no model of the bot's
    ):
        refused = asks(data_plane, bot, fields)
        assert refused.status_code == 403, fields
        assert refused.json()["error"]["code"] == "no-usable-key"
    assert data_plane.ledger(other) == []
    assert asks(data_plane, bot, {"model": mine, "models": [mine]}).status_code == 200


def test_who_may_call_all_models_may_name_several(data_plane: DataPlane) -> None:
    bot = bot_with(data_plane, (link_to(data_plane.key_of("openai")),))
    several = {"model": new_model(), "models": [new_model()]}
    assert asks(data_plane, bot, several).status_code == 200


def test_the_dearest_of_the_models_is_held_for() -> None:
    prices = TeamPriceBook(shipped_price_book(), TeamPrices().of)
    asked = replace(
        facts(model=None), requested_model="gpt-4o-mini", admitted_at=datetime.now(UTC)
    )
    tokens = (1_000, 1_000)
    alone = dearest_bound(prices, asked, (), tokens, NO_OTHER)
    assert alone == 750
    assert dearest_bound(prices, asked, ("gpt-5-pro",), tokens, NO_OTHER) == 135_000
    assert dearest_bound(prices, asked, ("gpt-4.1-nano",), tokens, NO_OTHER) == alone
    assert dearest_bound(prices, asked, ("nobody-knows",), tokens, NO_OTHER) is None


def test_what_is_routed_goes_to_no_other_model_than_the_one_it_is_routed_to() -> None:
    body = b'{"model":"auto","models":["b"],"fallbacks":[{"model":"c"}],"n":1}'
    routed, changes = fitted(body, "a", drop=FURTHER_MODELS)
    assert json.loads(routed) == {"model": "a", "n": 1}
    assert changes == ("model", "dropped:models", "dropped:fallbacks")
