"""A hundred calls at once and quota for ten: the vendor sees ten, however many proxies."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

import httpx
import pytest

from domain.quotas import Metric, Window
from tests.faults.hammering import proxies
from tests.journeys.plane import DataPlane, TestBot, chat_body, new_model
from tests.proxy.test_budgets import limit

CALLS, ALLOWED = 100, 10
PROCESSES = (1, 2, 8)

pytestmark = pytest.mark.timeout(300)


def test_of_100_calls_at_once_with_quota_for_10_the_vendor_sees_10(
    own_plane: DataPlane,
) -> None:
    with proxies(own_plane, max(PROCESSES)) as found:
        for count in PROCESSES:
            bot, model = own_plane.new_bot(), new_model("+slow=300")
            limit(own_plane, bot, ALLOWED, Metric.REQUESTS, window=Window.TOTAL)
            urls = [f"{one.url}/api/v1" for one in found[:count]]
            answers = asyncio.run(at_once(urls, bot, model))
            seen = own_plane.ledger(model)
            assert (answers, len(seen)) == ({200: ALLOWED, 429: CALLS - ALLOWED}, ALLOWED)


async def at_once(urls: list[str], bot: TestBot, model: str) -> Counter[int]:
    """How they were answered."""
    async with httpx.AsyncClient(
        timeout=60, limits=httpx.Limits(max_connections=CALLS)
    ) as client:
        asked = [
            client.post(
                f"{url}/openai/v1/chat/completions",
                json=chat_body(model),
                headers=bot.bearer,
            )
            for url, _ in zip(itertools.cycle(urls), range(CALLS), strict=False)
        ]
        return Counter(answer.status_code for answer in await asyncio.gather(*asked))
