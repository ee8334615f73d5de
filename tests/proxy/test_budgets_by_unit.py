"""Money quotas and calls that are charged by the piece: held for, admitted, settled."""

from __future__ import annotations

from typing import Any

import httpx

from application.model_prices import SetModelPrice
from domain.calls import CallAdmitted, CallRefused, CallSettled
from domain.holds import Balance
from domain.model_prices import Rates
from domain.quota_events import Metric
from tests.journeys.plane import DataPlane, TestBot, link_to, new_model
from tests.proxy.test_budgets import balance, limit

MILLION = 1_000_000


def priced(plane: DataPlane, vendor: str = "openai", **rates: int) -> str:
    """A new model for which the team pays that.

    A bot made after it knows it from its first call on: an unknown token makes the proxy
    read the log to its head.
    """
    model = new_model()
    rates_of = Rates(input=0, output=0, **rates)
    command = SetModelPrice(
        team_id=plane.team_id, vendor=vendor, model=model, rates=rates_of
    )
    plane.control.bus.handle(command, by=plane.by)
    return model


def ask(plane: DataPlane, bot: TestBot, path: str, **body: Any) -> httpx.Response:
    return plane.client.post(f"{plane.url}/{path}", json=body, headers=bot.bearer)


def held(plane: DataPlane, bot: TestBot) -> list[int]:
    return [hold.amount for hold in plane.only(bot, CallAdmitted).holds]


def test_images_are_held_for_and_settled_by_their_number(data_plane: DataPlane) -> None:
    model, bot = priced(data_plane, image=40_000), data_plane.new_bot()
    quota = limit(data_plane, bot, 100_000, Metric.COST_MICRO_USD)
    path = "openai/v1/images/generations"
    answer = ask(data_plane, bot, path, model=model, prompt="cats", n=2)
    assert answer.status_code == 200, answer.text
    assert held(data_plane, bot) == [80_000]
    data_plane.ended(bot)
    assert balance(data_plane, quota) == Balance(settled=80_000, held=0)
    refused = ask(data_plane, bot, path, model=model, prompt="a cat")
    assert refused.json()["error"]["code"] == "quota-exceeded"


def test_speech_is_held_for_and_settled_by_its_characters(data_plane: DataPlane) -> None:
    model, bot = priced(data_plane, character=15 * MILLION), data_plane.new_bot()
    quota = limit(data_plane, bot, MILLION, Metric.COST_MICRO_USD)
    path, text = "openai/v1/audio/speech", "a hundred" * 10
    answer = ask(data_plane, bot, path, model=model, input=text, voice="a")
    assert answer.status_code == 200, answer.text
    cost = len(text) * 15
    assert held(data_plane, bot) == [cost]
    data_plane.ended(bot)
    assert data_plane.only(bot, CallSettled).cost_micro_usd == cost
    assert balance(data_plane, quota) == Balance(settled=cost, held=0)


def test_a_reranking_is_held_for_by_its_searches(data_plane: DataPlane) -> None:
    model = priced(data_plane, "cohere", search_unit=2_000)
    bot = data_plane.new_bot(links=(link_to(data_plane.key_of("cohere")),))
    limit(data_plane, bot, MILLION, Metric.COST_MICRO_USD)
    documents = ["a"] * 150
    ask(data_plane, bot, "cohere/v2/rerank", model=model, query="q", documents=documents)
    assert held(data_plane, bot) == [4_000]


def test_what_the_request_does_not_tell_is_refused_as_before(data_plane: DataPlane) -> None:
    model, bot = priced(data_plane, audio_hour=360_000), data_plane.new_bot()
    limit(data_plane, bot, MILLION, Metric.COST_MICRO_USD)
    path = "openai/v1/audio/speech"
    answer = ask(data_plane, bot, path, model=model, input="hello", voice="a")
    assert answer.json()["error"]["code"] == "unpriced-call"
    assert data_plane.only(bot, CallRefused).code == "unpriced-call"
