"""Numbers that nobody means: a caller may write them, and they hurt nobody."""

from __future__ import annotations

import pytest

from domain.quota_events import Mode
from proxy.holding import ENDLESS
from tests.journeys.plane import DataPlane, chat_body, new_model
from tests.proxy.test_budgets import balance, limit
from tests.proxy.test_holding_again import holding_of


@pytest.mark.parametrize(
    "asked",
    ['"max_tokens":1e30', '"max_tokens":9,"n":1e30', '"max_tokens":9223372036854775808'],
)
def test_no_call_asks_for_more_than_can_be_written(asked: str) -> None:
    _, holding = holding_of(f'{{"model":"m",{asked}}}'.encode())
    assert holding.need().most_output == ENDLESS
    assert holding.need().least() <= ENDLESS


@pytest.mark.parametrize(("mode", "status"), [(Mode.BLOCK, 429), (Mode.NOTIFY, 200)])
def test_a_call_that_asks_for_more_than_there_is_is_held_or_refused(
    data_plane: DataPlane, mode: Mode, status: int
) -> None:
    bot, model = data_plane.new_bot(), new_model()
    quota_id = limit(data_plane, bot, 5_000, mode=mode)
    answer = data_plane.client.post(
        f"{data_plane.url}/openai/v1/chat/completions",
        json=chat_body(model) | {"n": 10**30},
        headers=bot.bearer,
    )
    assert answer.status_code == status
    assert balance(data_plane, quota_id).held == 0
