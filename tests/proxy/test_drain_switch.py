"""Vendors that are not drained: cut when the client leaves, and what came is estimated."""

from __future__ import annotations

import asyncio

import pytest

from adapters.catalog.loader import load_catalog
from domain.usage import UsageSource
from tests.proxy.scene import Scene, ticks

pytestmark = pytest.mark.anyio

CONTENT = b'data: {"id":"1","model":"m","choices":[{"delta":{"content":"hello %d"}}]}\n\n'
USAGE = (
    b'data: {"id":"1","model":"m","choices":[],'
    b'"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n'
)
DONE = b"data: [DONE]\n\n"


async def test_a_silent_vendor_is_cut_the_moment_the_client_leaves() -> None:
    scene = Scene(drain=False)
    running = asyncio.create_task(scene.run())
    scene.say(CONTENT % 1, CONTENT % 2)
    await ticks()
    scene.hung_up.set()
    async with asyncio.timeout(1):
        await running
    assert not scene.finished
    assert scene.aborted
    assert (scene.end.client_left, scene.end.error) == (True, "client-left")
    assert scene.end.usage.source is UsageSource.ESTIMATED
    assert scene.end.usage.output_tokens == 4


async def test_a_client_that_left_before_the_first_byte_has_no_answer_read_for_it() -> None:
    scene = Scene(drain=False)
    scene.client.left = True
    scene.say(CONTENT % 1, USAGE, DONE)
    await scene.run()
    assert scene.aborted
    assert scene.end.error == "client-left"
    assert scene.end.usage.source is UsageSource.ESTIMATED


async def test_a_client_that_leaves_behind_the_mark_has_cut_nothing_off() -> None:
    scene = Scene(drain=False)
    running = asyncio.create_task(scene.run())
    scene.say(CONTENT % 1, USAGE, DONE)
    await ticks()
    scene.hung_up.set()
    await running
    assert (scene.end.usage.output_tokens, scene.end.error) == (3, None)
    assert scene.end.usage.source is UsageSource.REPORTED


async def test_a_client_that_stays_gets_everything() -> None:
    scene = Scene(drain=False)
    running = asyncio.create_task(scene.run())
    scene.say(CONTENT % 1, USAGE, DONE)
    scene.answer.end(None)
    await running
    assert scene.seen == CONTENT % 1 + USAGE + DONE
    assert scene.finished
    assert not scene.aborted


async def test_every_shipped_vendor_is_drained() -> None:
    assert all(vendor.drain for vendor in load_catalog().all())
