"""Who may open a realtime session, where to, and what is said to those who may not."""

from __future__ import annotations

import openai
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from domain.calls import CallRefused
from domain.usage import UsageSource
from tests.journeys.plane import DataPlane, TestBot, new_model
from tests.journeys.realtime import open_raw, session, settled, turn
from tests.proxy.pools import pool, secret_that

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("directive", ["status=429", "status=401", "status=503"])
async def test_a_key_that_is_refused_at_the_door_is_followed_by_the_next(
    data_plane: DataPlane, directive: str
) -> None:
    keys = pool(data_plane, directive, None)
    async with session(data_plane, keys.bot, new_model()) as connection:
        await turn(connection, "hello")
    data_plane.ended(keys.bot)
    first, second = keys.tried()
    assert first[:2] == (0, int(directive.partition("=")[2]))
    assert second == (1, 101, "ok")
    assert keys.settled().usage.source is UsageSource.REPORTED


@pytest.mark.parametrize(("status", "told"), [(429, 429), (401, 502), (500, 500)])
async def test_a_vendor_that_refuses_is_heard_as_an_http_answer(
    data_plane: DataPlane, status: int, told: int
) -> None:
    bot = pool(data_plane, f"status={status}").bot
    with pytest.raises(InvalidStatus) as refused:
        await open_raw(data_plane, bot.token)
    answer = refused.value.response
    assert answer.status_code == told
    assert "x-call-id" in answer.headers
    assert secret_that("").encode() not in answer.body
    end = settled(data_plane, bot)
    assert end.http_status == status
    assert end.usage.source is UsageSource.NONE


async def test_a_browser_shows_its_token_as_a_subprotocol(
    data_plane: DataPlane, bot: TestBot
) -> None:
    url = f"{data_plane.url}/openai/v1/realtime?model={new_model()}"
    offered = [
        "realtime",
        f"openai-insecure-api-key.{bot.token}",
        "openai-beta.realtime-v1",
    ]
    async with connect(
        url.replace("http", "ws", 1),
        subprotocols=offered,  # type: ignore[arg-type]
    ) as line:
        assert line.subprotocol == "realtime"
        await line.recv()
    assert settled(data_plane, bot).http_status == 101


async def test_without_a_good_token_there_is_no_session(data_plane: DataPlane) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await open_raw(data_plane, "cbt_nobody")
    assert refused.value.response.status_code == 401


async def test_a_websocket_to_another_path_is_refused_on_record(
    data_plane: DataPlane, bot: TestBot
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await open_raw(data_plane, bot.token, path="openai/v1/chat/completions")
    assert refused.value.response.status_code == 403
    assert data_plane.only(bot, CallRefused).code == "path-not-allowed"


async def test_a_model_that_no_key_of_the_bot_serves_is_refused(
    data_plane: DataPlane,
) -> None:
    bot = data_plane.new_bot(data_plane.add_key("openai", models=("gpt-realtime",)))
    with pytest.raises(InvalidStatus) as refused:
        await open_raw(data_plane, bot.token, query="model=other")
    assert refused.value.response.status_code == 403
    with pytest.raises(InvalidStatus) as refused:
        await open_raw(data_plane, bot.token, query="model=gpt-realtime&model=other")
    assert refused.value.response.status_code == 400


async def test_azure_is_spoken_to_as_its_sdk_does(data_plane: DataPlane) -> None:
    bot, model = data_plane.new_bot(data_plane.key_of("azure-openai")), new_model()
    endpoint = f"{data_plane.url}/azure-openai"
    async with (
        openai.AsyncAzureOpenAI(
            azure_endpoint=endpoint,
            websocket_base_url=f"{endpoint}/openai".replace("http", "ws", 1),
            api_version="2024-10-01-preview",
            api_key=bot.token,
            max_retries=0,
        ) as client,
        client.realtime.connect(model=model) as connection,
    ):
        await connection.recv()
        await turn(connection, "hello")
    end = settled(data_plane, bot)
    (booked,) = data_plane.ledger(model)
    assert end.usage.output_tokens == booked["output_tokens"]
    assert end.facts.requested_model == model
