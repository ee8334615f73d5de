"""DashScope's own API. No answer names its model; a stream's usage is cumulative.

Older models repeat the whole text in every event (`incremental_output=false`), newer ones
send what is new. The answer does not say which: as long as every text begins with the one
before, it is taken for repeated.
"""

from __future__ import annotations

from msgspec import Raw

from proxy.usage.errors import Code, seen
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import WEIGHED, Number, Shape, count, over, shaped, weight

_UNFINISHED = frozenset({None, "", "null"})


class _InputDetails(Shape):
    cached_tokens: Number = None
    cache_creation_input_tokens: Number = None


class _OutputDetails(Shape):
    reasoning_tokens: Number = None


class _Usage(Shape):
    input_tokens: Number = None
    output_tokens: Number = None
    total_tokens: Number = None
    prompt_tokens_details: _InputDetails | None = None
    output_tokens_details: _OutputDetails | None = None
    image_count: Number = None
    image_tokens: Number = None  # part of the input


class _Function(Shape):
    arguments: str | None = None


class _Call(Shape):
    function: _Function | None = None


class _Part(Shape):
    text: str | None = None


class _Said(Shape):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(Shape):
    message: _Said | None = None
    finish_reason: str | None = None


class _Output(Shape):
    text: str | None = None
    choices: list[_Choice] | None = None
    finish_reason: str | None = None
    embeddings: Raw = Raw()


class _Bill(Shape):
    usage: _Usage | None = None
    code: Code = None
    message: str | None = None


class _Answer(_Bill):
    output: _Output | None = None


_read_bill = shaped(_Bill)
_read_answer = shaped(_Answer)


class DashScope(Tally):
    """Tallies events and bodies of text generation, multimodal too, and of embeddings."""

    _heard: tuple[str, ...] | None = None  # the texts of the event before
    _repeats = True
    _summed = 0

    def event(self, data: bytes) -> bool:
        answer = _read_answer(data)
        if answer is None:
            return False
        if answer.output is not None:
            self._hear(answer.output)
        self._bill(answer, "stream_event")
        self.ended = self.ended or self.finished
        return True

    def body(self, data: bytes | bytearray) -> bool:
        bill: _Bill | None
        if len(data) > WEIGHED:
            bill = _read_bill(data)
        else:
            bill = answer = _read_answer(data)
            if answer is not None and answer.output is not None:
                self._hear(answer.output)
        if bill is None:
            return False
        self._bill(bill, "http_body")
        self.finished = self.error is None
        if self.input_tokens is None and self.output_tokens is None:  # as for embeddings
            self.input_tokens = self.total_tokens
            self.output_tokens = None if self.total_tokens is None else 0
        return True

    def _hear(self, output: _Output) -> None:
        texts = tuple(_texts_of(output))
        if self._heard is not None and self._repeats:
            before = self._heard + ("",) * (len(texts) - len(self._heard))
            grown = map(str.startswith, texts, before)
            self._repeats = len(texts) == len(before) and all(grown)
        size = sum(map(weight, texts))
        self._summed += size
        self.output_bytes = size if self._repeats else self._summed
        self._heard = texts if self._repeats else ()
        reasons = (output.finish_reason, *(c.finish_reason for c in output.choices or ()))
        if any(reason not in _UNFINISHED for reason in reasons):
            self.finished = True

    def _bill(self, bill: _Bill, where: Where) -> None:
        if bill.usage is not None:
            self._charge(bill.usage)
        if bill.code and bill.code != 200:  # noqa: PLR2004 (a status, of an answer like any)
            self.fail(seen(None, bill.code, bill.message, where))

    def _charge(self, usage: _Usage) -> None:
        self.input_tokens = over(self.input_tokens, usage.input_tokens)
        self.output_tokens = over(self.output_tokens, usage.output_tokens)
        self.total_tokens = over(self.total_tokens, usage.total_tokens)
        into, out = usage.prompt_tokens_details, usage.output_tokens_details
        if into is not None:
            written = count(into.cache_creation_input_tokens)
            self.cache_read_tokens = over(self.cache_read_tokens, into.cached_tokens)
            self.cache_write_tokens = over(self.cache_write_tokens, written)
        if out is not None:
            self.reasoning_tokens = over(self.reasoning_tokens, out.reasoning_tokens)
        self.also(images=usage.image_count, image_input_tokens=usage.image_tokens)


def _texts_of(output: _Output) -> list[str]:
    """What was said, one text for each choice and kind, always in the same order."""
    texts = [output.text or ""]
    for choice in output.choices or ():
        said = choice.message or _Said()
        content = said.content or ""
        if not isinstance(content, str):
            content = "".join(part.text or "" for part in content)
        functions = (call.function for call in said.tool_calls or ())
        asked = "".join(function.arguments or "" for function in functions if function)
        texts += [content, said.reasoning_content or "", asked]
    return texts
