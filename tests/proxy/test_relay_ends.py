"""How a relay ends: by the vendor, by the client, by us; each is settled with what came."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.catalog.loader import load_catalog
from domain.calls import CallSettled, UsageSource
from proxy import client as client_module
from proxy import headers, relay
from proxy.answer import Answer, UpstreamCut
from proxy.asking import UsageWithheld
from proxy.client import Client
from proxy.incoming import Message
from proxy.mask import KeyMask
from proxy.relay import Filters, Relay
from proxy.settlement import Progress, Settlement
from proxy.usage import reader_for
from tests.projections.given import admitted, facts
from tests.proxy.books import Books

KEY = b"sk-0123456789"
SSE = "text/event-stream"
CONTENT = b'data: {"id":"1","model":"m","choices":[{"delta":{"content":"hello %d"}}]}\n\n'
USAGE = (
    b'data: {"id":"1","model":"m","choices":[],'
    b'"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n'
)
DONE = b"data: [DONE]\n\n"
ECHO = b'data: {"choices":[{"delta":{"content":"%s"}}]}\n\n' % KEY


@dataclass
class Scene:
    """One answer between a vendor and a client, both played by the test."""

    books: Books = field(default_factory=Books)
    streaming: bool = True
    content_length: int | None = None
    withheld: bool = False
    sent: list[Message] = field(default_factory=list)
    sent_before_end: bytes = b""
    resumed: int = 0
    aborted: str | None = None
    reads: bool = True
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answer = Answer(self, 200, [], self.content_length)
        self.client = Client(self.receive, self.send)
        call = replace(admitted(facts()), streaming=self.streaming)
        progress = Progress(
            call_id=uuid4(), admitted=call, started=0, http_status=200, sent=True
        )
        reader = reader_for(
            "openai-chat",
            content_type=SSE if self.streaming else "application/json",
            status=200,
            requested_model="m",
        )
        filters = Filters(
            mask=KeyMask(KEY), withheld=UsageWithheld() if self.withheld else None
        )
        settlement = Settlement(self.books, self.books, progress, self.client)
        self.relay = Relay(self.answer, self.client, reader, filters, settlement)

    # As the connection to the vendor.

    def resume(self) -> None:
        self.resumed += 1

    def abort(self, reason: str) -> None:
        self.aborted = reason
        self.answer.end(reason)

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.answer.put(piece)
            self.answer.wake()

    # As the server towards the client.

    async def send(self, message: Message) -> None:
        if not self.reads:
            await asyncio.Event().wait()
        self.sent.append(message)
        if not self.books.ends:
            self.sent_before_end += message.get("body", b"")

    async def receive(self) -> Message:
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    @property
    def seen(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def end(self) -> CallSettled:
        (end,) = self.books.ends
        return end

    @property
    def finished(self) -> bool:
        return bool(self.sent) and not self.sent[-1].get("more_body", True)

    async def run(self) -> None:
        self.client.watch()
        await self.client.start(200, [])
        try:
            await self.relay.run()
        finally:
            await self.client.close()


async def ticks() -> None:
    """Everything that can go on has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)


STREAM = b"".join([CONTENT % 1, ECHO, CONTENT % 2, USAGE, DONE])


@given(st.sets(st.integers(1, len(STREAM) - 1)), st.booleans())
def test_wherever_the_pieces_end_the_mark_comes_after_the_settlement(
    cuts: set[int],
    withheld: bool,  # noqa: FBT001
) -> None:
    borders = [0, *sorted(cuts), len(STREAM)]

    async def run() -> Scene:
        scene = Scene(withheld=withheld)
        running = asyncio.create_task(scene.run())
        for start, end in zip(borders, borders[1:], strict=False):
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
        for start, end in zip(borders, borders[1:], strict=False):
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
async def test_what_was_read_is_settled_when_we_are_told_to_stop() -> None:
    scene = Scene()
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
async def test_a_client_that_takes_nothing_for_long_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client_module, "STALL_SECONDS", 0.05)
    scene = Scene()
    running = asyncio.create_task(scene.run())
    await ticks()
    scene.reads = False
    scene.say(CONTENT % 1)
    await asyncio.sleep(0.1)
    scene.say(USAGE, DONE)
    scene.answer.end(None)
    await running
    assert scene.end.client_left
    assert scene.end.usage.source is UsageSource.REPORTED
    assert not scene.end.error


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
async def test_no_more_than_so_much_is_drained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "DRAIN_BYTES", 1000)
    scene = Scene()
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
async def test_a_drain_that_comes_to_its_end_is_no_error() -> None:
    scene = Scene()
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
@pytest.mark.parametrize("more", [b"", b": and more\n\n" * 10_000])
async def test_a_vendor_that_does_not_end_after_its_mark_is_left(
    monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    monkeypatch.setattr(relay, "LINGER_SECONDS", 0.05)
    scene = Scene()
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
async def test_an_end_that_cannot_be_recorded_is_not_shown() -> None:
    scene = Scene(books=Books(away=True))
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
    named = next(iter(vendor.back_headers))
    sent = [(named, b"it is " + KEY), (b"set-cookie", b"a=b"), (b"server", b"s")]
    answer = Answer(Scene.__new__(Scene), 200, sent, None)
    back = headers.coming_back(answer, vendor, [(b"x-call-id", b"1")], KeyMask(KEY))
    assert back == [(named, b"it is " + b"*" * len(KEY)), (b"x-call-id", b"1")]
