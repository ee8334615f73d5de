"""How a relay ends: by the vendor, by the client, by us; each is settled with what came."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalog.loader import load_catalog
from domain.usage import UsageSource
from proxy import headers, relay
from proxy.answer import Answer, UpstreamCut
from proxy.mask import KeyMask
from tests.proxy.books import Books
from tests.proxy.scene import KEY, MANNERS, Scene, ticks

CONTENT = b'data: {"id":"1","model":"m","choices":[{"delta":{"content":"hello %d"}}]}\n\n'
USAGE = (
    b'data: {"id":"1","model":"m","choices":[],'
    b'"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n'
)
DONE = b"data: [DONE]\n\n"
ECHO = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % KEY


in_any_manner = pytest.mark.parametrize("manner", MANNERS)

STREAM = b"".join([CONTENT % 1, ECHO, CONTENT % 2, USAGE, DONE])


@given(st.sets(st.integers(1, len(STREAM) - 1)), st.booleans(), st.sampled_from(MANNERS))
def test_wherever_the_pieces_end_the_mark_comes_after_the_settlement(
    cuts: set[int],
    withheld: bool,  # noqa: FBT001
    manner: str,
) -> None:
    borders = [0, *sorted(cuts), len(STREAM)]

    async def run() -> Scene:
        scene = Scene(withheld=withheld, manner=manner)
        running = asyncio.create_task(scene.run())
        for start, end in pairwise(borders):
            scene.say(STREAM[start:end])
            await ticks()
        scene.answer.end(None)
        await running
        return scene

    scene = asyncio.run(run())
    expected = STREAM.replace(KEY, b"*" * len(KEY))
    assert scene.seen == (expected.replace(USAGE, b"") if withheld else expected)
    assert b"[DONE]" not in scene.sent_before_end
    assert scene.finished
    assert (scene.end.usage.input_tokens, scene.end.usage.output_tokens) == (7, 3)
    assert not scene.end.error


BODY = (
    b'{"id":"1","model":"m","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}'
)


@given(st.sets(st.integers(1, len(BODY) - 1)), st.booleans())
def test_a_plain_answers_last_byte_comes_after_the_settlement(
    cuts: set[int],
    known: bool,  # noqa: FBT001
) -> None:
    """Whether its length is known or not."""
    borders = [0, *sorted(cuts), len(BODY)]

    async def run() -> Scene:
        scene = Scene(streaming=False, content_length=len(BODY) if known else None)
        running = asyncio.create_task(scene.run())
        for start, end in pairwise(borders):
            scene.say(BODY[start:end])
            await ticks()
        scene.answer.end(None)
        await running
        return scene

    scene = asyncio.run(run())
    assert scene.seen == BODY
    assert len(scene.sent_before_end) < len(BODY)
    assert scene.end.usage.input_tokens == 7


@pytest.mark.anyio
async def test_a_streams_pieces_wait_for_no_task() -> None:
    scene = Scene()
    running = asyncio.create_task(scene.run())
    await ticks()
    for number in range(3):
        scene.say(CONTENT % number)
        assert scene.seen.endswith(CONTENT % number)
    scene.say(ECHO[:-20])
    assert scene.passed == 4
    scene.hung_up.set()
    await ticks()
    scene.say(ECHO[-20:], USAGE, DONE)
    scene.answer.end(None)
    await running
    assert scene.passed == 4
    assert scene.end.usage.output_tokens == 3


@pytest.mark.anyio
@pytest.mark.parametrize("reason", [None, "cut"])
async def test_what_comes_with_the_end_of_a_pouring_answer_is_relayed(
    reason: str | None,
) -> None:
    scene = Scene()
    running = asyncio.create_task(scene.run())
    await ticks()
    scene.say(CONTENT % 1)
    scene.answer.put(CONTENT % 2)
    scene.answer.end(reason)
    if reason is None:
        await running
    else:
        with pytest.raises(UpstreamCut):
            await running
    assert scene.seen == CONTENT % 1 + CONTENT % 2
    assert scene.finished is (reason is None)


@pytest.mark.anyio
async def test_a_bug_in_reading_along_ends_the_call_and_not_the_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_: bytes) -> bytes:
        raise ZeroDivisionError

    scene = Scene()
    running = asyncio.create_task(scene.run())
    await ticks()
    scene.say(CONTENT % 1)
    monkeypatch.setattr(KeyMask, "feed", lambda _, piece: broken(piece))
    scene.say(CONTENT % 2)
    with pytest.raises(ZeroDivisionError):
        await running
    assert scene.end.usage.output_tokens == 2


@pytest.mark.anyio
@in_any_manner
async def test_what_was_read_is_settled_when_we_are_told_to_stop(manner: str) -> None:
    scene = Scene(manner=manner)
    running = asyncio.create_task(scene.run())
    scene.say(CONTENT % 1, CONTENT % 2)
    await ticks()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert scene.end.error == "proxy-stopped"
    assert scene.end.usage.source is UsageSource.ESTIMATED
    assert scene.end.usage.output_tokens == 4
    assert scene.aborted
    assert not scene.finished


@pytest.mark.anyio
@pytest.mark.parametrize("streaming", [True, False])
async def test_a_silent_vendor_is_not_waited_for_when_nobody_listens(
    monkeypatch: pytest.MonkeyPatch,
    streaming: bool,  # noqa: FBT001
) -> None:
    monkeypatch.setattr(relay, "DRAIN_SECONDS", 0.05)
    scene = Scene(streaming=streaming)
    running = asyncio.create_task(scene.run())
    scene.say(CONTENT % 1)
    await ticks()
    scene.hung_up.set()
    await ticks()
    scene.say(CONTENT % 2)  # whoever waits for this piece sees now that nobody listens
    async with asyncio.timeout(1):
        await running
    assert scene.end.error == "client-left"
    assert scene.end.client_left
    assert scene.end.usage.source is UsageSource.ESTIMATED
    assert scene.aborted


@pytest.mark.anyio
@in_any_manner
async def test_no_more_than_so_much_is_drained(
    monkeypatch: pytest.MonkeyPatch, manner: str
) -> None:
    monkeypatch.setattr(relay, "DRAIN_BYTES", 1000)
    scene = Scene(manner=manner)
    running = asyncio.create_task(scene.run())
    scene.hung_up.set()
    await ticks()
    for number in range(100):
        scene.say(CONTENT % number)
        await ticks()
    async with asyncio.timeout(1):
        await running
    assert scene.end.error == "client-left"
    assert (scene.end.usage.output_tokens or 0) < 50


@pytest.mark.anyio
@in_any_manner
async def test_a_drain_that_comes_to_its_end_is_no_error(manner: str) -> None:
    scene = Scene(manner=manner)
    running = asyncio.create_task(scene.run())
    scene.hung_up.set()
    await ticks()
    scene.say(CONTENT % 1)
    await ticks()
    scene.say(USAGE, DONE)
    scene.answer.end(None)
    await running
    assert (scene.end.client_left, scene.end.error) == (True, None)
    assert scene.end.usage.output_tokens == 3


@pytest.mark.anyio
@in_any_manner
@pytest.mark.parametrize("more", [b"", b": and more\n\n" * 10_000])
async def test_a_vendor_that_does_not_end_after_its_mark_is_left(
    monkeypatch: pytest.MonkeyPatch, more: bytes, manner: str
) -> None:
    monkeypatch.setattr(relay, "LINGER_SECONDS", 0.05)
    scene = Scene(manner=manner)
    running = asyncio.create_task(scene.run())
    scene.say(CONTENT % 1, USAGE, DONE)
    await ticks()
    for _ in range(5 if more else 0):
        scene.say(more)
        await ticks()
    async with asyncio.timeout(1):
        await running
    assert scene.finished
    assert scene.aborted
    assert (scene.end.usage.output_tokens, scene.end.error) == (3, None)


@pytest.mark.anyio
async def test_a_plain_answer_without_an_end_is_cut_at_its_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay, "PLAIN_BYTES", 1000)
    scene = Scene(streaming=False)
    running = asyncio.create_task(scene.run())
    for _ in range(20):
        scene.say(b"x" * 100)
        await ticks()
    with pytest.raises(UpstreamCut):
        await running
    assert scene.end.error == "upstream-too-large"
    assert not scene.finished


@pytest.mark.anyio
@in_any_manner
async def test_an_end_that_cannot_be_recorded_is_not_shown(manner: str) -> None:
    scene = Scene(manner=manner, books=Books(away=True))
    running = asyncio.create_task(scene.run())
    scene.say(CONTENT % 1)
    await ticks()
    scene.say(USAGE, DONE)
    scene.answer.end(None)
    with pytest.raises(UpstreamCut):
        await running
    assert b"[DONE]" not in scene.seen
    assert not scene.finished


def test_a_key_in_a_header_is_masked() -> None:
    vendor = load_catalog().get("openai")
    named = b"retry-after"
    sent = [(named, b"it is " + KEY), (b"set-cookie", b"a=b"), (b"server", b"s")]
    answer = Answer(Scene.__new__(Scene), 200, sent, None)
    back = headers.coming_back(answer, vendor, [(b"x-call-id", b"1")], KeyMask(KEY))
    assert back == [(named, b"it is " + b"*" * len(KEY)), (b"x-call-id", b"1")]
