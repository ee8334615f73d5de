"""The end of a session: who brought it about, what is on record, and what is said when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import uuid4

import pytest

from domain.calls import CallSettled
from domain.usage import UsageSource
from proxy.answer import Answer, UpstreamCut
from proxy.client import Client
from proxy.incoming import Message
from proxy.mask import KeyMask
from proxy.realtime.lines import STOP
from proxy.realtime.session import Session, SessionLimits
from proxy.settlement import LastByteHeld, Progress, Settlement
from tests.frames import PING, TEXT, closing, frame
from tests.projections.given import admitted, facts
from tests.proxy.books import Books
from tests.proxy.scene import KEY, ticks

pytestmark = pytest.mark.anyio

CREATED = b'{"type":"session.created","session":{"model":"gpt-r"}}'
BEGUN = b'{"type":"response.created","response":{"id":"r"}}'
SAID = b'{"type":"response.output_text.delta","response_id":"r","delta":"fourfour"}'
DONE = (
    b'{"type":"response.done","response":{"id":"r","usage":'
    b'{"input_tokens":7,"output_tokens":3,"total_tokens":10}}}'
)
QUICK = SessionLimits(drain=0.1, part=0.01)


@dataclass
class Meeting:
    """A session whose bot and vendor are played by the test."""

    limits: SessionLimits = QUICK
    drain: bool = True
    books: Books = field(default_factory=Books)
    messages: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    sent: list[Message] = field(default_factory=list)
    at_settlement: bytes = b""
    to_vendor: bytes = b""
    aborted: str | None = None

    def __post_init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.answer = Answer(self, 101, [], None, loop)
        self.answer.line = self
        self.client = Client(self.messages.get, self.send_to_bot)
        call = replace(admitted(facts()), streaming=True, format="openai-realtime")
        progress = Progress(
            call_id=uuid4(), admitted=call, started=0, http_status=101, sent=True
        )
        settlement = Settlement(self.books, self.books, progress, self.client)
        self.session = Session(
            self.client,
            self.answer,
            KeyMask(KEY),
            settlement,
            drain=self.drain,
            limits=self.limits,
        )

    # As the connection to the vendor.

    async def send(self, data: bytes) -> None:
        self.to_vendor += data

    def resume(self) -> None:
        pass

    def abort(self, reason: str) -> None:
        self.aborted = reason
        self.answer.end(reason)

    async def vendor_says(self, *frames: bytes) -> None:
        for one in frames:
            data = one if one[:1] != b"{" else frame(TEXT, one, masked=False)
            self.answer.put(data)
            self.answer.wake()
            await ticks()

    # As the server towards the bot.

    async def send_to_bot(self, message: Message) -> None:
        self.sent.append(message)
        if not self.books.ends:
            self.at_settlement += message.get("body", b"")

    async def bot_says(self, *frames: bytes) -> None:
        for one in frames:
            self.messages.put_nowait(
                {"type": "http.request", "body": one, "more_body": True}
            )
        await ticks()

    async def bot_is_gone(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})
        await ticks()

    @property
    def heard(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def over(self) -> bool:
        return self.sent[-1].get("more_body") is False

    @property
    def end(self) -> CallSettled:
        (end,) = self.books.ends
        return end


@asynccontextmanager
async def meeting(meeting: Meeting) -> AsyncIterator[Meeting]:
    """The session is over when the block is."""
    running = asyncio.create_task(meeting.session.run({}, []))
    await ticks()
    await meeting.vendor_says(CREATED)
    try:
        yield meeting
        async with asyncio.timeout(5):
            await running
    finally:
        running.cancel()


def close_to_bot(code: int) -> bytes:
    return closing(code, masked=False)


async def test_a_bots_close_ends_it_at_once_when_nothing_is_under_way() -> None:
    async with meeting(Meeting(limits=SessionLimits())) as met:
        await met.vendor_says(BEGUN, DONE)
        await met.bot_says(closing(1000))
        await met.vendor_says(closing(1000, masked=False))
    assert (met.end.error, met.end.client_left) == (None, False)
    assert met.end.usage.source is UsageSource.REPORTED
    assert met.heard.endswith(close_to_bot(1000))
    assert met.over
    assert met.to_vendor[:2] == b"\x88\x82"  # a Close with a code, masked
    assert met.aborted


async def test_what_is_under_way_when_the_bot_closes_is_heard_out_for_its_usage() -> None:
    async with meeting(Meeting()) as met:
        await met.vendor_says(BEGUN)
        await met.bot_says(closing(1000))
        assert not met.books.ends
        await met.vendor_says(SAID, DONE)
    assert (met.end.error, met.end.client_left) == ("client-left", True)
    assert (met.end.usage.input_tokens, met.end.usage.output_tokens) == (7, 3)
    assert met.end.usage.source is UsageSource.REPORTED
    assert SAID not in met.heard


async def test_where_the_vendors_file_says_so_it_is_not_heard_out() -> None:
    async with meeting(Meeting(drain=False)) as met:
        await met.vendor_says(BEGUN, SAID)
        await met.bot_is_gone()
    assert met.end.usage.source is UsageSource.ESTIMATED
    assert (met.end.usage.input_tokens, met.end.usage.output_tokens) == (None, 2)


@pytest.mark.parametrize("limit", [{"drain": 0.05}, {"drain": 60.0, "drain_bytes": 100}])
async def test_it_is_heard_out_for_so_long_and_so_much_only(
    limit: dict[str, float],
) -> None:
    limits = replace(QUICK, **limit)  # type: ignore[arg-type]
    async with meeting(Meeting(limits=limits)) as met:
        await met.vendor_says(BEGUN)
        await met.bot_is_gone()
        await met.vendor_says(SAID, SAID)
    assert met.end.client_left
    assert met.end.usage.source is UsageSource.ESTIMATED


async def test_an_earlier_response_is_counted_when_a_later_one_is_cut() -> None:
    async with meeting(Meeting()) as met:
        await met.vendor_says(BEGUN, DONE, BEGUN, SAID)
        met.abort("cut")
    assert met.end.error == "upstream-cut"
    assert met.end.usage.source is UsageSource.PARTIAL
    assert (met.end.usage.input_tokens, met.end.usage.output_tokens) == (7, 3 + 2)
    assert met.heard.endswith(close_to_bot(1014))


@pytest.mark.parametrize(
    ("code", "under_way", "error"),
    [
        (1000, False, None),
        (1001, False, None),
        (1000, True, "upstream-cut"),
        (1011, False, "vendor:closed-1011"),
        (4000, True, "vendor:closed-4000"),
    ],
)
async def test_a_vendors_close_is_passed_on_once_it_is_on_record(
    code: int,
    under_way: bool,  # noqa: FBT001
    error: str | None,
) -> None:
    async with meeting(Meeting()) as met:
        if under_way:
            await met.vendor_says(BEGUN)
        await met.vendor_says(closing(code, b"because " + KEY, masked=False))
    assert met.end.error == error
    reason = b"because " + b"*" * len(KEY)
    assert met.heard.endswith(closing(code, reason, masked=False))
    assert b"because" not in met.at_settlement
    assert met.over


async def test_while_the_log_is_away_the_bot_does_not_see_the_end() -> None:
    with pytest.raises(LastByteHeld):
        async with meeting(Meeting(books=Books(away=True))) as met:
            await met.vendor_says(closing(1000, masked=False))
    assert met.heard == frame(TEXT, CREATED, masked=False)
    assert not met.over
    assert isinstance(LastByteHeld(), UpstreamCut)  # so that the connection is cut


async def test_when_the_server_stops_the_bot_hears_the_response_to_its_end() -> None:
    async with meeting(Meeting()) as met:
        await met.vendor_says(BEGUN)
        met.messages.put_nowait({"type": STOP})
        await ticks()
        assert not met.books.ends
        await met.vendor_says(SAID, DONE)
    assert (met.end.error, met.end.client_left) == ("proxy-stopped", False)
    assert met.end.usage.source is UsageSource.REPORTED
    assert frame(TEXT, DONE, masked=False) in met.heard
    assert met.heard.endswith(close_to_bot(1001))


async def test_a_quiet_session_is_stopped_at_once() -> None:
    async with meeting(Meeting(limits=replace(QUICK, drain=60.0))) as met:
        met.messages.put_nowait({"type": STOP})
    assert met.end.error is None
    assert met.heard.endswith(close_to_bot(1001))


@pytest.mark.parametrize(
    ("limit", "error", "code"),
    [
        ({"total": 0.05}, "session-too-long", 1001),
        ({"idle": 0.05}, "session-idle", 1001),
        ({"silence": 0.05}, "client-left", 1001),
    ],
)
async def test_it_ends_when_it_is_long_or_nothing_happens(
    limit: dict[str, float], error: str, code: int
) -> None:
    limits = replace(QUICK, ping=0.01, **limit)  # type: ignore[arg-type]
    async with meeting(Meeting(limits=limits)) as met:
        pass
    assert met.end.error == error
    assert close_to_bot(code)[2:4] in met.heard[-40:]
    assert frame(PING, masked=False) in met.heard


async def test_a_vendor_that_gives_no_sign_of_life_is_given_up() -> None:
    limits = replace(QUICK, ping=0.01, silence=0.5)
    async with meeting(Meeting(limits=limits)) as met:
        while not met.books.ends:
            await met.bot_says(frame(PING, b"still here"))
            await asyncio.sleep(0.005)
    assert met.end.error == "upstream-timeout"
    assert met.heard.endswith(close_to_bot(1014))


async def test_messages_keep_a_session_from_being_idle() -> None:
    limits = replace(QUICK, ping=0.01, idle=1.0, total=1.5)
    async with meeting(Meeting(limits=limits)) as met:
        while not met.books.ends:
            await met.bot_says(frame(TEXT, b"{}"))
            await asyncio.sleep(0.01)
    assert met.end.error == "session-too-long"


async def test_a_cancelled_session_is_settled_all_the_same() -> None:
    met = Meeting()
    running = asyncio.create_task(met.session.run({}, []))
    await ticks()
    await met.vendor_says(CREATED, BEGUN, SAID)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert met.end.error == "proxy-stopped"
    assert met.end.usage.source is UsageSource.ESTIMATED
    assert met.aborted
