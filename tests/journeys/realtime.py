"""Clients of realtime sessions: OpenAI's own, and one that knows nothing of OpenAI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from openai.types.realtime import RealtimeServerEvent
from websockets.asyncio.client import connect

from domain.calls import CallSettled
from tests.journeys.plane import DataPlane, TestBot


@asynccontextmanager
async def session(
    plane: DataPlane, bot: TestBot, model: str, vendor: str = "openai"
) -> AsyncIterator[AsyncRealtimeConnection]:
    base = f"{plane.url}/{vendor}/v1"
    async with (
        openai.AsyncOpenAI(base_url=base, api_key=bot.token, max_retries=0) as client,
        client.realtime.connect(model=model) as connection,
    ):
        created = await connection.recv()
        assert created.type == "session.created"
        yield connection


async def turn(connection: AsyncRealtimeConnection, text: str) -> str:
    """What is answered to the text; all its events have come."""
    await connection.conversation.item.create(
        item={
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        }
    )
    await connection.response.create()
    said = ""
    async for event in events(connection):
        if event.type == "response.output_text.delta":
            said += event.delta
        if event.type == "response.done":
            break
    return said


async def events(
    connection: AsyncRealtimeConnection,
) -> AsyncIterator[RealtimeServerEvent]:
    async with asyncio.timeout(10):
        while True:
            yield await connection.recv()


def settled(plane: DataPlane, bot: TestBot) -> CallSettled:
    plane.ended(bot)
    return plane.only(bot, CallSettled)


def raw(plane: DataPlane, bot: TestBot, model: str) -> connect:
    """A session of a client that knows nothing of OpenAI."""
    url = f"{plane.url}/openai/v1/realtime?model={model.replace('+', '%2B')}"
    return connect(url.replace("http", "ws", 1), additional_headers=bot.bearer)


async def leave_after(deltas: int, plane: DataPlane, bot: TestBot, model: str) -> None:
    """Ask for a response, and be gone after so much of it."""
    async with raw(plane, bot, model) as line:
        await line.send('{"type":"response.create"}')
        said = 0
        while said < deltas:
            said += b'"response.output_text.delta"' in await line.recv(decode=False)
        line.transport.abort()


async def open_raw(
    plane: DataPlane,
    token: str,
    *,
    path: str = "openai/v1/realtime",
    query: str = "model=m",
) -> None:
    """Open a session and close it; `InvalidStatus` if it is refused."""
    url = f"{plane.url}/{path}?{query}".replace("http", "ws", 1)
    headers = {"Authorization": f"Bearer {token}"}
    async with connect(url, additional_headers=headers):
        pass
