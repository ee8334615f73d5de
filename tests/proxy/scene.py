"""One answer between a vendor and a client, both played by the test, and a real relay."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from uuid import uuid4

from domain.calls import CallSettled
from proxy.answer import Answer
from proxy.asking import UsageWithheld
from proxy.client import Client
from proxy.incoming import Message
from proxy.mask import KeyMask
from proxy.relay import Filters, Relay
from proxy.settlement import Progress, Settlement
from proxy.usage import reader_for
from tests.projections.given import admitted, facts
from tests.proxy.books import Books

# How the server takes the pieces of a stream: as ASGI has it, or one by one without a wait,
# or so now and then, because its client is slow.
MANNERS = ("awaiting", "passing", "crowded")
KEY = b"sk-0123456789"
SSE = "text/event-stream"


@dataclass
class Scene:
    """One answer between a vendor and a client, both played by the test."""

    books: Books = field(default_factory=Books)
    streaming: bool = True
    content_length: int | None = None
    withheld: bool = False
    drain: bool = True
    manner: str = "passing"
    passed: int = 0  # pieces
    has_room: bool = False  # as was told
    sent: list[Message] = field(default_factory=list)
    sent_before_end: bytes = b""
    resumed: int = 0
    aborted: str | None = None
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answer = Answer(self, 200, [], self.content_length)
        passing = None if self.manner == "awaiting" else self.pass_on
        self.client = Client(self.receive, self.send, passing=passing)
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
        if self.manner == "crowded":
            await asyncio.sleep(0)
            self.passed += 1
        self._sent(message)

    def pass_on(self, piece: bytes) -> bool:
        if piece:
            assert self.has_room
            self.passed += 1
            self._sent({"type": "http.response.body", "body": piece, "more_body": True})
        self.has_room = self.manner != "crowded" or self.passed % 3 == 0
        return self.has_room

    def _sent(self, message: Message) -> None:
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
            await self.relay.run(drain=self.drain)
        finally:
            await self.client.close()


async def ticks() -> None:
    """Everything that can go on has gone on."""
    for _ in range(20):
        await asyncio.sleep(0)
