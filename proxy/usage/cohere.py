"""Cohere's chat, embed and rerank (version 2).

Chat counts every token under `tokens` and bills fewer under `billed_units`: its own
preamble is free. Embed and rerank tell only what is billed, under `meta`. No answer names
its model. A stream that failed ends as if it had not, with an error in its last event.
"""

from __future__ import annotations

from msgspec import Raw

from domain.usage import OtherUnits
from proxy.usage.errors import error_in, seen
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import WEIGHED, Number, Shape, count, shaped, weight


class _Tokens(Shape):
    input_tokens: Number = None
    output_tokens: Number = None


class _Billed(_Tokens):
    search_units: Number = None
    images: Number = None


class _Usage(Shape):
    tokens: _Tokens | None = None
    billed_units: _Billed | None = None
    cached_tokens: Number = None


class _Function(Shape):
    arguments: str | None = None


class _Call(Shape):
    function: _Function | None = None


class _Part(Shape):
    text: str | None = None
    thinking: str | None = None


class _Said(Shape):
    content: _Part | list[_Part] | None = None
    tool_plan: str | None = None
    tool_calls: _Call | list[_Call] | None = None


class _Delta(Shape):
    message: _Said | None = None
    usage: _Usage | None = None
    finish_reason: str | None = None
    error: Raw = Raw()


class _Event(Shape):
    type: str | None = None
    delta: _Delta | None = None
    message: str | None = None  # of an error


class _Bill(Shape):
    usage: _Usage | None = None
    meta: _Usage | None = None
    finish_reason: str | None = None


class _Answer(_Bill):
    message: _Said | None = None


_read_event = shaped(_Event)
_read_bill = shaped(_Bill)
_read_answer = shaped(_Answer)


class CohereV2(Tally):
    """Tallies events of a chat, and bodies of chat, embed and rerank."""

    def event(self, data: bytes) -> bool:
        event = _read_event(data)
        if event is None:
            return False
        delta = event.delta
        if delta is not None:
            if delta.message is not None:
                self.output_bytes += _weight_of(delta.message)
            if delta.usage is not None:
                self._charge(delta.usage)
            self._judge(delta.finish_reason, delta.error, "final_chunk")
        if event.type == "message-end":
            self.ended = self.finished = True
        elif event.type is None and event.message:
            self.fail(seen(None, None, event.message, "stream_event"))
        return True

    def body(self, data: bytes | bytearray) -> bool:
        bill: _Bill | None
        if len(data) > WEIGHED:
            bill = _read_bill(data)
        else:
            bill = answer = _read_answer(data)
            if answer is not None and answer.message is not None:
                self.output_bytes += _weight_of(answer.message)
        if bill is None:
            return False
        for usage in (bill.meta, bill.usage):
            if usage is not None:
                self._charge(usage)
        self._judge(bill.finish_reason, Raw(), "http_body")
        self.finished = True
        return True

    def _judge(self, reason: str | None, error: Raw, where: Where) -> None:
        """Note the error that this is; the reason for the end is its type."""
        told = error_in(error, where)
        if told is not None or (reason or "").startswith("ERROR"):
            self.fail(seen(reason, None, None if told is None else told.message, where))

    def _charge(self, usage: _Usage) -> None:
        billed, tokens = usage.billed_units, usage.tokens
        if billed is not None:
            self._bill(billed)
        if tokens is not None:
            self.input_tokens = count(tokens.input_tokens)
            self.output_tokens = count(tokens.output_tokens)
        elif billed is not None and billed.input_tokens is not None:
            self.input_tokens = count(billed.input_tokens)
            self.output_tokens = count(billed.output_tokens) or 0
        self.cache_read_tokens = count(usage.cached_tokens)

    def _bill(self, billed: _Billed) -> None:
        units = OtherUnits(
            search_units=count(billed.search_units),
            images=count(billed.images) or None,
            billed_input_tokens=count(billed.input_tokens),
            billed_output_tokens=count(billed.output_tokens),
        )
        self.other = None if units == OtherUnits() else units


def _weight_of(said: _Said) -> int:
    content, calls = said.content, said.tool_calls
    parts = content if isinstance(content, list) else [content] if content else []
    listed = calls if isinstance(calls, list) else [calls] if calls else []
    spoken = sum(weight(part.text) + weight(part.thinking) for part in parts)
    asked = sum(weight(call.function.arguments) for call in listed if call.function)
    return weight(said.tool_plan) + spoken + asked
