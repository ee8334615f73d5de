"""What is read of an answer before it is relayed, and that it can be relayed afterwards."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from adapters.catalog.loader import load_catalog
from domain.verdicts import Verdict
from proxy.answer import Answer, UpstreamCut
from proxy.judging import HELD_BYTES, Judged, begun, judged

pytestmark = pytest.mark.anyio

CATALOG = load_catalog()
OPENAI, GEMINI = CATALOG.get("openai"), CATALOG.get("google")
SECRET = b"sk-secret-0123456789"
SSE = [(b"content-type", b"text/event-stream")]
JSON = [(b"content-type", b"application/json")]


class Wire:
    """Plays `Source`: everything is there already, or never comes."""

    def resume(self) -> None: ...
    def abort(self, reason: str) -> None: ...


def answer(
    status: int,
    *pieces: bytes,
    headers: Iterable[tuple[bytes, bytes]] = (),
    cut: str | None = None,
    ended: bool = True,
) -> Answer:
    one = Answer(Wire(), status, list(headers), None)
    for piece in pieces:
        one.put(piece)
    if ended:
        one.end(cut)
    return one


async def rest(one: Answer) -> bytes:
    pieces = []
    while piece := await one.read():
        pieces.append(piece)
    return b"".join(pieces)


QUOTA = b'{"error": {"code": "insufficient_quota", "message": "pay", "type": "x"}}'


async def test_an_error_is_read_and_stays_readable() -> None:
    one = answer(429, QUOTA[:9], QUOTA[9:], headers=JSON)
    found = await judged(one, OPENAI, SECRET)
    assert found == Judged(verdict=Verdict.NO_FUNDS, error="vendor:insufficient_quota")
    assert await rest(one) == QUOTA


async def test_an_error_that_does_not_end_is_judged_by_its_beginning_in_time() -> None:
    one = answer(429, QUOTA[:9], headers=JSON, ended=False)
    began = time.monotonic()
    assert (await judged(one, OPENAI, SECRET)).verdict is Verdict.THROTTLED
    assert time.monotonic() - began < 3
    one.put(QUOTA[9:])
    one.end(None)
    assert await rest(one) == QUOTA


async def test_an_error_of_which_nothing_comes_is_judged_by_its_status_in_time() -> None:
    one = answer(503, headers=JSON, ended=False)
    async with asyncio.timeout(3):
        assert await judged(one, OPENAI, SECRET) == Judged(verdict=Verdict.OVERLOADED)
    one.put(QUOTA)
    one.end(None)
    assert await rest(one) == QUOTA


async def test_an_error_without_end_is_read_as_far_as_64_kib() -> None:
    pieces = [b"x" * 10_000 for _ in range(20)]
    one = Answer(Wire(), 500, JSON, None)
    for piece in pieces:
        one.put(piece)
    one.end("cut")
    assert (await judged(one, OPENAI, SECRET)).verdict is Verdict.OVERLOADED
    with pytest.raises(UpstreamCut):
        assert await rest(one) == b"".join(pieces)
    assert sum(map(len, pieces)) > HELD_BYTES


async def test_a_key_that_is_echoed_in_a_code_is_masked() -> None:
    body = b'{"error": {"code": "bad_%b"}}' % SECRET
    found = await judged(answer(400, body, headers=JSON), OPENAI, SECRET)
    assert found.error == "vendor:bad_" + "*" * len(SECRET)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ([(b"retry-after", b"17")], 17),
        ([(b"retry-after", b"0.5")], 0.5),
        ([(b"retry-after-ms", b"250"), (b"retry-after", b"9")], 0.25),
        ([(b"retry-after", b"soon")], None),
        ([(b"retry-after", b"-4")], None),
        ([(b"retry-after", b"1" * 30)], None),
        ([(b"retry-after", b"Mon, 01 Jan 2024 00:00:00 +%b" % (b"9" * 20))], None),
        ([(b"retry-after", b"Mon, 01 Jan 2024 00:00:%b GMT" % (b"9" * 20))], None),
        ([], None),
    ],
)
async def test_the_time_to_wait_is_read_from_the_headers(
    headers: list[tuple[bytes, bytes]], wait: float | None
) -> None:
    found = await judged(answer(429, b"", headers=headers), OPENAI, SECRET)
    assert found.wait == wait


async def test_the_time_to_wait_may_be_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    one = answer(429, b"", headers=[(b"retry-after", at.encode())])
    found = await judged(one, OPENAI, SECRET)
    assert found.wait is not None
    assert 37 < found.wait <= 40


async def test_gemini_says_in_the_body_how_long_to_wait() -> None:
    body = (
        b'{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": ['
        b'{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}]}}'
    )
    found = await judged(answer(429, body, headers=JSON), GEMINI, SECRET)
    assert (found.verdict, found.wait) == (Verdict.THROTTLED, 34.4)


async def test_what_a_bot_makes_the_vendor_quote_is_no_time_to_wait() -> None:
    body = rb'{"error": {"code": 429, "message": "you said \"retryDelay\": \"999s\""}}'
    found = await judged(answer(429, body, headers=JSON), GEMINI, SECRET)
    assert found.wait is None


ROLE = b'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n'
WORD = b'data: {"choices": [{"delta": {"content": "hi"}}]}\n\n'
ERROR = b'data: {"error": {"message": "no", "code": "rate_limit_exceeded"}}\n\n'
DONE = b"data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("pieces", "verdict"),
    [
        ([ROLE, ERROR], Verdict.THROTTLED),
        ([ERROR], Verdict.THROTTLED),
        ([ERROR[:20], ERROR[20:]], Verdict.THROTTLED),
        ([ROLE, WORD, ERROR], None),
        ([ROLE + WORD + ERROR], None),
        ([WORD], None),
        ([ROLE, DONE], None),
        ([], None),
    ],
)
async def test_a_stream_is_looked_at_as_far_as_its_first_content(
    pieces: list[bytes], verdict: Verdict | None
) -> None:
    one = answer(200, headers=SSE, ended=False)
    for piece in pieces:
        one.put(piece)
    one.end(None)
    found = await begun(one, OPENAI, SECRET, "openai-chat")
    assert (found and found.verdict) is verdict
    assert await rest(one) == b"".join(pieces)


async def test_a_key_that_a_stream_echoes_in_a_code_is_masked_across_its_pieces() -> None:
    event = b'data: {"error": {"code": "bad_%b"}}\n\n' % SECRET
    one = answer(200, headers=SSE, ended=False)
    seconds = [event[:30], event[30:]]
    one.put(seconds[0])
    task = asyncio.create_task(begun(one, OPENAI, SECRET, "openai-chat"))
    await asyncio.sleep(0.01)
    one.put(seconds[1])
    one.wake()
    found = await task
    assert found is not None
    assert found.error == "vendor:bad_" + "*" * len(SECRET)
    one.end(None)
    assert await rest(one) == event


async def test_a_stream_that_is_cut_before_its_content_has_failed() -> None:
    one = answer(200, ROLE, headers=SSE, cut="gone")
    assert await begun(one, OPENAI, SECRET, "openai-chat") == Judged(
        verdict=Verdict.OVERLOADED, error="upstream-cut"
    )


async def test_a_stream_without_content_is_not_held_for_long() -> None:
    one = answer(200, ROLE, headers=SSE, ended=False)
    began = time.monotonic()
    assert await begun(one, OPENAI, SECRET, "openai-chat") is None
    assert 1.5 < time.monotonic() - began < 3


@pytest.mark.parametrize(("headers", "usage"), [(JSON, "openai-chat"), (SSE, None)])
async def test_what_cannot_be_read_piece_by_piece_is_not_held_at_all(
    headers: list[tuple[bytes, bytes]], usage: str | None
) -> None:
    one = answer(200, headers=headers, ended=False)
    assert await begun(one, OPENAI, SECRET, usage) is None
