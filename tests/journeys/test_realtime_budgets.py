"""Realtime sessions under quotas: what responses used is held, and a session ends at the
last that fits."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosedError

from domain.calls import CallAdmitted, CallExtended
from domain.holds import Balance
from proxy.demand.session import response_bound
from tests.journeys.plane import DataPlane, TestBot, new_model
from tests.journeys.realtime import raw, session, settled, turn
from tests.proxy.test_budgets import balance, limit

pytestmark = pytest.mark.anyio

MOST = 20  # turns
RESPONSE = sum(response_bound("m"))  # tokens, at most


async def test_a_session_ends_at_the_response_that_leaves_no_room_for_another(
    data_plane: DataPlane, bot: TestBot
) -> None:
    quota_id = limit(data_plane, bot, RESPONSE + 150)
    turns: list[str] = []

    async def talk() -> None:
        async with session(data_plane, bot, new_model("+tokens=40")) as connection:
            while len(turns) < MOST:
                turns.append(await turn(connection, "go on"))

    with pytest.raises(ConnectionClosedError) as ended:
        await talk()
    assert ended.value.rcvd is not None
    assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1008, "quota-exceeded")
    end = settled(data_plane, bot)
    assert end.error == "quota-exceeded"
    admitted = data_plane.only(bot, CallAdmitted)
    later = [one.event for one in data_plane.events(bot)]
    grown = [event for event in later if isinstance(event, CallExtended)]
    assert len(grown) == len(turns) - 1  # the last one was heard to its end
    held = sum(hold.amount for one in grown for hold in one.holds)
    held += sum(hold.amount for hold in admitted.holds)
    assert held <= RESPONSE + 150
    used = (end.usage.input_tokens or 0) + (end.usage.output_tokens or 0)
    assert balance(data_plane, quota_id) == Balance(settled=used, held=0)


async def test_responses_beside_each_other_are_asked_for_as_far_as_they_can_be_held(
    data_plane: DataPlane, bot: TestBot
) -> None:
    quota_id, model = limit(data_plane, bot, 2 * RESPONSE + 10), new_model("+tokens=40")
    asks = json.dumps({"type": "response.create", "response": {"conversation": "none"}})
    async with raw(data_plane, bot, model) as line:
        for _ in range(5):
            await line.send(asks)
        with suppress(ConnectionClosedError):
            while True:
                await line.recv()
    assert (line.protocol.close_code, line.protocol.close_reason) == (
        1008,
        "quota-exceeded",
    )
    end = settled(data_plane, bot)
    assert end.usage.source == "reported"
    answers = (end.usage.output_tokens or 0) // 40
    assert 1 <= answers < 5
    later = [one.event for one in data_plane.events(bot)]
    held = [one.holds for one in later if isinstance(one, CallAdmitted | CallExtended)]
    assert sum(hold.amount for holds in held for hold in holds) <= 2 * RESPONSE + 10
    assert balance(data_plane, quota_id).held == 0
