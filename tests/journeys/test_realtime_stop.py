"""A proxy that is told to stop: its sessions end in good order, each on record."""

from __future__ import annotations

import asyncio
import signal

import pytest

from domain.calls import CallSettled
from domain.usage import UsageSource
from tests.journeys.plane import DataPlane, new_model
from tests.journeys.realtime import raw

pytestmark = pytest.mark.anyio


async def test_a_response_under_way_is_heard_out_and_then_the_bot_is_sent_away(
    own_plane: DataPlane,
) -> None:
    talking, quiet = own_plane.new_bot(), own_plane.new_bot()
    async with (
        raw(own_plane, talking, new_model("+pace=50+tokens=30")) as line,
        raw(own_plane, quiet, new_model()) as other,
    ):
        await line.send('{"type":"response.create"}')
        await line.recv()
        await line.recv()
        own_plane.proxy.send(signal.SIGTERM)
        heard = [message async for message in line]
        assert '"response.done"' in str(heard[-1])
        assert line.close_code == 1001
        assert len([message async for message in other]) == 1
        assert other.close_code == 1001
    await asyncio.to_thread(own_plane.proxy.stop)
    end = own_plane.only(talking, CallSettled)
    assert (end.error, end.client_left) == ("proxy-stopped", False)
    assert end.usage.output_tokens == 30
    assert own_plane.only(quiet, CallSettled).usage.source is UsageSource.REPORTED
