"""Realtime sessions through the proxy: OpenAI's own client, both sides' books compared."""

from __future__ import annotations

import base64

import pytest
from websockets.exceptions import ConnectionClosed

from domain.calls import CallAdmitted, CallSettled
from domain.usage import UsageSource
from tests.journeys.plane import DataPlane, TestBot, new_model
from tests.journeys.proxy_process import until
from tests.journeys.realtime import events, leave_after, raw, session, settled, turn

pytestmark = pytest.mark.anyio


SOUND = base64.b64encode(bytes(24_000)).decode()  # half a second, five tokens


async def test_a_turn_is_counted_as_the_vendor_counts_it(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    async with session(data_plane, bot, model) as connection:
        assert await turn(connection, "hello") == (
            "Hello from the simulator. You said: hello"
        )
    end = settled(data_plane, bot)
    (booked,) = data_plane.ledger(model)
    assert booked["input_tokens"] > 0
    assert (end.usage.input_tokens, end.usage.output_tokens) == (
        booked["input_tokens"],
        booked["output_tokens"],
    )
    assert end.usage.source is UsageSource.REPORTED
    assert (end.http_status, end.error, end.client_left) == (101, None, False)
    assert end.facts.requested_model == model
    assert booked["outcome"] == "complete"


async def test_the_session_is_admitted_before_it_is_opened_and_ends_once(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    async with session(data_plane, bot, model):
        admitted = data_plane.only(bot, CallAdmitted)
        assert (admitted.format, admitted.method) == ("openai-realtime", "websocket")
        assert admitted.streaming
        assert len(data_plane.events(bot)) == 1
    data_plane.ended(bot)
    assert len(data_plane.events(bot)) == 2


async def test_the_responses_of_a_session_are_added_up(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model("+cached=3")
    async with session(data_plane, bot, model) as connection:
        await turn(connection, "hello")
        await turn(connection, "and again")
    end = settled(data_plane, bot)
    (booked,) = data_plane.ledger(model)
    assert booked["input_tokens"] > 2 * 3 + 10
    for name in ("input_tokens", "output_tokens", "cache_read_tokens"):
        assert getattr(end.usage, name) == booked[name]
    assert end.usage.cache_read_tokens == 6
    assert end.usage.source is UsageSource.REPORTED


async def test_sound_in_and_out_and_its_transcript_are_counted(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model()
    async with session(data_plane, bot, model) as connection:
        await connection.session.update(
            session={
                "type": "realtime",
                "output_modalities": ["audio"],
                "audio": {"input": {"transcription": {"model": "whisper-1"}}},
            }
        )
        await connection.input_audio_buffer.append(audio=SOUND)
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        async for event in events(connection):
            if event.type == "response.done":
                break
    end = settled(data_plane, bot)
    (booked,) = data_plane.ledger(model)
    assert (end.usage.input_tokens, end.usage.output_tokens) == (
        booked["input_tokens"],
        booked["output_tokens"],
    )
    assert end.usage.other is not None
    assert end.usage.other.audio_input_tokens == 5 + 5  # in the transcript and the response
    assert end.usage.other.audio_output_tokens
    assert end.usage.other.transcript_tokens == 5 + 4
    assert end.usage.source is UsageSource.REPORTED
    assert end.cost_micro_usd is None  # of two models at once there is no one price


async def test_a_session_in_which_nothing_was_asked_used_nothing(
    data_plane: DataPlane, bot: TestBot
) -> None:
    async with session(data_plane, bot, new_model()):
        pass
    end = settled(data_plane, bot)
    assert (end.usage.input_tokens, end.usage.output_tokens) == (0, 0)
    assert end.usage.source is UsageSource.REPORTED


async def test_a_response_that_the_vendor_cuts_is_estimated_and_the_rest_stays_counted(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model("+cut=5")
    async with session(data_plane, bot, model) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            await turn(connection, "hello")
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1014
    end = settled(data_plane, bot)
    assert end.usage.source is UsageSource.ESTIMATED
    assert end.usage.input_tokens is None
    assert end.usage.output_tokens == 4  # four deltas of four bytes
    assert end.cost_micro_usd is None
    assert end.error == "upstream-cut"
    (booked,) = data_plane.ledger(model)
    assert booked["outcome"] == "cut"


async def test_a_response_without_usage_leaves_the_session_in_part_unknown(
    data_plane: DataPlane, bot: TestBot
) -> None:
    async with session(data_plane, bot, new_model("+nousage")) as connection:
        said = await turn(connection, "hello")
    end = settled(data_plane, bot)
    assert end.usage.source is UsageSource.ESTIMATED
    assert (end.usage.input_tokens, end.usage.output_tokens) == (None, -(-len(said) // 4))


async def test_a_bot_that_leaves_in_the_middle_is_charged_for_what_was_under_way(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model("+pace=30+tokens=20")
    await leave_after(1, data_plane, bot, model)
    end = settled(data_plane, bot)
    (booked,) = data_plane.ledger(model)
    assert (end.client_left, end.error) == (True, "client-left")
    assert end.usage.source is UsageSource.REPORTED
    assert end.usage.output_tokens == booked["output_tokens"] == 20


async def test_a_bot_that_leaves_a_vendor_who_says_no_more_is_estimated(
    data_plane: DataPlane, bot: TestBot
) -> None:
    model = new_model("+stall=4")
    await leave_after(3, data_plane, bot, model)
    until(lambda: len(data_plane.events(bot)) == 2, seconds=30)
    end = data_plane.only(bot, CallSettled)
    assert (end.client_left, end.error) == (True, "client-left")
    assert end.usage.source is UsageSource.ESTIMATED
    assert (end.usage.input_tokens, end.usage.output_tokens) == (None, 3)


async def test_the_key_is_never_seen_whatever_the_vendor_says(
    data_plane: DataPlane, bot: TestBot
) -> None:
    seen = b""
    async with raw(data_plane, bot, new_model("+echo")) as line:
        await line.recv()
        await line.send('{"type":"response.create"}')
        while b'"response.done"' not in seen:
            seen += await line.recv(decode=False)
    assert b"You sent the credential ***" in seen
    assert data_plane.secret.encode() not in seen
