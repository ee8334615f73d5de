"""Ollama's own chat, generate and embed: streams are lines of JSON, the last one counts.

A prompt that was wholly cached has no count: that is unknown, not 0.
"""

from __future__ import annotations

from msgspec import Raw

from proxy.usage.errors import error_in
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import WEIGHED, Number, Shape, compact, over, shaped, weight


class _Function(Shape):
    arguments: Raw = Raw()


class _Call(Shape):
    function: _Function | None = None


class _Said(Shape):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Bill(Shape):
    model: str | None = None
    done: bool | None = None
    prompt_eval_count: Number = None
    eval_count: Number = None
    error: Raw = Raw()
    embeddings: Raw = Raw()
    embedding: Raw = Raw()  # of the older endpoint, which tells no counts


class _Line(_Bill):
    message: _Said | None = None
    response: str | None = None  # generate's text
    thinking: str | None = None


class _Last(Shape):
    done: bool | None = None


_read_line = shaped(_Line)
_read_bill = shaped(_Bill)
_read_last = shaped(_Last)


class Ollama(Tally):
    """Tallies lines and bodies."""

    def event(self, data: bytes) -> bool:
        line = _read_line(data)
        if line is None:
            return False
        self._hear(line)
        self._bill(line, "stream_event")
        self.ended = self.ended or self.finished
        return True

    def body(self, data: bytes | bytearray) -> bool:
        bill: _Bill | None
        if len(data) > WEIGHED:
            bill = _read_bill(data)
        else:
            bill = line = _read_line(data)
            if line is not None:
                self._hear(line)
        if bill is None:
            return False
        self._bill(bill, "http_body")
        if len(bill.embeddings) or len(bill.embedding):
            self.finished = True
            self.output_tokens = None if self.input_tokens is None else 0
        return True

    def is_last(self, data: bytes) -> bool:
        last = _read_last(data)
        return last is not None and last.done is True

    def _hear(self, line: _Line) -> None:
        self.output_bytes += weight(line.response) + weight(line.thinking)
        said = line.message
        if said is None:
            return
        self.output_bytes += weight(said.content) + weight(said.thinking)
        for call in said.tool_calls or ():
            if call.function is not None:
                self.output_bytes += compact(call.function.arguments)

    def _bill(self, bill: _Bill, where: Where) -> None:
        self.named(bill.model)
        self.input_tokens = over(self.input_tokens, bill.prompt_eval_count)
        self.output_tokens = over(self.output_tokens, bill.eval_count)
        self.fail(error_in(bill.error, where))
        if bill.done:
            self.finished = True
