"""What a vendor's answer says of the key, read before a byte of it is relayed.

An error is read as far as it fits in 64 KiB, begins within 2 s and comes within 2 s more.
Of a stream that another key could serve as well, the first events are looked at until there
is content: an error before that is as good as none relayed. Whatever was read is put back.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from domain.catalog import Vendor
from domain.verdicts import Verdict, judge
from proxy import headers
from proxy.answer import Answer, UpstreamCut
from proxy.mask import KeyMask, mask_of
from proxy.usage import ErrorSeen, UsageReader, reader_for
from proxy.usage.framing import WholeBody

HELD_BYTES = 64 * 1024
HELD_SECONDS = 2.0  # from the first piece on; of an error, for that one too
LONGEST_CODE = 120  # characters
LONGEST_SAID = 300
TOO_MANY = 429
GEMINI_DELAY = re.compile(rb'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')
SECONDS = re.compile(r"\d{1,9}(?:\.\d{1,9})?")


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """The verdict, the vendor's code for what went wrong, and how long it asks to wait."""

    verdict: Verdict
    error: str | None = None
    wait: float | None = None  # seconds
    # The beginning of the vendor's message, which is never written down anywhere.
    said: str = field(default="", compare=False, repr=False)


async def judged(answer: Answer, vendor: Vendor, secret: bytes) -> Judged:
    """What an answer that is no success says; it can be relayed afterwards as it came."""
    held = b""  # where nothing comes, the status says enough
    with suppress(TimeoutError):
        held, _ = await _held(answer, None, KeyMask(b""), HELD_SECONDS)
    reader = reader_for(
        None,
        content_type=headers.content_type(answer),
        status=answer.status,
        requested_model=None,
    )
    reader.feed(mask_of(secret).whole(held))
    reader.end()
    wait = _wait(answer, held)
    return by_error(vendor, answer.status, reader.reading().error, wait)


async def begun(
    answer: Answer,
    vendor: Vendor,
    secret: bytes,
    usage_format: str | None,
    within: float | None = None,
) -> Judged | None:
    """What is wrong with a stream that has begun; None if nothing is, so far.

    Its first piece must come `within` so many seconds; None: as everywhere.
    """
    reader = reader_for(
        usage_format,
        content_type=headers.content_type(answer),
        status=answer.status,
        requested_model=None,
    )
    if usage_format is None or isinstance(reader, WholeBody):
        return None
    try:
        held, cut = await _held(answer, reader, mask_of(secret), within)
    except TimeoutError:
        return Judged(verdict=Verdict.OVERLOADED, error="upstream-timeout")
    if cut:
        return Judged(verdict=Verdict.OVERLOADED, error="upstream-cut")
    reading = reader.reading()
    if reading.error is None or reading.output_bytes:
        return None
    return by_error(vendor, answer.status, reading.error, _wait(answer, held))


def by_error(
    vendor: Vendor, status: int, error: ErrorSeen | None, wait: float | None
) -> Judged:
    """The verdict on an answer of that status with that error in it."""
    verdict = judge(
        vendor.verdicts,
        status,
        None if error is None else error.type,
        None if error is None else error.code,
        None if error is None else error.message,
        retry_after=wait is not None,
    )
    said = None if error is None else error.code or error.type
    text = None if said is None else f"vendor:{said}"[:LONGEST_CODE]
    return Judged(
        verdict=verdict,
        error=text and "".join(filter(str.isprintable, text)),
        wait=wait,
        said="" if error is None else (error.message or "")[:LONGEST_SAID],
    )


async def _held(
    answer: Answer, reader: UsageReader | None, mask: KeyMask, within: float | None = None
) -> tuple[bytes, bool]:
    """The beginning of the answer, which stays in it, and whether it broke off there.

    As far as the reader finds content, an error or the end; without one, to the end.
    `TimeoutError`: nothing came within so many seconds.
    """
    held, cut = bytearray(), False
    loop = asyncio.get_running_loop()
    deadline = None if within is None else loop.time() + within
    try:
        while len(held) < HELD_BYTES:
            async with asyncio.timeout_at(deadline):
                piece = await answer.read()
            if not piece:
                break
            deadline = deadline if held else loop.time() + HELD_SECONDS
            held += piece
            if reader is not None:
                reader.feed(mask.feed(piece))
                if reader.ended or _tells(reader):
                    break
    except TimeoutError:
        if not held:
            raise
        # That was long enough: what is held is all that is judged.
    except UpstreamCut:
        cut = True
    answer.put_back(bytes(held))
    return bytes(held), cut


def _tells(reader: UsageReader) -> bool:
    reading = reader.reading()
    return reading.error is not None or reading.output_bytes > 0


def _wait(answer: Answer, body: bytes) -> float | None:
    """How long the vendor asks to wait, in seconds; None if it does not say."""
    for name, value in answer.headers:
        text = value.decode("latin-1").strip()
        if name == b"retry-after-ms" and SECONDS.fullmatch(text):
            return float(text) / 1000
        if name == b"retry-after":
            return float(text) if SECONDS.fullmatch(text) else _until(text)
    found = GEMINI_DELAY.search(body) if answer.status == TOO_MANY else None
    return float(found[1]) if found else None


def _until(text: str) -> float | None:
    """The seconds until an HTTP date (RFC 9110, 10.2.3)."""
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # of a number that no date has
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
