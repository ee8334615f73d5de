"""Which calls are known to ask for a stream, at the vendors that we ship."""

from __future__ import annotations

import pytest

from domain.calls import CallAdmitted
from proxy.incoming import Asked
from proxy.streaming import asks_for_stream
from tests.domain.going import go
from tests.journeys.plane import DataPlane, new_model

GENERATION = "api/v1/services/aigc/text-generation/generation"
EMBEDDING = "api/v1/services/embeddings/text-embedding/text-embedding"
SAID: list[bool | None] = [True, False, None]


@pytest.mark.parametrize(
    ("vendor", "tail", "expected"),
    [
        ("openai", "v1/chat/completions", [True, False, False]),
        ("anthropic", "v1/messages", [True, False, False]),
        ("openai", "v1/embeddings", [False, False, False]),
        ("ollama", "api/chat", [True, False, True]),
        ("ollama", "api/generate", [True, False, True]),
        ("ollama", "api/embed", [False, False, False]),
        ("google", "v1beta/models/m:streamGenerateContent", [True, True, True]),
        ("google", "v1beta/models/m:generateContent", [False, False, False]),
        ("dashscope", GENERATION, [False, False, False]),
    ],
)
def test_the_body_or_the_path_says_so_as_the_vendor_reads_it(
    vendor: str, tail: str, expected: list[bool]
) -> None:
    endpoint = go(vendor, tail).endpoint
    found = [asks_for_stream(endpoint, {}, Asked(stream=said)) for said in SAID]
    assert found == expected


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        (b"x-dashscope-sse", b"enable", True),
        (b"x-dashscope-sse", b"Enable", True),
        (b"x-dashscope-sse", b"disable", False),
        (b"accept", b"text/event-stream; charset=utf-8", True),
        (b"accept", b"application/json, text/event-stream", True),
        (b"accept", b"text/event-streams", False),
        (b"accept", b"*/*", False),
        (b"x-other", b"enable", False),
    ],
)
def test_a_header_says_so_where_that_is_the_vendors_way(
    name: bytes, value: bytes, *, expected: bool
) -> None:
    headers = {name: value}
    native = go("dashscope", GENERATION).endpoint
    assert asks_for_stream(native, headers, Asked(stream=True)) is expected
    for tail in ("compatible-mode/v1/chat/completions", EMBEDDING):
        assert not asks_for_stream(go("dashscope", tail).endpoint, headers, Asked())


@pytest.mark.parametrize(("said", "expected"), [({}, True), ({"stream": False}, False)])
def test_what_was_asked_for_is_on_record(
    data_plane: DataPlane, said: dict[str, bool], *, expected: bool
) -> None:
    bot = data_plane.new_bot(data_plane.key_of("ollama"))
    answer = data_plane.client.post(
        f"{data_plane.url}/ollama/api/chat",
        json={
            "model": new_model(),
            "messages": [{"role": "user", "content": "hello"}],
            **said,
        },
        headers=bot.bearer,
    )
    assert answer.status_code == 200
    assert data_plane.only(bot, CallAdmitted).streaming is expected
