"""The official MCP client reads what our relay says, whatever it tries first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx2
import mcp
import mcp_types
import pytest
from mcp.client.streamable_http import streamable_http_client

from tests.adapters.relays.mcps import McpDoor, mcp_door

pytestmark = pytest.mark.anyio

MODES: list[Literal["auto", "legacy"]] = ["auto", "legacy"]


@pytest.fixture(scope="module")
def door() -> Iterator[McpDoor]:
    with mcp_door() as door:
        yield door


@asynccontextmanager
async def client(
    door: McpDoor, mode: Literal["auto", "legacy"] = "auto", **more: Any
) -> AsyncIterator[mcp.Client]:
    """A bot's client, connected."""
    bot = door.fleet.bot()
    door.plugin(bot)
    headers = {"authorization": door.pass_for(bot)}
    async with httpx2.AsyncClient(headers=headers, trust_env=False) as http:
        transport = streamable_http_client(f"{door.url}/mcp/little", http_client=http)
        async with mcp.Client(transport, mode=mode, **more) as connected:
            yield connected


def text_of(result: mcp_types.CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, mcp_types.TextContent)
    return content.text


@pytest.mark.parametrize("mode", MODES)
async def test_it_lists_and_calls_tools(
    door: McpDoor, mode: Literal["auto", "legacy"]
) -> None:
    async with client(door, mode) as connected:
        assert [tool.name for tool in (await connected.list_tools()).tools] == ["echo"]
        said = await connected.call_tool("echo", {"text": "héllo"})
        assert text_of(said) == "héllo"


async def test_it_hears_progress_and_many_answers_at_once(door: McpDoor) -> None:
    heard: list[float] = []

    async def on_progress(
        progress: float, total: float | None, message: str | None
    ) -> None:
        assert (total, message) == (3, None)
        heard.append(progress)

    async with client(door) as connected:
        slow = connected.call_tool("slow", {}, progress_callback=on_progress)
        quick = [connected.call_tool("echo", {"text": str(nth)}) for nth in range(10)]
        done, *answers = await asyncio.gather(slow, *quick)
    assert text_of(done) == "done"
    assert [text_of(one) for one in answers] == [str(nth) for nth in range(10)]
    assert heard == [0, 1, 2]


async def test_it_hears_what_everybody_is_told(door: McpDoor) -> None:
    told = asyncio.Event()

    async def hear(message: Any) -> None:
        if "list_changed" in repr(message) or "ListChanged" in repr(message):
            told.set()

    async with client(door, "legacy", message_handler=hear) as connected:
        async with asyncio.timeout(10):
            while not told.is_set():
                await connected.call_tool("tell", {})
                await asyncio.sleep(0.1)


async def test_a_server_that_dies_is_an_error_and_not_a_hang(door: McpDoor) -> None:
    async with client(door) as connected:
        with pytest.raises(mcp.MCPError):
            await connected.call_tool("die", {})
