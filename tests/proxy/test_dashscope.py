"""DashScope's own API through the proxy: metered as the vendor has it on its books."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from domain.calls import CallAdmitted, CallSettled
from domain.usage import UsageSource
from tests.journeys.plane import DataPlane, TestBot, new_model

GENERATION = "api/v1/services/aigc/text-generation/generation"
EMBEDDING = "api/v1/services/embeddings/text-embedding/text-embedding"


@pytest.fixture
def qwen(data_plane: DataPlane) -> TestBot:
    return data_plane.new_bot(data_plane.key_of("dashscope"))


def ask(
    plane: DataPlane,
    bot: TestBot,
    model: str,
    *,
    stream: bool = False,
    tail: str = GENERATION,
    **parameters: Any,
) -> httpx.Response:
    texts = {"texts": ["abcd", "efghi"]}
    said = {"messages": [{"role": "user", "content": "hello"}]}
    return plane.client.post(
        f"{plane.url}/dashscope/{tail}",
        json={
            "model": model,
            "input": said if tail == GENERATION else texts,
            "parameters": {"result_format": "message", **parameters},
        },
        headers=bot.bearer | ({"X-DashScope-SSE": "enable"} if stream else {}),
    )


def booked(plane: DataPlane, bot: TestBot, model: str) -> CallSettled:
    """The end of the bot's one call, with the vendor's own numbers."""
    end, (item,) = plane.only(bot, CallSettled), plane.ledger(model)
    usage = end.usage
    told = (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens)
    assert told == (
        item["input_tokens"],
        item["output_tokens"],
        item["cache_read_tokens"],
    )
    assert item["vendor_format"] == "dashscope-native"
    assert end.facts.requested_model == item["model"] or "+" in model
    return end


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("incremental", [False, True])
def test_an_answer_is_metered_as_the_vendor_says(
    data_plane: DataPlane, qwen: TestBot, *, stream: bool, incremental: bool
) -> None:
    model = new_model("+reasoning=20+cached=2")
    answer = ask(data_plane, qwen, model, stream=stream, incremental_output=incremental)
    assert answer.status_code == 200
    assert "Hell" in answer.text
    assert answer.headers["content-type"].startswith("text/event-stream") == stream
    end = booked(data_plane, qwen, model)
    assert (end.usage.source, end.usage.reasoning_tokens) == (UsageSource.REPORTED, 20)
    admitted = data_plane.only(qwen, CallAdmitted)
    assert (admitted.format, admitted.streaming) == ("dashscope-native", stream)


@pytest.mark.parametrize("incremental", [False, True])
def test_a_stream_that_breaks_off_is_metered_by_its_last_word(
    data_plane: DataPlane, qwen: TestBot, *, incremental: bool
) -> None:
    model = new_model("+tokens=40+cut=6")
    with pytest.raises(httpx.RemoteProtocolError):
        ask(data_plane, qwen, model, stream=True, incremental_output=incremental)
    data_plane.ended(qwen)
    end = booked(data_plane, qwen, model)
    assert (end.usage.source, end.error) == (UsageSource.PARTIAL, "upstream-cut")
    assert end.usage.output_tokens == 6


def test_an_error_in_a_stream_is_seen(data_plane: DataPlane, qwen: TestBot) -> None:
    answer = ask(data_plane, qwen, new_model("+error=2"), stream=True)
    assert '"code":"InternalError"' in answer.text
    assert data_plane.only(qwen, CallSettled).error == "vendor:InternalError"


def test_embeddings_are_metered_too(data_plane: DataPlane, qwen: TestBot) -> None:
    model = new_model()
    answer = ask(data_plane, qwen, model, tail=EMBEDDING)
    assert json.loads(answer.content)["usage"] == {"total_tokens": 3}
    end, (item,) = data_plane.only(qwen, CallSettled), data_plane.ledger(model)
    assert (end.usage.input_tokens, end.usage.output_tokens) == (3, 0)
    assert item["input_tokens"] == 3
