"""OpenAI's images: models of the gpt-image kind tell tokens, older ones nothing.

The images of an answer are counted either way. An event of a stream holds a whole image.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import Raw

from domain.usage import OtherUnits
from proxy.usage.costs import Billed, cost_in
from proxy.usage.errors import error_in, seen
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import Number, Shape, count, shaped

_COMPLETED = frozenset({"image_generation.completed", "image_edit.completed"})


class _Details(Shape):
    cached_tokens: Number = None
    image_tokens: Number = None


class _Usage(Billed):
    input_tokens: Number = None
    output_tokens: Number = None
    total_tokens: Number = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None


class _Image(Shape):
    """Its pixels are not read."""


class _Answer(Shape):
    type: str | None = None
    model: str | None = None
    data: list[_Image] | None = None
    usage: _Usage | None = None
    error: Raw = Raw()


_read = shaped(_Answer)


class OpenAiImages(Tally):
    """Tallies events and bodies of generated and edited images."""

    _images = 0

    def event(self, data: bytes) -> bool:
        answer = _read(data)
        if answer is None:
            return False
        self._add(answer, "stream_event")
        if answer.type in _COMPLETED:
            self._see(1)
            self.finished = True  # but not ended: each image that was asked for has one
        elif answer.type == "error":
            self.fail(seen("error", None, None, "stream_event"))
        return True

    def body(self, data: bytes | bytearray) -> bool:
        answer = _read(data)
        if answer is None:
            return False
        self._add(answer, "http_body")
        self._see(len(answer.data or ()))
        self.finished = True
        return True

    def _see(self, images: int) -> None:
        self._images += images
        self.also(images=self._images)

    def _add(self, answer: _Answer, where: Where) -> None:
        self.named(answer.model)
        self.fail(error_in(answer.error, where))
        usage = answer.usage
        if usage is None:
            return
        self.input_tokens = count(usage.input_tokens)
        self.output_tokens = count(usage.output_tokens)
        self.total_tokens = count(usage.total_tokens)
        self.cost_micro_usd = cost_in(usage)
        into, out = usage.input_tokens_details, usage.output_tokens_details
        self.cache_read_tokens = None if into is None else count(into.cached_tokens)
        # A 0 is news here: they are priced apart, so it must be known that there are none.
        self.other = replace(
            self.other or OtherUnits(),
            image_input_tokens=None if into is None else count(into.image_tokens),
            image_output_tokens=None if out is None else count(out.image_tokens),
        )
