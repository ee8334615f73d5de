"""Anthropic's messages. Their `input_tokens` leaves the cache out: here it is added.

In a stream `message_start` brings the input, the cache fields with their split by lifetime,
and a placeholder for the output; `message_delta` overwrites each field that it carries,
but what counts from the beginning cannot fall to nothing: some vendors write zeros there.
Compaction iterations (beta) are not in the top-level numbers and are added.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec
from msgspec import Raw

from domain.usage import OtherUnits
from proxy.usage.costs import Billed, cost_in
from proxy.usage.errors import error_in, seen
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import (
    UNREADABLE,
    WEIGHED,
    Number,
    Shape,
    compact,
    count,
    over,
    shaped,
    total,
    weight,
)

_US = b'"us"'
LARGEST_ITERATIONS = 256 * 1024  # bytes


class _Split(Shape):
    ephemeral_1h_input_tokens: Number = None


class _OutputDetails(Shape):
    thinking_tokens: Number = None


class _Counts(Billed):
    input_tokens: Number = None
    output_tokens: Number = None
    cache_creation_input_tokens: Number = None
    cache_read_input_tokens: Number = None
    cache_creation: _Split | None = None


class _Iteration(_Counts):
    type: str | None = None


class _Usage(_Counts):
    output_tokens_details: _OutputDetails | None = None
    iterations: Raw = Raw()
    speed: Raw = Raw()
    inference_geo: Raw = Raw()


class _Block(Shape):
    text: str | None = None
    thinking: str | None = None
    input: Raw = Raw()


class _Bill(Shape):
    type: str | None = None
    model: str | None = None
    usage: _Usage | None = None
    error: Raw = Raw()


class _Message(_Bill):
    content: list[_Block] | None = None


class _Delta(Shape):
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None


class _Event(Shape):
    type: str | None = None
    message: _Bill | None = None
    delta: _Delta | None = None
    content_block: _Delta | None = None
    usage: _Usage | None = None
    error: Raw = Raw()


_read_event = shaped(_Event)
_read_bill = shaped(_Bill)
_read_message = shaped(_Message)
_read_iterations = msgspec.json.Decoder(list[_Iteration]).decode


class AnthropicMessages(Tally):
    """Tallies events and bodies of messages."""

    runs = True
    _uncached: int | None = None
    _generated: int | None = None
    _read: int | None = None
    _written: int | None = None
    _written_1h: int | None = None
    _placeholder = False  # the output number is message_start's, so it means nothing yet
    _iterations: tuple[_Iteration, ...] = ()

    def event(self, data: bytes) -> bool:
        event = _read_event(data)
        if event is None:
            return False
        for piece in (event.delta, event.content_block):
            if piece is not None:
                self._hear(piece)
        if event.message is not None:
            self._bill(event.message, "stream_event")
            self._placeholder = True
        if event.usage is not None:
            self._charge(event.usage)
        if event.type == "message_stop":
            self.ended = self.finished = True
        self.fail(error_in(event.error, "stream_event"))
        if event.type == "error":
            self.fail(seen("error", None, None, "stream_event"))
        return True

    def body(self, data: bytes | bytearray) -> bool:
        bill: _Bill | None
        if len(data) > WEIGHED:
            bill = _read_bill(data)
        else:
            bill = message = _read_message(data)
            if message is not None:
                self.output_bytes += sum(map(_weight_of, message.content or ()))
        if bill is None:
            return False
        self.finished = True
        self._bill(bill, "http_body")
        if bill.type == "error":
            self.fail(seen(None, None, None, "http_body"))
        return True

    def add_up(self) -> None:
        added = self._iterations
        self.cache_read_tokens = total(
            self._read, *(i.cache_read_input_tokens for i in added)
        )
        self.cache_write_tokens = total(
            self._written, *(i.cache_creation_input_tokens for i in added)
        )
        splits = (i.cache_creation for i in added if i.cache_creation is not None)
        self.cache_write_1h_tokens = total(
            self._written_1h, *(split.ephemeral_1h_input_tokens for split in splits)
        )
        uncached = total(self._uncached, *(i.input_tokens for i in added))
        if uncached is not None:
            cached = (self.cache_read_tokens, self.cache_write_tokens)
            self.input_tokens = total(uncached, *cached)
        known = None if self._placeholder and not self.finished else self._generated
        self.untold = self._placeholder and self.output_bytes > 0
        self.output_tokens = total(known, *(i.output_tokens for i in added))

    def _hear(self, piece: _Delta) -> None:
        self.output_bytes += (
            weight(piece.text) + weight(piece.thinking) + weight(piece.partial_json)
        )
        if piece.stop_reason:
            self.finished = True

    def _bill(self, bill: _Bill, where: Where) -> None:
        self.named(bill.model)
        self.fail(error_in(bill.error, where))
        if bill.usage is not None:
            self._charge(bill.usage)

    def _charge(self, usage: _Usage) -> None:
        """Overwrite each number that the usage carries."""
        into = usage.input_tokens
        read, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
        if into or read or written or not (self._uncached or self._read or self._written):
            self._uncached = over(self._uncached, into)
            self._read = over(self._read, read)
            self._written = over(self._written, written)
        generated = count(usage.output_tokens)
        if generated is not None:
            self._generated, self._placeholder = generated, False
        if usage.cache_creation is not None:
            split = usage.cache_creation.ephemeral_1h_input_tokens
            self._written_1h = over(self._written_1h, split)
        if usage.output_tokens_details is not None:
            thought = usage.output_tokens_details.thinking_tokens
            self.reasoning_tokens = over(self.reasoning_tokens, thought)
        if len(usage.speed):
            self.served(usage.speed)
        if bytes(usage.inference_geo) == _US:
            self.other = replace(self.other or OtherUnits(), us_only=True)
        if len(usage.cost):
            self.cost_micro_usd = over(self.cost_micro_usd, cost_in(usage))
        if usage.server_tool_use is not None:
            self.also(web_searches=usage.server_tool_use.web_search_requests)
        if len(usage.iterations):
            self._iterations = _compactions(usage.iterations) or self._iterations


def _compactions(iterations: Raw) -> tuple[_Iteration, ...]:
    if len(iterations) > LARGEST_ITERATIONS or bytes(iterations) == b"null":
        return ()
    try:
        listed = _read_iterations(iterations)
    except UNREADABLE:
        return ()
    return tuple(each for each in listed if each.type == "compaction")


def _weight_of(block: _Block) -> int:
    return weight(block.text) + weight(block.thinking) + compact(block.input)
