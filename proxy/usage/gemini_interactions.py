"""Gemini's interactions: thoughts and the prompts of tools stand beside the other counts.

A stream's usage comes with the event that ends it.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import Raw

from proxy.usage.errors import error_in, seen
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import WEIGHED, Number, Shape, compact, count, shaped, total, weight

_RUNNING = frozenset({"in_progress", "queued"})


class _Modality(Shape):
    modality: str | None = None
    tokens: Number = None


class _Searches(Shape):
    type: str | None = None
    count: Number = None


class _Usage(Shape):
    total_input_tokens: Number = None
    total_tool_use_tokens: Number = None
    total_output_tokens: Number = None
    total_thought_tokens: Number = None
    total_cached_tokens: Number = None
    total_tokens: Number = None
    input_tokens_by_modality: list[_Modality] | None = None
    output_tokens_by_modality: list[_Modality] | None = None
    grounding_tool_count: list[_Searches] | None = None


class _Text(Shape):
    text: str | None = None


class _Step(Shape):
    type: str | None = None
    content: list[_Text] | None = None
    summary: list[_Text] | None = None
    arguments: Raw = Raw()


class _Bill(Shape):
    model: str | None = None
    status: str | None = None
    usage: _Usage | None = None
    error: Raw = Raw()


class _Interaction(_Bill):
    steps: list[_Step] | None = None


class _Delta(Shape):
    text: str | None = None
    content: _Text | None = None  # a thought's summary
    arguments: str | None = None


class _Event(Shape):
    event_type: str | None = None
    interaction: _Bill | None = None
    delta: _Delta | None = None
    error: Raw = Raw()


_read_event = shaped(_Event)
_read_bill = shaped(_Bill)
_read_interaction = shaped(_Interaction)


class GeminiInteractions(Tally):
    """Tallies events and bodies of interactions."""

    def event(self, data: bytes) -> bool:
        event = _read_event(data)
        if event is None:
            return False
        if event.delta is not None:
            self.output_bytes += weight(event.delta.text) + weight(event.delta.arguments)
            if event.delta.content is not None:
                self.output_bytes += weight(event.delta.content.text)
        if event.interaction is not None:
            self._bill(event.interaction, "stream_event")
        if event.event_type == "interaction.completed":
            self.ended = self.finished = True
        self._note(event.error, "stream_event")
        if event.event_type == "error":
            self.fail(seen("error", None, None, "stream_event"))
        return True

    def body(self, data: bytes | bytearray) -> bool:
        bill: _Bill | None
        if len(data) > WEIGHED:
            bill = _read_bill(data)
        else:
            bill = interaction = _read_interaction(data)
            if interaction is not None:
                self.output_bytes += sum(map(_weight_of, interaction.steps or ()))
        if bill is None:
            return False
        self._bill(bill, "http_body")
        self.goes_on = bill.status in _RUNNING
        self.finished = not self.goes_on
        return True

    def _bill(self, bill: _Bill, where: Where) -> None:
        self.named(bill.model)
        if bill.usage is not None:
            self._charge(bill.usage)
        self._note(bill.error, where)
        if bill.status == "failed":
            self.fail(seen(None, None, None, where))

    def _note(self, value: Raw, where: Where) -> None:
        """Note the error; it has a code, which is a name, and no type."""
        error = error_in(value, where)
        if error is not None and error.type is None and isinstance(error.code, str):
            error = replace(error, type=error.code)
        self.fail(error)

    def _charge(self, usage: _Usage) -> None:
        into, out = usage.total_input_tokens, usage.total_output_tokens
        self.input_tokens = total(into, usage.total_tool_use_tokens)
        self.output_tokens = total(out, usage.total_thought_tokens)
        self.cache_read_tokens = count(usage.total_cached_tokens)
        self.reasoning_tokens = count(usage.total_thought_tokens)
        self.total_tokens = count(usage.total_tokens)
        searches = usage.grounding_tool_count or ()
        self.also(
            audio_input_tokens=_of_kind("audio", usage.input_tokens_by_modality),
            audio_output_tokens=_of_kind("audio", usage.output_tokens_by_modality),
            image_input_tokens=_of_kind("image", usage.input_tokens_by_modality),
            image_output_tokens=_of_kind("image", usage.output_tokens_by_modality),
            web_searches=total(*(s.count for s in searches if s.type == "google_search")),
        )


def _of_kind(modality: str, details: list[_Modality] | None) -> int | None:
    return total(*(part.tokens for part in details or () if part.modality == modality))


def _weight_of(step: _Step) -> int:
    if step.type == "user_input":
        return 0
    parts = [*(step.content or ()), *(step.summary or ())]
    return sum(weight(part.text) for part in parts) + compact(step.arguments)
