"""OpenAI's audio: transcriptions, translations, and speech that is streamed as events.

Newer models tell tokens, older ones the seconds they listened to: rounded up and billed in
`usage.seconds`, else as they are in `duration`. Speech as plain sound tells nothing.
"""

from __future__ import annotations

from msgspec import Raw

from proxy.usage.costs import Billed, cost_in, scaled
from proxy.usage.errors import error_in, seen
from proxy.usage.reading import Tally, Where
from proxy.usage.shapes import Number, Shape, count, shaped, weight

MILLI = 3  # decimal places from seconds to milliseconds
_DONE = frozenset({"transcript.text.done", "speech.audio.done"})


class _Details(Shape):
    audio_tokens: Number = None


class _Usage(Billed):
    input_tokens: Number = None
    output_tokens: Number = None
    total_tokens: Number = None
    input_token_details: _Details | None = None
    seconds: Raw = Raw()


class _Answer(Shape):
    type: str | None = None
    model: str | None = None
    text: str | None = None
    delta: str | None = None
    duration: Raw = Raw()
    usage: _Usage | None = None
    error: Raw = Raw()


_read = shaped(_Answer)


class OpenAiAudio(Tally):
    """Tallies events and bodies of transcriptions, translations and speech."""

    def event(self, data: bytes) -> bool:
        answer = _read(data)
        if answer is None:
            return False
        if answer.type == "transcript.text.delta":
            self.output_bytes += weight(answer.delta)
        self._add(answer, "stream_event")
        if answer.type in _DONE:
            self.ended = self.finished = True
        elif answer.type == "error":
            self.fail(seen("error", None, None, "stream_event"))
        return True

    def body(self, data: bytes | bytearray) -> bool:
        answer = _read(data)
        if answer is None:
            return False
        self.output_bytes += weight(answer.text)
        self._add(answer, "http_body")
        self.finished = True
        return True

    def _add(self, answer: _Answer, where: Where) -> None:
        self.named(answer.model)
        self.fail(error_in(answer.error, where))
        self.also(audio_ms=scaled(answer.duration, MILLI))
        if answer.usage is not None:
            self._charge(answer.usage)

    def _charge(self, usage: _Usage) -> None:
        self.input_tokens = count(usage.input_tokens)
        self.output_tokens = count(usage.output_tokens)
        self.total_tokens = count(usage.total_tokens)
        self.cost_micro_usd = cost_in(usage)
        self.also(audio_ms=scaled(usage.seconds, MILLI))
        if usage.input_token_details is not None:
            self.also(audio_input_tokens=usage.input_token_details.audio_tokens)
