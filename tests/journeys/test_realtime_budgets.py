"""Realtime sessions under quotas: what responses used is held, and a session ends at the
last that fits."""

from __future__ import annotations

import pytest
from websockets.exceptions import ConnectionClosedError

from domain.calls import CallAdmitted, CallExtended
from domain.holds import Balance
from tests.journeys.plane import DataPlane, TestBot, new_model
from tests.journeys.realtime import session, settled, turn
from tests.proxy.test_budgets import balance, limit

pytestmark = pytest.mark.anyio

MOST = 20  # turns


async def test_a_session_ends_at_the_response_that_leaves_no_room_for_another(
    data_plane: DataPlane, bot: TestBot
) -> None:
    quota_id = limit(data_plane, bot, 8_192 + 150)
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
    assert held <= 8_192 + 150
    used = (end.usage.input_tokens or 0) + (end.usage.output_tokens or 0)
    assert balance(data_plane, quota_id) == Balance(settled=used, held=0)
